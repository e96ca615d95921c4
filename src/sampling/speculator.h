// SPDX-License-Identifier: Apache-2.0
// Guesses what a text will go on with, from what went before: after the last tokens it looks for
// the same ones earlier, and takes what followed them there (prompt lookup decoding). A guess is
// checked by computing it beside the token before it, in one pass; what is wrong is thrown away.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include "gptj/tokenizer.h"

namespace gptj {

class Speculator {
 public:
  // The caller's own guesses: what may follow `ids`, at most `most` tokens. Empty: those of the
  // text.
  using Guess = std::function<std::vector<TokenId>(std::span<const TokenId> ids, size_t most)>;

  // `block`: so many rows are computed for little more than one, but one more than a multiple of
  // them costs as much as a whole block.
  explicit Speculator(Guess guess = {}, size_t block = 1)
      : guess_(std::move(guess)), block_(block) {}

  // What it guesses to follow `ids`, all of a text so far, of which each call sees more; at most
  // `most` tokens, and none while guesses fail: then it only watches whether they would have been
  // right, which costs nothing.
  std::vector<TokenId> propose(std::span<const TokenId> ids, size_t most);

 private:
  std::vector<TokenId> guess(std::span<const TokenId> ids, size_t most);
  void read(std::span<const TokenId> ids);

  Guess guess_;
  size_t block_;
  std::unordered_map<uint64_t, size_t> after_;  // last tokens to the place behind them
  size_t read_ = 0;                             // tokens of the text that are in it
  std::vector<TokenId> watched_;  // the last guess, of what follows the first watched_at_ tokens
  size_t watched_at_ = 0;
  double right_ = 0.5;  // of the guessed tokens lately
};

}  // namespace gptj
