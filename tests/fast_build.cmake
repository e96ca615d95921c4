# SPDX-License-Identifier: Apache-2.0
# For test builds of the whole library (CMAKE_PROJECT_gptj_INCLUDE): half the time to compile, by
# precompiled headers and less optimisation. Never in the real build, where each file must stand
# alone.
function(gptj_precompile_headers)
  set(headers <nlohmann/json.hpp> <algorithm> <filesystem> <fstream> <functional> <map> <memory>
      <optional> <set> <span> <sstream> <string> <vector>)
  target_precompile_headers(gptj_objects PRIVATE ${headers})
  file(GLOB kernels "${PROJECT_SOURCE_DIR}/src/kernels/*.cc")
  foreach(kernel IN LISTS kernels)
    set(of_src DIRECTORY "${PROJECT_SOURCE_DIR}/src")
    # Other instruction sets cannot share a precompiled header.
    set_source_files_properties("${kernel}" ${of_src} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    get_source_file_property(options "${kernel}" ${of_src} COMPILE_OPTIONS)
    if(options)
      string(REPLACE "-O3" "-O1" options "${options}")
      set_source_files_properties("${kernel}" ${of_src} PROPERTIES COMPILE_OPTIONS "${options}")
    endif()
  endforeach()
  foreach(tests cross_tests formats_tests tokenizer_tests model_tests generate_tests)
    if(TARGET ${tests})
      target_precompile_headers(${tests} PRIVATE <gtest/gtest.h> ${headers})
    endif()
  endforeach()
endfunction()
cmake_language(DEFER CALL gptj_precompile_headers)
