// SPDX-License-Identifier: Apache-2.0
#include "sampling/speculator.h"

#include <algorithm>

#include "base/elementary.h"
#include "base/fingerprint.h"

namespace gptj {
namespace {

// Number of last tokens that must be the same, because fewer are found too often by chance.
constexpr size_t kMatch = 3;
constexpr size_t kMost = 8;  // tokens of one guess
// Weight of the newest guessed token in the moving average `right_`.
constexpr double kMemory = 0.1;
// kWorthwhile: the least probability at which a guess is computed, because each further row costs
// a part of a pass. kWorthBeginning: the least `right_` at which anything is guessed.
constexpr double kWorthwhile = 0.35, kWorthBeginning = 0.5;

// Returns a key of the kMatch ids before `end`. Two places with one key are no error: they only
// make a worse guess.
uint64_t key_of(std::span<const TokenId> ids, size_t end) {
  Fingerprint key;
  for (size_t i = end - kMatch; i < end; ++i) key.add(static_cast<uint64_t>(ids[i]));
  return key.value();
}

}  // namespace

// Notes every place of the text but its end, because a search from the end would only find itself.
void Speculator::read(std::span<const TokenId> ids) {
  for (read_ = std::max(read_, kMatch); read_ < ids.size(); ++read_) {
    after_[key_of(ids, read_)] = read_;
  }
}

std::vector<TokenId> Speculator::guess(std::span<const TokenId> ids, size_t most) {
  if (guess_) {
    std::vector<TokenId> own = guess_(ids, most);
    if (own.size() > most) own.resize(most);
    return own;
  }
  read(ids);
  if (ids.size() < kMatch) return {};
  const auto place = after_.find(key_of(ids, ids.size()));
  if (place == after_.end()) return {};
  // A guess that reaches the end of the text goes on with its own beginning.
  const auto follows = ids.subspan(place->second);
  std::vector<TokenId> guess(most);
  for (size_t i = 0; i < most; ++i) guess[i] = follows[i % follows.size()];
  return guess;
}

std::vector<TokenId> Speculator::propose(std::span<const TokenId> ids, size_t most) {
  // Compare the last guess with the text, up to its first mistake.
  for (size_t i = 0; i < watched_.size() && watched_at_ + i < ids.size(); ++i) {
    const bool right = watched_[i] == ids[watched_at_ + i];
    right_ += kMemory * ((right ? 1.0 : 0.0) - right_);
    if (!right) break;
  }
  watched_ = guess(ids, std::min(most, kMost));
  watched_at_ = ids.size();
  if (right_ < kWorthBeginning) return {};
  // Guess as many tokens as are all right with a probability of kWorthwhile.
  const double run = right_ < 1 ? elementary::log(kWorthwhile) / elementary::log(right_) : 1e9;
  auto worth = static_cast<size_t>(std::min(run, static_cast<double>(kMost)));
  // The guessed tokens and the token before them fill whole blocks.
  const size_t rows = worth + 1;
  if (rows > block_) worth = rows / block_ * block_ - 1;
  return {watched_.begin(),
          watched_.begin() + static_cast<std::ptrdiff_t>(std::min(worth, watched_.size()))};
}

}  // namespace gptj
