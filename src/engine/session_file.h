// SPDX-License-Identifier: Apache-2.0
// The keys and values of a text, on disk. A session file is a safetensors file with three tensors:
// "ids" I64 [positions]; "pages" U8 [pages, bytes of a page], as the cache holds them, with zeros
// past the last position; and "check" I64 [1], the fingerprint of all bytes of the file before it.
// The check finds one changed byte anywhere. Metadata: "gptj.session" (the version of the layout),
// "gptj.model" (the model's fingerprint), "gptj.kv_cache" (the type of keys and values),
// "gptj.arithmetic" (the arithmetic that computed them).
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/kv_cache.h"
#include "gptj/model.h"

namespace gptj {

// Writes a sequence to `path`. `ids` are the sequence's tokens, one for each position. The file
// appears whole or not at all. Throws kInvalidArgument if the number of ids is not the sequence's
// length, kIo.
void save_sequence(const Model& model, const KvCache& cache, SequenceId sequence,
                   std::span<const TokenId> ids, const std::string& path);

// Adds the sequence of a file to the cache, and returns its id and its tokens. Throws
// kInvalidArgument, naming the difference, if the file is of another model, layout version, type of
// KV cache or arithmetic; kNotFound, kIo, kBadFile.
std::pair<SequenceId, std::vector<TokenId>> load_sequence(const Model& model, KvCache& cache,
                                                          const std::string& path);

}  // namespace gptj
