// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "checkpoint/checkpoint_files.h"

namespace gptj {

// A GPT-J in a legacy ggml or GGJT file. The config comes from its header; f32 and f16 are mapped,
// quantized weights become the f32 that ggml computes with. The oldest converters stored some
// matrices transposed, which their shapes give away.
CheckpointFiles open_ggml_checkpoint(const std::string& folder, const std::string& file);

}  // namespace gptj
