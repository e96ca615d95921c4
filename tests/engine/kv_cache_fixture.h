// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "engine/kv_cache.h"

namespace gptj::test {

inline constexpr ModelConfig kOneHead = {.vocab_size = 7,
                                         .n_positions = 4096,
                                         .n_embd = 4,
                                         .n_layer = 1,
                                         .n_head = 1,
                                         .rotary_dim = 4,
                                         .n_inner = 16};

// The cache of a model of one head.
class KvCacheTest : public testing::Test {
 protected:
  SequenceId sequence(int64_t length) {
    const SequenceId s = cache_.add();
    cache_.extend(s, length);
    return s;
  }

  KvCache cache_{kOneHead, Element::kF32};
};

}  // namespace gptj::test
