// SPDX-License-Identifier: Apache-2.0
// Measures the machine's limits, then the model against them, in one run:
//
//   const gptj::BenchReport report = gptj::bench({.synthetic = gptj::bench_shape("small-1gb")});
//
// Times vary with the machine's load; fractions carry over. Each comes twice: against the machine's
// limits as measured before and after everything, and, as `fraction_beside`, against those of the
// moment: the median over runs, each over the limit just before and after it, where reading is
// reading these very weights with nothing but loads. On a machine that others use as well, in
// memory that a host deals out, that is the figure to trust.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gptj/export.h"
#include "gptj/model.h"

namespace gptj {

struct BenchOptions {
  // A checkpoint to load, unless `synthetic` is set: then a model of that shape and random weights.
  std::string model = {};
  std::optional<ModelConfig> synthetic = {};
  uint64_t synthetic_seed = 0;
  LoadOptions load = {};
  // Which parts to run: "decode", "decode_long", "prompt", "batch"; empty: all. The machine is
  // always measured.
  std::vector<std::string> only = {};
  int64_t tokens = 32;  // that one decode run makes, at most four between two looks at the walls
  std::vector<int64_t> prompt_lengths = {32, 512, 1024};  // those beyond the context are left out
  std::vector<int64_t> batch_sizes = {1, 4, 16, 32};      // sequences that decode together, to 512
  int64_t runs = 5;                                       // of which the median is reported
  // What is under way, for a line of progress; kCancel ends with ErrorCode::kCancelled.
  std::function<Progress(const std::string& what)> on_step = {};
};

// What the multiplications of one weight type's products can do at best: with operands at hand.
struct ArithmeticPeak {
  std::string weights;  // "f32", ...
  std::string isa;      // whose instructions: "avx512", "avx512bf16", ...
  double tops = 0;      // 10^12 operations per second, a multiplication and an addition one each
};

struct MachineLimits {
  // Best median over one and four streams per thread and huge and small pages, before and after.
  double read_gb_per_s = 0;
  uint64_t read_bytes = 0;  // of the buffer that was read: 4 GiB, or less where memory is short
  std::vector<ArithmeticPeak> peaks = {};  // of every weight type
};

struct DecodeResult {
  int64_t context = 0;  // tokens before the first one timed
  int64_t tokens = 0;
  double tokens_per_s = 0;
  double read_gb_per_s = 0;  // of the weights, by nothing but loads, beside the runs
  // Bytes of weights and of the cache per token x tokens/s over the read bandwidth.
  double fraction_of_read = 0, fraction_beside = 0;
  // Of the time, what was spent neither multiplying weights nor on attention.
  double outside = 0;
};

// Sequences of short contexts, one token of each per step.
struct BatchResult {
  int64_t size = 0;
  double tokens_per_s = 0;  // of all together
  // Of reading the weights once per step, and of multiplying; the larger is of the lower wall.
  double fraction_of_read = 0, fraction_of_peak = 0;
  double fraction_beside = 0;  // of the lower wall

  double fraction_of_wall() const { return std::max(fraction_of_read, fraction_of_peak); }
};

struct PromptResult {
  int64_t length = 0;
  double tokens_per_s = 0;
  // Operations per second over the peak of the weights' type.
  double fraction_of_peak = 0, fraction_beside = 0;
  double outside = 0;  // as in DecodeResult
  // Operations of causal attention, rotating and storing not counted as such, over the peak of f32.
  double attention_fraction_of_peak = 0;
};

struct BenchReport {
  std::string model, isa, weights, kv_cache;
  size_t threads = 0;
  double load_seconds = 0;
  MachineLimits machine;
  uint64_t weight_bytes_per_token = 0;  // read for each token, the embedding's row aside
  double operations_per_token = 0;      // multiplications and additions, its logits' included
  std::optional<DecodeResult> decode = {};
  std::optional<DecodeResult> decode_long = {};  // at seven eighths of the context
  std::vector<BatchResult> batches = {};
  std::vector<PromptResult> prompts = {};
  // Of the process; where /proc/self/clear_refs can be written, not of what measures the machine.
  uint64_t peak_memory_bytes = 0;
  uint64_t logits_hash = 0;  // of the bits of a fixed prompt's last logits

  // Of the model's weight type.
  double peak_tops() const {
    for (const ArithmeticPeak& peak : machine.peaks) {
      if (peak.weights == weights) return peak.tops;
    }
    return 0;
  }
};

// Throws as Model::load does, and kInvalidArgument for options out of range.
GPTJ_API BenchReport bench(const BenchOptions& options);

// The config of a shape by name: "gpt-j-6b" (28 layers of 4096), "small-1gb" (20 layers of
// 1024, 1.07 GB in f32). Throws kInvalidArgument with the names there are. `layers` replaces the
// depth unless 0.
GPTJ_API ModelConfig bench_shape(const std::string& name, int64_t layers = 0);

}  // namespace gptj
