// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/plain_text.h"

#include <algorithm>

#include "base/check.h"
#include "gptj/tokenizer.h"

namespace gptj {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

struct Mark {
  std::string_view bytes;
  const char* name;
};
// Byte order marks of other encodings. UTF-32 stands first because its little-endian mark begins
// with that of UTF-16.
constexpr Mark kOtherMarks[] = {{"\xFF\xFE\0\0"sv, "UTF-32"},
                                {"\0\0\xFE\xFF"sv, "UTF-32"},
                                {"\xFF\xFE"sv, "UTF-16"},
                                {"\xFE\xFF"sv, "UTF-16"}};

// Returns whether `bytes` look like UTF-16 without a mark. In UTF-16, text of mostly Latin letters
// has a zero in most pairs of bytes, at the same place of each pair. Text in UTF-8 has no zeros.
bool is_unmarked_utf16(std::string_view bytes) {
  const std::string_view beginning = bytes.substr(0, 4096);
  size_t zeros[2] = {0, 0};
  for (size_t i = 0; i < beginning.size(); ++i) zeros[i % 2] += beginning[i] == '\0';
  const size_t pairs = beginning.size() / 2;
  const auto [fewer, more] = std::minmax(zeros[0], zeros[1]);
  return pairs >= 2 && more * 2 > pairs && fewer * 8 < pairs;
}

}  // namespace

void begin_utf8_text(std::string& bytes, const std::string& name) {
  const auto refuse = [&](const char* found) {
    fail(ErrorCode::kUnsupported,
         concat(name, ": expected text in UTF-8, found ", found,
                "; save it as UTF-8 (in PowerShell: Out-File -Encoding utf8)"));
  };
  for (const Mark& mark : kOtherMarks) {
    if (bytes.starts_with(mark.bytes)) refuse(mark.name);
  }
  if (is_unmarked_utf16(bytes)) refuse("UTF-16");
  if (bytes.starts_with(kUtf8Mark)) bytes.erase(0, kUtf8Mark.size());
}

std::string plain_text(std::string bytes, const std::string& name) {
  begin_utf8_text(bytes, name);
  size_t kept = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\r' && i + 1 < bytes.size() && bytes[i + 1] == '\n') continue;
    bytes[kept++] = bytes[i];
  }
  bytes.resize(kept);
  return bytes;
}

}  // namespace gptj
