// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/normalize.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "tokenizer/utf8.h"

namespace gptj {
namespace {

using CodePoint = utf8proc_int32_t;

constexpr auto kDecompose = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE);
constexpr auto kCompose = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);

int combining_class(CodePoint c) { return utf8proc_get_property(c)->combining_class; }

void append_decomposed(CodePoint c, std::vector<CodePoint>& points) {
  CodePoint parts[32];  // the longest canonical decomposition has 4
  int boundary = 0;
  const auto size = utf8proc_decompose_char(c, parts, std::size(parts), kDecompose, &boundary);
  points.insert(points.end(), parts, parts + std::max<utf8proc_ssize_t>(size, 0));
}

// Sorts each run of marks by combining class. utf8proc would sort them too, but in quadratic time.
void sort_marks(std::vector<CodePoint>& points) {
  const auto is_mark = [](CodePoint c) { return combining_class(c) != 0; };
  const auto is_starter = [](CodePoint c) { return combining_class(c) == 0; };
  for (auto begin = points.begin(); begin != points.end();) {
    begin = std::find_if(begin, points.end(), is_mark);
    const auto end = std::find_if(begin, points.end(), is_starter);
    std::stable_sort(begin, end, [](CodePoint a, CodePoint b) {
      return combining_class(a) < combining_class(b);
    });
    begin = end;
  }
}

void append_composed(std::vector<CodePoint>& points, std::string& text) {
  if (points.empty()) return;
  sort_marks(points);
  const auto size = utf8proc_normalize_utf32(
      points.data(), static_cast<utf8proc_ssize_t>(points.size()), kCompose);
  for (utf8proc_ssize_t i = 0; i < size; ++i) {
    utf8proc_uint8_t bytes[4];
    const auto length = utf8proc_encode_char(points[static_cast<size_t>(i)], bytes);
    text.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
  }
  points.clear();
}

}  // namespace

std::string to_nfc(std::string_view bytes) {
  std::string text;
  std::vector<CodePoint> points;
  while (!bytes.empty()) {
    const Utf8Unit unit = next_utf8(bytes);
    if (unit.kind == Utf8Kind::kWhole) {
      append_decomposed(static_cast<CodePoint>(unit.code_point), points);
    } else {
      append_composed(points, text);
      text += bytes.substr(0, unit.length);
    }
    bytes.remove_prefix(unit.length);
  }
  append_composed(points, text);
  return text;
}

}  // namespace gptj
