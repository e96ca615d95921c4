// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/added_tokens.h"

#include "base/check.h"
#include "tokenizer/split.h"

namespace gptj {
namespace {

constexpr size_t kMaxContent = 1024;
constexpr size_t kMaxNodes = 1 << 20;  // of about 120 bytes

}  // namespace

void AddedTokens::add(std::string_view content, TokenId id, bool lstrip, bool rstrip,
                      const std::string& where) {
  check(content.size() <= kMaxContent, ErrorCode::kBadFile, where,
        ": expected an added token of at most ", kMaxContent, " bytes, found ", content.size());
  check(nodes_.size() + content.size() <= kMaxNodes, ErrorCode::kBadFile, where,
        ": expected at most ", kMaxNodes, " bytes in all added tokens, found more");
  begins_[static_cast<unsigned char>(content[0])] = true;
  size_t node = 0;
  for (const char byte : content) {
    const auto [place, is_new] = nodes_[node].children.emplace(byte, nodes_.size());
    node = place->second;
    if (is_new) nodes_.emplace_back();
  }
  if (!nodes_[node].token) nodes_[node].token = Token{id, lstrip, rstrip};
}

const AddedTokens::Node* AddedTokens::child(const Node& node, char byte) const {
  const auto found = node.children.find(byte);
  return found == node.children.end() ? nullptr : &nodes_[found->second];
}

std::optional<AddedTokens::Match> AddedTokens::longest_at_start(std::string_view text) const {
  std::optional<Match> longest;
  const Node* node = &nodes_[0];
  for (size_t length = 0; node != nullptr; ++length) {
    if (node->token) longest = Match{*node->token, length};
    if (length == text.size()) break;
    node = child(*node, text[length]);
  }
  return longest;
}

std::optional<AddedTokens::Found> AddedTokens::find_first(std::string_view text) const {
  for (size_t begin = 0; begin < text.size(); ++begin) {
    if (!begins_[static_cast<unsigned char>(text[begin])]) continue;
    const auto match = longest_at_start(text.substr(begin));
    if (!match) continue;
    const auto [id, lstrip, rstrip] = match->token;
    const size_t end = begin + match->length;
    return Found{id, begin - (lstrip ? trailing_whitespace(text.substr(0, begin)) : 0),
                 end + (rstrip ? leading_whitespace(text.substr(end)) : 0)};
  }
  return {};
}

std::optional<TokenId> AddedTokens::find(std::string_view content) const {
  const Node* node = &nodes_[0];
  for (const char byte : content) {
    node = child(*node, byte);
    if (node == nullptr) return {};
  }
  return node->token ? std::optional(node->token->id) : std::nullopt;
}

}  // namespace gptj
