// SPDX-License-Identifier: Apache-2.0
#include "sampling/speculator.h"

#include <algorithm>

#include "base/elementary.h"
#include "base/fingerprint.h"

namespace gptj {
namespace {

// Tokens that must be the same: fewer are found too often by chance.
constexpr size_t kMatch = 3;
constexpr size_t kMost = 8;
// How much the last guessed token counts among those before it.
constexpr double kMemory = 0.1;
// A row more costs a part of a pass; a guess less likely than this is not worth it.
constexpr double kWorthwhile = 0.35, kWorthBeginning = 0.5;

// Another place with the same key only makes a worse guess.
uint64_t key_of(std::span<const TokenId> ids, size_t end) {
  Fingerprint key;
  for (size_t i = end - kMatch; i < end; ++i) key.add(static_cast<uint64_t>(ids[i]));
  return key.value();
}

}  // namespace

// All but the end of the text, which would only find itself.
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
  // Where that reaches the end, it repeats itself.
  const auto follows = ids.subspan(place->second);
  std::vector<TokenId> guess(most);
  for (size_t i = 0; i < most; ++i) guess[i] = follows[i % follows.size()];
  return guess;
}

std::vector<TokenId> Speculator::propose(std::span<const TokenId> ids, size_t most) {
  // How the last guess did, up to its first mistake.
  for (size_t i = 0; i < watched_.size() && watched_at_ + i < ids.size(); ++i) {
    const bool right = watched_[i] == ids[watched_at_ + i];
    right_ += kMemory * ((right ? 1.0 : 0.0) - right_);
    if (!right) break;
  }
  watched_ = guess(ids, std::min(most, kMost));
  watched_at_ = ids.size();
  if (right_ < kWorthBeginning) return {};
  // As many as are likely enough to be right all together.
  const double run = right_ < 1 ? elementary::log(kWorthwhile) / elementary::log(right_) : 1e9;
  auto worth = static_cast<size_t>(std::min(run, static_cast<double>(kMost)));
  // With the token before them they are to fill blocks.
  const size_t rows = worth + 1;
  if (rows > block_) worth = rows / block_ * block_ - 1;
  return {watched_.begin(),
          watched_.begin() + static_cast<std::ptrdiff_t>(std::min(worth, watched_.size()))};
}

}  // namespace gptj
