// SPDX-License-Identifier: Apache-2.0
// Finds special and added tokens in text, as Hugging Face's tokenizers does: in two passes, the
// first over the raw text, the second over what the first left, normalized.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gptj/tokenizer.h"

namespace gptj {

// How one token is matched.
struct AddedRule {
  TokenId id = 0;
  bool lstrip = false, rstrip = false;  // swallows the whitespace before, after it
  bool single_word = false;             // matches only where no word character is beside it
};

class AddedTokens {
 public:
  enum class Pass { kRaw, kNormalized };

  // A part of a text: an added token, or text in which this pass found none.
  struct Piece {
    std::string_view text;
    std::optional<TokenId> id;
    bool operator==(const Piece&) const = default;
  };

  // `text` is what the pass looks for: the content, or its normalized form. Neither is empty; of
  // equal ones the first counts. Throws kBadFile where the text, or all together, would take more
  // memory than any tokenizer needs; `where` begins the message.
  void add(std::string_view content, Pass pass, std::string_view text, const AddedRule& rule,
           const std::string& where);

  // The pieces of `text` in order; none of them is empty text. Matches are the longest one at the
  // leftmost place, then the next behind its end.
  std::vector<Piece> split(Pass pass, std::string_view text) const;

  // The token of exactly this content.
  std::optional<TokenId> find(std::string_view content) const;

 private:
  struct Node {  // of a trie over the texts' bytes
    std::map<char, size_t> children;
    std::optional<AddedRule> rule;
  };
  struct Match {
    AddedRule rule;
    size_t begin, end;
  };
  class Trie {
   public:
    void add(std::string_view text, const AddedRule& rule);
    size_t size() const { return nodes_.size(); }
    // The leftmost match at or behind `from`, of several there the longest.
    std::optional<Match> find(std::string_view text, size_t from) const;

   private:
    std::optional<Match> longest_at(std::string_view text, size_t begin) const;

    std::vector<Node> nodes_ = std::vector<Node>(1);
    std::array<bool, 256> begins_{};  // is there a text that begins with this byte?
  };

  Trie tries_[2];                                 // by pass
  std::unordered_map<std::string, TokenId> ids_;  // by content
};

}  // namespace gptj
