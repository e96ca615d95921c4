// SPDX-License-Identifier: Apache-2.0
// The keys and values of a text, on disk: a safetensors file with "ids" I64 [positions], "pages" U8
// [pages, bytes of one] as they lie in the cache, what lies past the last position being zeros, and
// "check" I64 [1], the fingerprint of all bytes of the file in front of it. One changed byte
// anywhere is found by it. Metadata: "gptj.session" (the version of the layout), "gptj.model" (its
// fingerprint), "gptj.kv_cache" (their type), "gptj.arithmetic" (what computed them).
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/kv_cache.h"
#include "gptj/model.h"

namespace gptj {

// `ids` are the tokens of the sequence, one for each position. The file appears whole or not at
// all. Throws kInvalidArgument for another number of them, kIo.
void save_sequence(const Model& model, const KvCache& cache, SequenceId sequence,
                   std::span<const TokenId> ids, const std::string& path);

// A new sequence and its tokens. Throws kNotFound, kIo, kBadFile; kInvalidArgument for the file of
// another model, version, type of cache or arithmetic, naming what differs.
std::pair<SequenceId, std::vector<TokenId>> load_sequence(const Model& model, KvCache& cache,
                                                          const std::string& path);

}  // namespace gptj
