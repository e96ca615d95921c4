// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include "base/mapped_file.h"

namespace gptj {
namespace {

constexpr int kMaxDepth = 64;

// The deepest nesting of brackets outside strings. Malformed text gives some number; the parser
// that runs afterwards says what is wrong with it.
int nesting_depth(std::string_view text) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

Json parse_json(std::string_view text, std::string_view name) {
  check(nesting_depth(text) <= kMaxDepth, ErrorCode::kBadFile, name, ": JSON nested deeper than ",
        kMaxDepth, " levels");
  // nlohmann's lexer takes a zero byte for the end of the text, whatever follows.
  check(text.find('\0') == std::string_view::npos, ErrorCode::kBadFile, name,
        ": not valid JSON: byte ", text.find('\0'), " is zero; is the download complete?");
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {  // also a number out of range
    // nlohmann's text reads "[json.exception.parse_error.101] parse error at line ...".
    const std::string_view what = error.what();
    fail(ErrorCode::kBadFile, concat(name, ": not valid JSON: ",
                                     what.substr(std::min(what.size(), what.find("] ") + 2))));
  }
}

Json parse_json_file(const std::string& path, size_t limit) {
  return parse_json(read_text_file(path, limit), path);
}

void fail_type(std::string_view field, std::string_view expected, const Json& found) {
  std::string text = found.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 40) text = text.substr(0, 40) + "...";
  const std::string name(field);
  fail(ErrorCode::kInvalidArgument, concat(name, ": expected ", expected, ", found ", text), name);
}

}  // namespace gptj
