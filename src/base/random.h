// SPDX-License-Identifier: Apache-2.0
// Counter-based randomness: a pure function from (seed, stream, counter) to bits. It has no state,
// so that a draw is the same alone, in a batch and after a resume. The function is Philox4x32-10
// (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
#pragma once

#include <array>
#include <cstdint>

namespace gptj {

constexpr std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter,
                                             std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53u} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  }
  return counter;
}

// Returns 64 bits for draw `counter` of `stream` under `seed`.
constexpr uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t counter) {
  const auto lo = [](uint64_t v) { return static_cast<uint32_t>(v); };
  const auto hi = [](uint64_t v) { return static_cast<uint32_t>(v >> 32); };
  const auto words =
      philox4x32({lo(counter), hi(counter), lo(stream), hi(stream)}, {lo(seed), hi(seed)});
  return (uint64_t{words[1]} << 32) | words[0];
}

// Returns a number that is uniform in [0, 1), a multiple of 2^-53.
constexpr double random_uniform(uint64_t seed, uint64_t stream, uint64_t counter) {
  return static_cast<double>(random_bits(seed, stream, counter) >> 11) * 0x1p-53;
}

}  // namespace gptj
