// SPDX-License-Identifier: Apache-2.0
// Finds special and added tokens in text, as Hugging Face's tokenizers does, in two passes: the
// first over the raw text, the second over the normalized text that the first pass left.
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

// The rule by which one token is matched.
struct AddedRule {
  TokenId id = 0;
  bool lstrip = false, rstrip = false;  // takes in the whitespace before, after it
  bool single_word = false;             // matches only if no word character is beside it
};

class AddedTokens {
 public:
  enum class Pass { kRaw, kNormalized };

  // A part of a text: an added token, or text in which this pass found no token.
  struct Piece {
    std::string_view text;
    std::optional<TokenId> id;
    bool operator==(const Piece&) const = default;
  };

  // Adds a token. `text` is the string that the pass looks for: the content, or its normalized
  // form. If a string is added twice, the first one counts. Throws kBadFile if `text`, or all texts
  // together, would take more memory than any tokenizer needs; `where` begins the message.
  // REQUIRES: content and text are not empty.
  void add(std::string_view content, Pass pass, std::string_view text, const AddedRule& rule,
           const std::string& where);

  // Returns the pieces of `text` in order; no piece is empty text. The match is the longest one at
  // the leftmost place; the search then goes on behind its end.
  std::vector<Piece> split(Pass pass, std::string_view text) const;

  // Returns the token whose content is exactly `content`.
  std::optional<TokenId> find(std::string_view content) const;

 private:
  struct Node {  // a node of a trie over the bytes of the texts
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
    // Returns the leftmost match that begins at or behind `from`; if several begin there, the
    // longest.
    std::optional<Match> find(std::string_view text, size_t from) const;

   private:
    std::optional<Match> longest_at(std::string_view text, size_t begin) const;

    std::vector<Node> nodes_ = std::vector<Node>(1);
    std::array<bool, 256> begins_{};  // by byte: true if a text begins with it
  };

  Trie tries_[2];                                 // by pass
  std::unordered_map<std::string, TokenId> ids_;  // by content
};

}  // namespace gptj
