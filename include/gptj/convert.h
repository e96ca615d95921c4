// SPDX-License-Identifier: Apache-2.0
// From a checkpoint to this engine's own single file:
//
//   gptj::convert("models/gpt-j-6b", "gpt-j-6b-int4.safetensors",
//                 {.weights = gptj::WeightType::kInt4});
//
// The file is valid safetensors and has all that a model is: packed weights, config, tokenizer, and
// where it came from. Opening it is a map. Its layout: src/weights/packed_file.h.
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
  // How weights are to be held; not set: as the source stores them.
  std::optional<WeightType> weights = {};
  // How lm_head is to be held; not set: as the weights, but int8 where they are int4.
  std::optional<WeightType> head = {};
  // Token ids of a text to round int8 and int4 weights for, rather than each weight alone: rounding
  // errors are carried on so that layers' outputs on this text stay close (GPTQ). A few ten
  // thousand tokens of what the model is to write are plenty, and those beyond 65,536 are left out;
  // it takes as long as running the text twice, and more.
  std::vector<TokenId> calibration = {};
  // Token ids of a text: compare the result with the source on its first 16 windows of 512 tokens
  // (or of the context, if that is shorter). Both models must fit in memory.
  std::vector<TokenId> evaluation = {};
  // As in LoadOptions; the tokenizer becomes the file's own.
  std::string tokenizer = {};
  size_t threads = 0;
  std::string isa = {};
  // Called on the calling thread: what is being done ("converting", "calibrating", "loading",
  // "evaluating"), and how much of it; kCancel stops with ErrorCode::kCancelled and leaves no file.
  std::function<Progress(const char* what, uint64_t done, uint64_t total)> on_progress = {};
  std::function<void(const std::string& message)> on_warning = {};
};

struct ConversionReport {
  WeightType weights = WeightType::kF32, head = WeightType::kF32;
  uint64_t file_bytes = 0;
  double bits_per_weight = 0;             // as in MemoryNeeds
  int64_t calibration_tokens = 0;         // those used
  std::optional<Fidelity> fidelity = {};  // against the source; set with `evaluation`
};

// The report as the file stores it: one JSON object, fidelity null where it was not measured.
GPTJ_API std::string conversion_report_json(const ConversionReport& report);

// Writes `target`, whose name must end in .safetensors, from any checkpoint that Model::load()
// opens, but not from one that is int8 or int4 already (kUnsupported). At most one layer is in
// memory at once, or lm_head, besides what is mapped; of a source that holds them otherwise, the
// embedding too, and what one matrix is packed from. `target` appears whole or not at all; one that
// exists is replaced, unless the source is made of it (kInvalidArgument). Throws what reading and
// writing can, kUnsupported for a source without lm_head or with weights beyond the type's range,
// kOutOfMemory with the figures, before anything is read, where that, `calibration` or `evaluation`
// do not fit.
GPTJ_API ConversionReport convert(const std::string& source, const std::string& target,
                                  const ConvertOptions& options = {});

}  // namespace gptj
