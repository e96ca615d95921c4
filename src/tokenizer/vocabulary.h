// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gptj/tokenizer.h"

namespace gptj {

// Token ids and the bytes that they stand for.
class Vocabulary {
 public:
  Vocabulary() = default;
  Vocabulary(const Vocabulary&) = delete;  // by_bytes_ points into tokens_

  // Gives `id` its bytes. Throws kBadFile if the id has bytes already; `where` begins the message.
  // REQUIRES: 0 <= id <= kMaxTokenId.
  void add(TokenId id, std::string bytes, const std::string& where);

  // As add(), but find() does not find the token, because words of ordinary text must not become
  // added tokens.
  void add_hidden(TokenId id, std::string bytes, const std::string& where);

  bool has(TokenId id) const { return id >= 0 && id < size() && tokens_[at(id)].named; }
  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  std::string_view bytes(TokenId id) const { return tokens_[at(id)].bytes; }  // REQUIRES: has(id)
  bool is_special(TokenId id) const { return has(id) && tokens_[at(id)].special; }
  void set_special(TokenId id) { tokens_[at(id)].special = true; }  // REQUIRES: has(id)

  // Returns the token with these bytes; if there are several, the one that was added first.
  std::optional<TokenId> find(std::string_view bytes) const;

 private:
  struct Token {
    std::string bytes;
    bool named = false, special = false;
  };
  static size_t at(TokenId id) { return static_cast<size_t>(id); }

  std::deque<Token> tokens_;  // by id; a deque grows without moving its elements
  std::unordered_map<std::string_view, TokenId> by_bytes_;
};

}  // namespace gptj
