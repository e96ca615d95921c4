// SPDX-License-Identifier: Apache-2.0
// Checkpoints whose matrices GPTQ has quantized, as AutoGPTQ, GPTQModel, transformers and
// GPTQ-for-LLaMa save them.
// clang-format off
// A matrix of [out, in] is kept as
//   qweight I32 [in / n, out]      n = 32 / bits numbers in each, along `in`, the lowest bits first
//   qzeros  I32 [groups, out / n]  the same along `out`, each number zero_offset less than the zero point
//   scales  F16 [groups, out]      or BF16 or F32
//   g_idx   I32 [in]               the group of each input; may be absent: one group after another
// and weight[o, i] = scales[g, o] * (q[i, o] - zero[g, o]), g = g_idx[i]: exact in f32 if scales are F16.
// clang-format on
#pragma once

#include <cstdint>
#include <optional>

#include "checkpoint/checkpoint_files.h"

namespace gptj {

class FieldReader;

struct GptqFormat {
  uint64_t bits = 4;         // 4 or 8
  uint64_t group_size = 0;   // inputs in a group; 0: all of them are one
  uint64_t zero_offset = 1;  // added to a stored zero point; 0 in format "gptq_v2"
  bool desc_act = false;     // inputs were quantized in another order, which g_idx holds
};

// Returns the format of the quantized matrices; empty if there are none. The first of these that
// exists tells it: quantization_config in `config` (the text of config.json), a
// quantize_config.json beside the weights, the shapes of the first layer's q_proj (GPTQ-for-LLaMa
// writes neither file). `n_embd` is that of the config. Throws kBadFile; kUnsupported, with advice
// what to use instead, for other methods (AWQ, bitsandbytes), numbers of bits and formats.
std::optional<GptqFormat> gptq_format(const FieldReader& config, int64_t n_embd,
                                      const CheckpointFiles& files);

// Replaces the tensors of each quantized matrix by its weight in F32, which is made from them when
// it is read. Throws kBadFile if the tensors of a matrix do not fit together.
void dequantize_gptq(CheckpointFiles& files, const GptqFormat& format);

}  // namespace gptj
