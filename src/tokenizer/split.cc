// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/split.h"

#include <utf8proc.h>

#include <array>

#include "tokenizer/utf8.h"

namespace gptj {
namespace {

enum class CharClass : char { kOther, kSpace, kLetter, kNumber };

// Returns whether `c` is one of the controls in Unicode's White_Space, which has these and the
// separators.
constexpr bool is_space_control(char32_t c) { return (c >= 0x09 && c <= 0x0D) || c == 0x85; }

CharClass class_of(char32_t c) {
  if (is_space_control(c)) return CharClass::kSpace;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return CharClass::kLetter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return CharClass::kNumber;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return CharClass::kSpace;
    default: return CharClass::kOther;
  }
}

constexpr CharClass class_of_ascii(int c) {
  if (c == ' ' || is_space_control(static_cast<char32_t>(c))) return CharClass::kSpace;
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return CharClass::kLetter;
  return c >= '0' && c <= '9' ? CharClass::kNumber : CharClass::kOther;
}

constexpr auto kAsciiClass = [] {
  std::array<CharClass, 128> table{};
  for (int c = 0; c < 128; ++c) table[c] = class_of_ascii(c);
  return table;
}();

struct Char {
  CharClass kind;
  size_t length;
};

Char next_char(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {kAsciiClass[lead], 1};
  const Utf8Unit unit = next_utf8(text);
  const bool whole = unit.kind == Utf8Kind::kWhole;
  return {whole ? class_of(unit.code_point) : CharClass::kOther, unit.length};
}

struct Run {
  size_t length;       // bytes of the characters of one class
  size_t last_length;  // bytes of the last of them
};

// Returns the longest run of characters of class `kind` at the beginning of `text`.
Run run_of(CharClass kind, std::string_view text) {
  Run run{0, 0};
  while (run.length < text.size()) {
    const Char c = next_char(text.substr(run.length));
    if (c.kind != kind) break;
    run.length += c.length;
    run.last_length = c.length;
  }
  return run;
}

size_t contraction_length(std::string_view text) {
  if (text[0] != '\'') return 0;
  for (const std::string_view suffix : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
    if (text.starts_with(suffix)) return suffix.size();
  }
  return 0;
}

// Returns the length of the word that \s+(?!\S)|\s+ matches: the whitespace, without its last
// character if a word follows, unless that is the only one.
size_t whitespace_word_length(std::string_view text) {
  const Run run = run_of(CharClass::kSpace, text);
  const bool text_ends = run.length == text.size();
  return text_ends || run.length == run.last_length ? run.length : run.length - run.last_length;
}

// Returns the bytes from the last one that can begin a character; at most 4.
std::string_view last_char(std::string_view text) {
  size_t start = text.size() - 1;
  while (start > 0 && text.size() - start < 4 && (text[start] & 0xC0) == 0x80) --start;
  return text.substr(start);
}

// Returns whether `c` is a circled or squared letter, which is no letter by category.
constexpr bool is_enclosed_letter(char32_t c) {
  return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
         (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

constexpr bool is_joiner(char32_t c) { return c == 0x200C || c == 0x200D; }

bool is_word(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return true;
    default: return is_enclosed_letter(c) || is_joiner(c);
  }
}

}  // namespace

size_t first_word_length(std::string_view text) {
  if (const size_t length = contraction_length(text)) return length;
  const size_t space = text[0] == ' ' && text.size() > 1 ? 1 : 0;
  const CharClass kind = next_char(text.substr(space)).kind;
  if (kind == CharClass::kSpace) return whitespace_word_length(text);
  return space + run_of(kind, text.substr(space)).length;
}

size_t leading_whitespace(std::string_view text) { return run_of(CharClass::kSpace, text).length; }

size_t trailing_whitespace(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    const std::string_view last = last_char(text.substr(0, end));
    const Char c = next_char(last);
    if (c.kind != CharClass::kSpace || c.length != last.size()) break;
    end -= last.size();
  }
  return text.size() - end;
}

bool starts_with_word(std::string_view text) {
  if (text.empty()) return false;
  const Utf8Unit unit = next_utf8(text);
  return unit.kind == Utf8Kind::kWhole && is_word(unit.code_point);
}

bool ends_with_word(std::string_view text) {
  if (text.empty()) return false;
  const std::string_view last = last_char(text);
  const Utf8Unit unit = next_utf8(last);
  return unit.kind == Utf8Kind::kWhole && unit.length == last.size() && is_word(unit.code_point);
}

}  // namespace gptj
