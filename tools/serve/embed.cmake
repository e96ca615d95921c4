# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, which has page.html and openapi.json of FOLDER as string literals. A literal may
# have 65,536 characters, so a text is cut into several.
function(literal path result)
  file(READ "${path}" text)
  set(parts "")
  string(LENGTH "${text}" length)
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${text}" ${at} 8000 part)
    string(APPEND parts "    R\"gptjfile(${part})gptjfile\"\n")
    math(EXPR at "${at} + 8000")
  endwhile()
  set(${result} "${parts}" PARENT_SCOPE)
endfunction()
literal("${FOLDER}/page.html" page)
literal("${FOLDER}/openapi.json" openapi)
file(WRITE "${OUTPUT}" "// Written by embed.cmake.
#include \"files.h\"

namespace gptj::serve {

std::string_view page_html() {
  return
${page};
}

std::string_view openapi_json() {
  return
${openapi};
}

}  // namespace gptj::serve
")
