// SPDX-License-Identifier: Apache-2.0
// Guesses the next tokens of a text from the text itself: it looks for an earlier place with the
// same last tokens, and guesses the tokens that followed there (prompt lookup decoding). The caller
// checks a guess by computing it in one pass with the token before it, and drops wrong tokens.
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
  // A function that returns the caller's own guess: at most `most` tokens that may follow `ids`. If
  // it is empty, guesses come from the text.
  using Guess = std::function<std::vector<TokenId>(std::span<const TokenId> ids, size_t most)>;

  // `block` is the number of rows that cost little more than one row. One row more than a multiple
  // of `block` costs as much as a whole block.
  explicit Speculator(Guess guess = {}, size_t block = 1)
      : guess_(std::move(guess)), block_(block) {}

  // Returns at most `most` tokens that may follow `ids`. Returns none while guesses fail; meanwhile
  // it still compares its guesses with the text, which costs nothing, to notice when they are right
  // again. REQUIRES: `ids` is all of a text so far, and each call passes more of the same text.
  std::vector<TokenId> propose(std::span<const TokenId> ids, size_t most);

 private:
  std::vector<TokenId> guess(std::span<const TokenId> ids, size_t most);
  void read(std::span<const TokenId> ids);

  Guess guess_;
  size_t block_;
  std::unordered_map<uint64_t, size_t> after_;  // key of kMatch tokens to the place behind them
  size_t read_ = 0;                             // tokens of the text that are in after_
  std::vector<TokenId> watched_;  // the last guess: it follows the first watched_at_ tokens
  size_t watched_at_ = 0;
  double right_ = 0.5;  // share of the guessed tokens that were right lately
};

}  // namespace gptj
