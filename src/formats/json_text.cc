// SPDX-License-Identifier: Apache-2.0
#include "formats/json_text.h"

#include <set>
#include <span>
#include <vector>

#include "base/file_kind.h"

namespace gptj {
namespace {

Json parse_without_duplicate_keys(std::string_view text, std::string_view name) {
  std::vector<std::set<std::string>> open_objects;
  return parse_json(text, name, [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) open_objects.pop_back();
    if (event == Json::parse_event_t::key) {
      check(open_objects.back().insert(value.get<std::string>()).second, ErrorCode::kBadFile, name,
            ": the key ", json_excerpt(value), " is given twice");
    }
    return true;
  });
}

}  // namespace

Json parse_json_object(std::string_view text, std::string_view name, DuplicateKeys duplicates) {
  const std::string other =
      text.starts_with('{') ? std::string() : recognise_file(std::as_bytes(std::span(text)));
  check(other.empty(), ErrorCode::kBadFile, name, ": expected JSON, found ", other);
  Json value = duplicates == DuplicateKeys::kRefused ? parse_without_duplicate_keys(text, name)
                                                     : parse_json(text, name);
  check(value.is_object(), ErrorCode::kBadFile, name, ": expected a JSON object, found ",
        json_excerpt(value));
  return value;
}

std::string json_excerpt(const Json& value) {
  constexpr size_t kLongest = 80;
  std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  if (text.size() > kLongest) text.replace(kLongest - 3, std::string::npos, "...");
  return text;
}

}  // namespace gptj
