// SPDX-License-Identifier: Apache-2.0
// Measures the machine's limits, then the model against them, in one run:
//
//   const gptj::BenchReport report = gptj::bench({.synthetic = gptj::bench_shape("small-1gb")});
//
// Times vary with the machine's load; fractions of a limit carry over. Each fraction comes twice:
// - `fraction_of_read` and `fraction_of_peak` divide by the machine's limits, as measured before
//   and after all runs.
// - `fraction_beside` divides each run by the limit measured just before and after that run, and is
//   the median over the runs. Its limit of reading is these very weights read with nothing but
//   loads.
// Trust `fraction_beside` on a machine that others use as well, or whose memory a host deals out.
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
  // The checkpoint to load; ignored if `synthetic` is set.
  std::string model = {};
  // The shape of a model of random weights, to measure in place of a checkpoint.
  std::optional<ModelConfig> synthetic = {};
  uint64_t synthetic_seed = 0;
  LoadOptions load = {};
  // The parts to run: "decode", "decode_long", "prompt", "batch"; empty: all. The machine is always
  // measured.
  std::vector<std::string> only = {};
  // Tokens that one decode run makes, at most four between two measurements of the limits.
  int64_t tokens = 32;
  // Prompts to time, in tokens. Lengths beyond the context are left out.
  std::vector<int64_t> prompt_lengths = {32, 512, 1024};
  // Numbers of sequences that decode together, each at most 512.
  std::vector<int64_t> batch_sizes = {1, 4, 16, 32};
  int64_t runs = 5;  // runs of each part; their median is reported
  // Called with the name of each step, for a line of progress. kCancel ends the bench with
  // ErrorCode::kCancelled.
  std::function<Progress(const std::string& what)> on_step = {};
};

// The peak rate of products with weights of one type, measured with their operands at hand.
struct ArithmeticPeak {
  std::string weights;  // "f32", ...
  std::string isa;      // the instructions that multiply: "avx512", "avx512bf16", ...
  double tops = 0;      // 10^12 operations per second; a multiply-add counts as two
};

struct MachineLimits {
  // The best of the medians over one and four streams per thread, huge and small pages, before and
  // after all runs.
  double read_gb_per_s = 0;
  uint64_t read_bytes = 0;  // size of the buffer that was read: 4 GiB, or less if memory is short
  std::vector<ArithmeticPeak> peaks = {};  // one for each weight type
};

struct DecodeResult {
  int64_t context = 0;  // tokens before the first one timed
  int64_t tokens = 0;
  double tokens_per_s = 0;
  // Speed of reading the weights with nothing but loads, measured beside the runs.
  double read_gb_per_s = 0;
  // (bytes of weights and of the KV cache read per token) x tokens/s / read bandwidth
  double fraction_of_read = 0, fraction_beside = 0;
  // The fraction of the time that was spent neither multiplying weights nor on attention.
  double outside = 0;
};

// The result for sequences of short contexts that decode together, one token of each per step.
struct BatchResult {
  int64_t size = 0;
  double tokens_per_s = 0;  // of all sequences together
  // Fractions of the speed of reading the weights once per step, and of the arithmetic peak. The
  // larger one belongs to the limit that binds.
  double fraction_of_read = 0, fraction_of_peak = 0;
  double fraction_beside = 0;  // fraction of the limit that binds

  double fraction_of_limit() const { return std::max(fraction_of_read, fraction_of_peak); }
};

struct PromptResult {
  int64_t length = 0;
  double tokens_per_s = 0;
  // operations per second / peak of the weights' type
  double fraction_of_peak = 0, fraction_beside = 0;
  double outside = 0;  // as in DecodeResult
  // (operations per second of causal attention) / peak of f32. Rotating and storing do not count as
  // operations.
  double attention_fraction_of_peak = 0;
};

struct BenchReport {
  std::string model, isa, weights, kv_cache;
  size_t threads = 0;
  double load_seconds = 0;
  MachineLimits machine;
  uint64_t weight_bytes_per_token = 0;  // read for each token, without the embedding's row
  double operations_per_token = 0;      // multiplications and additions, including the logits'
  std::optional<DecodeResult> decode = {};
  std::optional<DecodeResult> decode_long = {};  // decoding at seven eighths of the context
  std::vector<BatchResult> batches = {};
  std::vector<PromptResult> prompts = {};
  // Peak memory of the process. It leaves out the measurement of the machine where
  // /proc/self/clear_refs can be written.
  uint64_t peak_memory_bytes = 0;
  uint64_t logits_hash = 0;  // hash of the bits of a fixed prompt's last logits

  // Returns the peak of products with weights of a type, "f32" or another; 0 for an unknown name.
  double peak_tops(const std::string& type) const {
    for (const ArithmeticPeak& peak : machine.peaks) {
      if (peak.weights == type) return peak.tops;
    }
    return 0;
  }
};

// Measures the machine and the model. Throws as Model::load does, and kInvalidArgument for options
// out of range.
GPTJ_API BenchReport bench(const BenchOptions& options);

// Returns the config of a shape by name: "gpt-j-6b" (28 layers of 4096), "small-1gb" (20 layers of
// 1024, 1.07 GB in f32). `layers` replaces the depth; 0 keeps it. Throws kInvalidArgument, listing
// the known names, if the name is none of them.
GPTJ_API ModelConfig bench_shape(const std::string& name, int64_t layers = 0);

}  // namespace gptj
