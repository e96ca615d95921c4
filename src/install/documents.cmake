# SPDX-License-Identifier: Apache-2.0
# The pages of the API, made from the comments of include/gptj: `cmake --build build --target docs`
# writes build/docs/html/index.html. A warning is an error.
find_package(Doxygen)
if(NOT DOXYGEN_FOUND)
  message(STATUS "No doxygen: there is no target docs")
  return()
endif()
configure_file(Doxyfile.in Doxyfile @ONLY)
add_custom_target(docs COMMENT "Writing the API pages to docs/html" VERBATIM
  COMMAND "${CMAKE_COMMAND}" -E make_directory "${PROJECT_BINARY_DIR}/docs"
  COMMAND Doxygen::doxygen "${CMAKE_CURRENT_BINARY_DIR}/Doxyfile")
