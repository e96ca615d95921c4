// SPDX-License-Identifier: Apache-2.0
// Finds special and added tokens in text.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gptj/tokenizer.h"

namespace gptj {

class AddedTokens {
 public:
  struct Found {
    TokenId id;
    size_t begin, end;  // in the text; with lstrip or rstrip the whitespace there is inside
    bool operator==(const Found&) const = default;
  };

  // `content` is not empty; of equal contents the first counts. Throws kBadFile where it, or all
  // together, would take more memory than any tokenizer needs; `where` begins the message.
  void add(std::string_view content, TokenId id, bool lstrip, bool rstrip,
           const std::string& where);

  // The token that begins leftmost, of several the longest.
  std::optional<Found> find_first(std::string_view text) const;

  // The token of exactly this content.
  std::optional<TokenId> find(std::string_view content) const;

 private:
  struct Token {
    TokenId id;
    bool lstrip, rstrip;
  };
  struct Node {  // of a trie over the contents' bytes
    std::map<char, size_t> children;
    std::optional<Token> token;
  };
  struct Match {
    Token token;
    size_t length;
  };

  const Node* child(const Node& node, char byte) const;
  std::optional<Match> longest_at_start(std::string_view text) const;

  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::array<bool, 256> begins_{};  // is there a token that begins with this byte?
};

}  // namespace gptj
