// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/added_tokens.h"

#include <algorithm>

#include "base/check.h"
#include "tokenizer/split.h"

namespace gptj {
namespace {

constexpr size_t kMaxContent = 1024;
constexpr size_t kMaxNodes = 1 << 20;  // a node takes about 120 bytes

}  // namespace

void AddedTokens::Trie::add(std::string_view text, const AddedRule& rule) {
  begins_[static_cast<unsigned char>(text[0])] = true;
  size_t node = 0;
  for (const char byte : text) {
    const auto [place, is_new] = nodes_[node].children.emplace(byte, nodes_.size());
    node = place->second;
    if (is_new) nodes_.emplace_back();
  }
  if (!nodes_[node].rule) nodes_[node].rule = rule;
}

std::optional<AddedTokens::Match> AddedTokens::Trie::longest_at(std::string_view text,
                                                                size_t begin) const {
  std::optional<Match> longest;
  size_t node = 0;
  for (size_t end = begin;; ++end) {
    if (nodes_[node].rule) longest = Match{*nodes_[node].rule, begin, end};
    if (end == text.size()) return longest;
    const auto child = nodes_[node].children.find(text[end]);
    if (child == nodes_[node].children.end()) return longest;
    node = child->second;
  }
}

std::optional<AddedTokens::Match> AddedTokens::Trie::find(std::string_view text,
                                                          size_t from) const {
  for (size_t begin = from; begin < text.size(); ++begin) {
    if (!begins_[static_cast<unsigned char>(text[begin])]) continue;
    if (const auto match = longest_at(text, begin)) return match;
  }
  return {};
}

void AddedTokens::add(std::string_view content, Pass pass, std::string_view text,
                      const AddedRule& rule, const std::string& where) {
  const size_t size = std::max(content.size(), text.size());
  check(size <= kMaxContent, ErrorCode::kBadFile, where, ": expected an added token of at most ",
        kMaxContent, " bytes, found ", size);
  check(tries_[0].size() + tries_[1].size() + size <= kMaxNodes, ErrorCode::kBadFile, where,
        ": expected at most ", kMaxNodes, " bytes in all added tokens, found more");
  tries_[static_cast<size_t>(pass)].add(text, rule);
  ids_.emplace(content, rule.id);
}

std::vector<AddedTokens::Piece> AddedTokens::split(Pass pass, std::string_view text) const {
  const Trie& trie = tries_[static_cast<size_t>(pass)];
  std::vector<Piece> pieces;
  size_t done = 0;        // end of the last piece
  size_t spaces_end = 0;  // end of the whitespace that rstrip took in last, to read it only once
  const auto add_text = [&](size_t begin, size_t end) {
    if (begin < end) pieces.push_back({text.substr(begin, end - begin), {}});
  };
  for (auto match = trie.find(text, 0); match; match = trie.find(text, match->end)) {
    auto [rule, begin, end] = *match;
    if (rule.single_word &&
        (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) {
      continue;
    }
    if (rule.lstrip && begin > done) {
      begin -= trailing_whitespace(text.substr(done, begin - done));
    }
    if (rule.rstrip) {
      spaces_end = end < spaces_end ? spaces_end : end + leading_whitespace(text.substr(end));
      end = spaces_end;
    }
    add_text(done, begin);
    pieces.push_back({text.substr(begin, end - begin), rule.id});
    done = end;
  }
  add_text(done, text.size());
  return pieces;
}

std::optional<TokenId> AddedTokens::find(std::string_view content) const {
  const auto found = ids_.find(std::string(content));
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace gptj
