# SPDX-License-Identifier: Apache-2.0
# Tests that are scripts: the rules of the architecture, and builds of the library in other ways.
# Not part of those other builds.
if(CMAKE_CROSSCOMPILING OR GPTJ_SANITIZE)
  return()
endif()

# The architecture; rules_can_fail breaks each rule on purpose.
function(gptj_add_rule rule)
  if(Python3_FOUND)
    add_test(NAME rules.${rule}
      COMMAND Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/rules/${rule}.py" ${ARGN})
    set_tests_properties(rules.${rule} PROPERTIES LABELS rules TIMEOUT 600)
  endif()
endfunction()
foreach(rule layering arithmetic tidy recipes)
  gptj_add_rule(${rule} "${PROJECT_SOURCE_DIR}")
endforeach()
gptj_add_rule(objects "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}")
gptj_add_rule(rules_can_fail "${PROJECT_SOURCE_DIR}" "${CMAKE_CXX_COMPILER}")

# FOLDER/run.sh; each keeps its builds in the build folder, and all processors for itself. Those with
# a label "hour" are for `tools/test.sh --hour`, which CI runs, those with "long" for `--all`. Exit
# code 77 is a skip with its reason.
include(ProcessorCount)
ProcessorCount(processors)
function(gptj_add_script name folder labels)
  add_test(NAME ${folder}.${name}
    COMMAND bash "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/run.sh" ${ARGN})
  set_tests_properties(${folder}.${name} PROPERTIES LABELS "${labels}" TIMEOUT 3600
    SKIP_RETURN_CODE 77 PROCESSORS ${processors}
    ENVIRONMENT "CXX=${CMAKE_CXX_COMPILER};CMAKE_GENERATOR=${CMAKE_GENERATOR};\
CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}")
endfunction()
set(places "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}")

if(TARGET gptj_program AND GPTJ_INSTALL AND NOT BUILD_SHARED_LIBS)
  gptj_add_script(static consumer consumer static ${places})
  gptj_add_script(subproject consumer "consumer;hour" subproject ${places})
  # The shared library that the second one builds.
  gptj_add_rule(exports "${PROJECT_SOURCE_DIR}"
    "${PROJECT_BINARY_DIR}/consumer/gptj/src/libgptj.so")
  set_tests_properties(consumer.subproject PROPERTIES FIXTURES_SETUP shared_library)
  if(TEST rules.exports)
    set_tests_properties(rules.exports PROPERTIES LABELS "rules;hour"
      FIXTURES_REQUIRED shared_library)
  endif()
endif()

foreach(sanitizer address thread)
  gptj_add_script(${sanitizer} sanitize "sanitize;hour" ${sanitizer} ${places})
  gptj_add_script(${sanitizer}_all sanitize "sanitize;long" ${sanitizer} ${places} all)
endforeach()
gptj_add_script(arm64 cross "arm64;hour" ${places})
gptj_add_script(arm64_all cross "arm64;long" ${places} all)

# Debian packages: built, checked by lintian, installed in a root of their own, used and purged.
if(TARGET package)
  gptj_add_script(debian packages "long" ${places})
endif()

# The comments of the public headers as pages, without a warning.
if(TARGET docs)
  add_test(NAME documents.doxygen COMMAND "${CMAKE_COMMAND}" --build "${PROJECT_BINARY_DIR}"
    --target docs)
  set_tests_properties(documents.doxygen PROPERTIES LABELS rules)
endif()

# Against Hugging Face's library, by npm.
gptj_add_script(oracle differential/tokenizers "long" ${places} $<TARGET_FILE:encode_lines>)

# The server's page, OpenAPI file and examples, and clients that nobody here wrote, by npm.
gptj_add_script(page serve "long" ${places})
gptj_add_script(npm clients "long" ${places})

# Every fuzz target for a few seconds.
gptj_add_script(smoke fuzz "fuzz;long" 5)
set_property(TEST fuzz.smoke APPEND PROPERTY ENVIRONMENT
  "GPTJ_FUZZ_BUILD=${PROJECT_BINARY_DIR}/fuzz")

# Ten broken lines, each of which some test must notice.
if(Python3_FOUND)
  add_test(NAME mutation.ten COMMAND Python3::Interpreter
    "${CMAKE_CURRENT_SOURCE_DIR}/mutation/mutate.py" ${places})
  set_tests_properties(mutation.ten PROPERTIES LABELS "mutation;long" TIMEOUT 3600
    PROCESSORS ${processors} ENVIRONMENT "CXX=${CMAKE_CXX_COMPILER};\
CMAKE_GENERATOR=${CMAKE_GENERATOR};CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}")
endif()

# The whole project by the other compiler, warnings being errors.
find_program(GPTJ_CLANG clang++)
if(GPTJ_CLANG)
  add_test(NAME compilers.clang COMMAND ${CMAKE_CTEST_COMMAND}
    --build-and-test "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/clang"
    --build-generator ${CMAKE_GENERATOR}
    --build-options -DCMAKE_CXX_COMPILER=${GPTJ_CLANG} -DCMAKE_BUILD_TYPE=Release -DGPTJ_WERROR=ON
    --test-command tests/model_tests --gtest_brief=1 --gtest_filter=*Golden*:*RowIndependence*)
  set_tests_properties(compilers.clang PROPERTIES LABELS long TIMEOUT 3600
    PROCESSORS ${processors})
endif()
