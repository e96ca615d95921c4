// SPDX-License-Identifier: Apache-2.0
// What the subcommands share: options, and loading with progress.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "gptj/gptj.h"
#include "process.h"

namespace CLI {
class App;
}

namespace gptj::tool {

// Options of every subcommand that loads a model.
struct ModelOptions {
  std::string model;  // empty: GPTJ_MODEL, else the bundled one
  std::string weights, kv_cache, isa;
  std::string tokenizer;  // a path; empty: the model's own
  size_t threads = 0;
  uint64_t max_ram = 0;
  bool json = false;
  bool quiet = false;
};

void add_model_path_option(CLI::App& command, ModelOptions& options);
void add_tokenizer_option(CLI::App& command, ModelOptions& options);
void add_weights_option(CLI::App& command, ModelOptions& options);
// An option that takes one of the types of weights.
void add_weight_type_option(CLI::App& command, const char* name, std::string& type,
                            const char* description);
// --threads, --isa
void add_engine_options(CLI::App& command, ModelOptions& options);
// --model, --tokenizer, --weights, --kv-cache, --threads, --max-ram, --isa, --json, --quiet
void add_model_options(CLI::App& command, ModelOptions& options);
void add_output_options(CLI::App& command, ModelOptions& options);

// The folder or file that `options` mean.
std::string model_path(const ModelOptions& options);
// Says on stderr, once all is done, how many values an f16 cache could not hold, if any.
void mention_clamped(const Model& model, const ModelOptions& options);

// Returns a message of the library with the program's options for the library's, which stand between
// backquotes: "--kv-cache" for "`kv_cache`".
std::string with_option_names(const std::string& message);

// LoadOptions with progress and warnings on stderr.
LoadOptions load_options(const ModelOptions& options);
Model load_model(const ModelOptions& options);

// The bar of one long piece of work, on stderr: only where that is a terminal and not --quiet.
class ProgressBar {
 public:
  ProgressBar(std::string what, bool quiet);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void show(double fraction);

 private:
  std::string what_;
  bool shown_ = false;
  const bool enabled_;
  int percent_ = -1;
};

// JSON in one line; bytes that are not UTF-8, as names of files may have, become U+FFFD.
template <class Json>
std::string dump_text(const Json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

// "464,2068" or "464 2068" or "[464, 2068]": token ids.
std::vector<TokenId> parse_ids(const std::string& option, std::string_view text);

// Each subcommand registers itself: its options, and what to run.
using Run = std::function<int()>;
void add_complete(CLI::App& app, Run& run);
void add_batch(CLI::App& app, Run& run);
void add_repl(CLI::App& app, Run& run);
void add_tokenize(CLI::App& app, Run& run);
void add_perplexity(CLI::App& app, Run& run);
void add_convert(CLI::App& app, Run& run);
void add_inspect(CLI::App& app, Run& run);
void add_bench(CLI::App& app, Run& run);

}  // namespace gptj::tool
