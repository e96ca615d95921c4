// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include "base/mapped_file.h"

namespace gptj {
namespace {

constexpr int kMaxDepth = 64;
// A tokenizer.json of 250,000 tokens has half as many values. This many take at most a few hundred
// MB.
constexpr size_t kMaxValues = 2'000'000;

struct Extent {
  int depth = 0;      // depth of the deepest value
  size_t values = 1;  // upper bound of the number of values
};

// Counts the brackets and commas outside strings. For malformed text the result has no meaning; the
// parser, which runs afterwards, reports the error.
Extent extent_of(std::string_view text) {
  Extent extent;
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      extent.depth = std::max(extent.depth, ++depth);
      ++extent.values;
    } else if (c == ',') {
      ++extent.values;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return extent;
}

}  // namespace

Json parse_json(std::string_view text, std::string_view name) {
  const Extent extent = extent_of(text);
  check(extent.depth <= kMaxDepth, ErrorCode::kBadFile, name, ": JSON nested deeper than ",
        kMaxDepth, " levels");
  check(extent.values <= kMaxValues, ErrorCode::kBadFile, name, ": more than ", kMaxValues,
        " JSON values");
  // nlohmann's lexer takes a zero byte for the end of the text, whatever follows.
  check(text.find('\0') == std::string_view::npos, ErrorCode::kBadFile, name,
        ": not valid JSON: byte ", text.find('\0'), " is zero; is the download complete?");
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {  // also a number out of range
    // nlohmann's text reads "[json.exception.parse_error.101] parse error at line ...".
    const std::string_view what = error.what();
    const size_t tag = what.find("] ");
    fail(ErrorCode::kBadFile, concat(name, ": not valid JSON: ",
                                     tag == std::string_view::npos ? what : what.substr(tag + 2)));
  }
}

Json parse_json_file(const std::string& path, size_t limit) {
  return parse_json(read_text_file(path, limit), path);
}

void fail_type(std::string_view field, std::string_view expected, const Json& found) {
  std::string text = dump_text(found);
  if (text.size() > 40) text = text.substr(0, 40) + "...";
  const std::string name(field);
  fail(ErrorCode::kInvalidArgument, concat(name, ": expected ", expected, ", found ", text), name);
}

}  // namespace gptj
