// SPDX-License-Identifier: Apache-2.0
// Converts a checkpoint to this engine's own single file:
//
//   gptj::convert("models/gpt-j-6b", "gpt-j-6b-int4.safetensors",
//                 {.weights = gptj::WeightType::kInt4});
//
// The file is valid safetensors and holds a whole model: packed weights, config, tokenizer, and a
// record of its source. Opening the file maps it. src/weights/packed_file.h describes its layout.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gptj/checkpoint.h"
#include "gptj/evaluate.h"
#include "gptj/export.h"
#include "gptj/model.h"
#include "gptj/tokenizer.h"

namespace gptj {

struct ConvertOptions {
  // The type of the weights; not set: as the source stores them.
  std::optional<WeightType> weights = {};
  // The type of lm_head; not set: the type of the weights, or int8 if they are int4.
  std::optional<WeightType> head = {};
  // Token ids of a text that int8 and int4 weights are rounded for. Rounding errors are then
  // carried on to other weights, so that the layers' outputs on this text stay close (GPTQ); empty:
  // each weight is rounded alone. A few ten thousand tokens like those that the model is to write
  // are plenty; tokens beyond 65,536 are left out. Calibration takes longer than running the text
  // twice.
  std::vector<TokenId> calibration = {};
  // Token ids of a text on which the result is compared with the source, in its first 16 windows of
  // 512 tokens (or of the context, if that is shorter); empty: no comparison. Both models must fit
  // in memory.
  std::vector<TokenId> evaluation = {};
  // As in LoadOptions. This tokenizer is stored in the file.
  std::string tokenizer = {};
  // As in LoadOptions.
  size_t threads = 0;
  std::string isa = {};
  // Called on the calling thread with the current step ("converting", "calibrating", "loading",
  // "evaluating") and how much of that step is done. kCancel stops with ErrorCode::kCancelled and
  // leaves no file.
  std::function<Progress(const char* what, uint64_t done, uint64_t total)> on_progress = {};
  // As in LoadOptions.
  std::function<void(const std::string& message)> on_warning = {};
};

struct ConversionReport {
  WeightType weights = WeightType::kF32, head = WeightType::kF32;
  uint64_t file_bytes = 0;
  double bits_per_weight = 0;             // as in MemoryNeeds
  int64_t calibration_tokens = 0;         // tokens used
  std::optional<Fidelity> fidelity = {};  // against the source; set with `evaluation`
};

// Returns the report as the file stores it: one JSON object, whose fidelity is null if it was not
// measured.
GPTJ_API std::string conversion_report_json(const ConversionReport& report);

// Writes `target`, whose name must end in .safetensors, from any checkpoint that Model::load()
// opens. `target` appears whole or not at all. An existing `target` is replaced.
//
// Memory, besides mapped files: at most one layer or lm_head at a time. A source that holds them in
// another form also takes the embedding, and the data that one matrix is packed from.
//
// Throws the errors of reading and writing files; kInvalidArgument if the source is made of
// `target`; kUnsupported for a source that is int8 or int4 already, without lm_head, or with
// weights beyond the type's range; kOutOfMemory with the figures, before anything is read, if the
// memory above, `calibration` or `evaluation` do not fit.
GPTJ_API ConversionReport convert(const std::string& source, const std::string& target,
                                  const ConvertOptions& options = {});

}  // namespace gptj
