// SPDX-License-Identifier: Apache-2.0
// CodeGen is a GPT-J that keeps q, k and v of a layer in one matrix.
#pragma once

#include <string>
#include <string_view>

#include "checkpoint/checkpoint_files.h"

namespace gptj {

// In how many blocks the rows of the fused matrix lie: the number of processors that CodeGen's
// authors trained on. 0 for other models. A field "mp_num" says it; without, it is 8 where there is
// a field "head_dim" of 128 or 256, as only CodeGen2-1B and -3.7B have it, and else 4.
// `text` is config.json, `file` begins every message. Throws kBadFile.
int64_t codegen_blocks(std::string_view text, const std::string& file);

// Replaces each h.N.attn.qkv_proj.weight by q_proj, k_proj and v_proj, to be made from it. Each of
// its blocks has the rows of q, then of v, then of k, of its share of the heads. Throws kBadFile.
void split_codegen_qkv(CheckpointFiles& files, const ModelConfig& config, int64_t blocks);

}  // namespace gptj
