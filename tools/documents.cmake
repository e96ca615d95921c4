# SPDX-License-Identifier: Apache-2.0
# Writes the manual pages and completions that PROGRAM prints to FOLDER, which has the layout of
# /usr/share: cmake -DPROGRAM=... -DFOLDER=... -DDATE=2026-11-28 -P documents.cmake

# Runs the program and writes what it prints to a file.
function(write_printed path)
  execute_process(COMMAND "${PROGRAM}" ${ARGN} OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
  file(WRITE "${FOLDER}/${path}" "${printed}")
endfunction()

file(REMOVE_RECURSE "${FOLDER}/man")  # a command that is gone leaves no page
execute_process(COMMAND "${PROGRAM}" manual OUTPUT_VARIABLE pages COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]+" pages "${pages}")
foreach(page ${pages})
  string(REGEX REPLACE ".*\\." "" number "${page}")
  write_printed("man/man${number}/${page}" manual ${page} --date "${DATE}")
endforeach()
write_printed("bash-completion/completions/gptj" completion bash)
write_printed("zsh/_gptj" completion zsh)
write_printed("fish/vendor_completions.d/gptj.fish" completion fish)
