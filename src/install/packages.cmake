# SPDX-License-Identifier: Apache-2.0
# Debian packages, one for each component: `cmake --build build --target package` writes them to
# build/packages. They are built apart, in build/package: with the shared library, for the prefix
# /usr, and with Debian's hardening flags.
if(NOT GPTJ_PACKAGE)
  if(GPTJ_BUILD_TOOLS AND NOT CMAKE_CROSSCOMPILING)
    add_custom_target(package COMMENT "Building Debian packages in packages/" VERBATIM USES_TERMINAL
      COMMAND "${CMAKE_COMMAND}" -S "${PROJECT_SOURCE_DIR}" -B "${PROJECT_BINARY_DIR}/package"
        -G "${CMAKE_GENERATOR}" "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}"
        "-DCMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}"
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr -DBUILD_SHARED_LIBS=ON
        -DGPTJ_BUILD_TOOLS=ON -DGPTJ_BUILD_TESTS=OFF -DGPTJ_PACKAGE=ON
      COMMAND "${CMAKE_COMMAND}" --build "${PROJECT_BINARY_DIR}/package"
      COMMAND "${CMAKE_COMMAND}" -E rm -rf "${PROJECT_BINARY_DIR}/packages"
      COMMAND "${CMAKE_CPACK_COMMAND}" --config "${PROJECT_BINARY_DIR}/package/CPackConfig.cmake"
        -G DEB -B "${PROJECT_BINARY_DIR}/packages"
      COMMAND "${CMAKE_COMMAND}" -E rm -rf "${PROJECT_BINARY_DIR}/packages/_CPack_Packages")
  endif()
  return()
endif()

# Hardening, and no path of this machine in the files. Kernels keep their flags, because their bits
# are tested with these; link-time optimization would undo the rules of their files.
set(GPTJ_HARDENING -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wformat -Werror=format-security
  "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=."
  CACHE STRING "Compiler flags of packages, but for kernels")
get_target_property(sources gptj_objects SOURCES)
list(FILTER sources EXCLUDE REGEX "/kernels/")
set_source_files_properties(${sources} TARGET_DIRECTORY gptj_objects
  PROPERTIES COMPILE_OPTIONS "${GPTJ_HARDENING}")
target_compile_options(gptj_program PRIVATE ${GPTJ_HARDENING})
foreach(target gptj gptj_program)
  target_link_options(${target} PRIVATE LINKER:-z,relro,-z,now)
  set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
endforeach()

set(components program library development model)
if(TARGET docs)
  list(APPEND components documents)
  add_custom_target(all_docs ALL DEPENDS docs)
  install(DIRECTORY "${PROJECT_BINARY_DIR}/docs/html" DESTINATION share/doc/libgptj-doc
    COMPONENT documents)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME gptj)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_CONTACT "The gptj maintainers <maintainers@gptj.invalid>")
set(CPACK_COMPONENTS_ALL ${components})
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
  GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${PROJECT_BINARY_DIR}/src")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each package has its own

# package(COMPONENT NAME SECTION SUMMARY TEXT): the text's lines are the long description.
set(abi "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
set(documents_folder "${CMAKE_CURRENT_BINARY_DIR}/package")
function(package component name section summary text)
  string(TOUPPER "${component}" C)
  set(CPACK_DEBIAN_${C}_PACKAGE_NAME "${name}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${C}_PACKAGE_SECTION "${section}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${C}_DESCRIPTION "${summary}\n${text}" PARENT_SCOPE)
  # Each package says who made it and what changed. One that has nothing of this machine's kind is
  # for all.
  install(FILES "${CMAKE_CURRENT_SOURCE_DIR}/copyright" "${documents_folder}/changelog.gz"
    DESTINATION "share/doc/${name}" COMPONENT ${component})
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${component}.lintian")
    install(FILES "${CMAKE_CURRENT_SOURCE_DIR}/${component}.lintian"
      DESTINATION share/lintian/overrides RENAME "${name}" COMPONENT ${component})
  endif()
endfunction()

# Policy 12.7 wants the changelog, and 12.1 manual pages, compressed, by gzip -9n.
find_program(GZIP gzip REQUIRED)
file(MAKE_DIRECTORY "${documents_folder}")
execute_process(COMMAND "${GZIP}" -9nc "${CMAKE_CURRENT_SOURCE_DIR}/changelog"
  OUTPUT_FILE "${documents_folder}/changelog.gz" COMMAND_ERROR_IS_FATAL ANY)
install(CODE "
  file(GLOB pages \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/man/man*/*.[15]\")
  execute_process(COMMAND \"${GZIP}\" -9nf \${pages} COMMAND_ERROR_IS_FATAL ANY)
" COMPONENT program)

set(about "GPT-J is a language model with 6 billion parameters. gptj runs it and its
fine-tunes on ordinary processors, from checkpoints of Hugging Face,
mesh-transformer-jax and others, with weights of 32 to 4 bits.")
package(program gptj science "run GPT-J language models on CPUs" "${about}
.
This package has the program: it completes prompts, answers files of requests,
converts checkpoints and measures them.")
package(library libgptj${abi} libs "library that runs GPT-J language models on CPUs" "${about}
.
This package has the shared library.")
package(development libgptj-dev libdevel "library that runs GPT-J models - development files"
  "${about}
.
This package has the headers, and the files for CMake and pkg-config.")
package(model gptj-demo-model science "small demo model for gptj" "${about}
.
This package has a model of 8 million parameters that was trained on old fairy
tales. The program uses it where no other model is named.")
package(documents libgptj-doc doc "library that runs GPT-J models - documentation" "${about}
.
This package has the pages of the programming interface.")

# The dependency is exact, because the interface may change in each version before 1.0. The loader's
# cache is renewed by a trigger.
file(WRITE "${documents_folder}/shlibs" "libgptj ${abi} libgptj${abi} (= ${PROJECT_VERSION})\n")
file(WRITE "${documents_folder}/triggers" "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA "${documents_folder}/shlibs"
  "${documents_folder}/triggers")
set(CPACK_POST_BUILD_SCRIPTS "${CMAKE_CURRENT_SOURCE_DIR}/drop_ldconfig.cmake")

set(CPACK_COMPONENT_PROGRAM_DEPENDS library)
set(CPACK_COMPONENT_DEVELOPMENT_DEPENDS library)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS gptj-demo-model)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS libgptj-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS libgptj-doc)
foreach(component MODEL DOCUMENTS)
  set(CPACK_DEBIAN_${component}_PACKAGE_ARCHITECTURE all)
  set(CPACK_DEBIAN_${component}_PACKAGE_SHLIBDEPS OFF)
endforeach()

include(CPack)
