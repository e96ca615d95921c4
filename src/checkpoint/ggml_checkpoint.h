// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "checkpoint/checkpoint_files.h"

namespace gptj {

// Opens a GPT-J in a legacy ggml or GGJT file. The config comes from its header. f32 and f16
// weights are mapped; quantized weights become the f32 numbers that ggml computes with. Matrices
// that the oldest converters stored transposed are recognised by their shapes and turned back.
CheckpointFiles open_ggml_checkpoint(const std::string& folder, const std::string& file);

}  // namespace gptj
