// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <algorithm>
#include <set>
#include <span>
#include <vector>

#include "base/file_kind.h"
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

// Looks for equal keys without building values. (nlohmann's parser with a callback is slower: it
// searches the whole enclosing object whenever an object inside it ends.)
class KeyReader : public nlohmann::json_sax<Json> {
 public:
  explicit KeyReader(std::string_view name) : name_(name) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_array(size_t) override { return true; }
  bool end_array() override { return true; }
  bool start_object(size_t) override {
    open_objects_.emplace_back();
    return true;
  }
  bool end_object() override {
    open_objects_.pop_back();
    return true;
  }
  bool key(string_t& key) override {
    check(open_objects_.back().insert(key).second, ErrorCode::kBadFile, name_, ": the key ",
          lazy_excerpt(key), " is given twice");
    return true;
  }
  bool parse_error(size_t, const std::string&, const Json::exception&) override { return false; }

 private:
  std::string_view name_;
  std::vector<std::set<std::string>> open_objects_;
};

void refuse_duplicate_keys(std::string_view text, std::string_view name) {
  KeyReader reader(name);
  Json::sax_parse(text, &reader);
}

constexpr size_t kLongestExcerpt = 80;

std::string dump(const Json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

std::string dump_beginning(const std::string& text) {
  return dump(Json(text.size() > kLongestExcerpt ? text.substr(0, kLongestExcerpt + 4) : text));
}

// Appends at least as much of the value as an excerpt shows, but not all of a large value, because
// excerpts are made for messages that are seldom needed.
void add_excerpt(const Json& value, std::string& text) {
  if (value.is_string()) {
    text += dump_beginning(value.get_ref<const std::string&>());
    return;
  }
  if (!value.is_structured()) {
    text += dump(value);
    return;
  }
  text += value.is_array() ? '[' : '{';
  const char* separator = "";
  for (auto item = value.begin(); item != value.end(); ++item) {
    if (text.size() > kLongestExcerpt) return;
    text += separator;
    separator = ",";
    if (value.is_object()) text += dump_beginning(item.key()) + ':';
    add_excerpt(*item, text);
  }
  text += value.is_array() ? ']' : '}';
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

Json parse_json_object(std::string_view text, std::string_view name, DuplicateKeys duplicates) {
  const std::string other =
      text.starts_with('{') ? std::string() : recognise_file(std::as_bytes(std::span(text)));
  check(other.empty(), ErrorCode::kBadFile, name, ": expected JSON, found ", other);
  Json value = parse_json(text, name);
  check(value.is_object(), ErrorCode::kBadFile, name, ": expected a JSON object, found ",
        lazy_excerpt(value));
  if (duplicates == DuplicateKeys::kRefused) refuse_duplicate_keys(text, name);
  return value;
}

std::string json_excerpt(const Json& value) {
  std::string text;
  add_excerpt(value, text);
  if (text.size() > kLongestExcerpt) text.replace(kLongestExcerpt - 3, std::string::npos, "...");
  return text;
}

}  // namespace gptj
