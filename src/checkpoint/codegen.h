// SPDX-License-Identifier: Apache-2.0
// CodeGen is a GPT-J that keeps q, k and v of a layer in one matrix.
#pragma once

#include <cstdint>

#include "checkpoint/checkpoint_files.h"

namespace gptj {

class FieldReader;

// Returns the number of blocks in which the rows of the fused matrix lie, or 0 if config.json
// describes another model than CodeGen. Each block comes from one of the processors that CodeGen's
// authors trained on. The field "mp_num" gives the number. Without that field the number is 8 if
// there is a field "head_dim" of 128 or 256, which only CodeGen2-1B and -3.7B have, and else 4.
// `text` is config.json; `file` begins every message. Throws kBadFile.
int64_t codegen_blocks(const FieldReader& config);

// Replaces each h.N.attn.qkv_proj.weight by q_proj, k_proj and v_proj, which are made from it when
// they are read. Each block of its rows has the rows of q, then of v, then of k, for the block's
// share of the heads. Throws kBadFile.
void split_codegen_qkv(CheckpointFiles& files, const ModelConfig& config, int64_t blocks);

}  // namespace gptj
