// SPDX-License-Identifier: Apache-2.0
// What the subcommands share: options, loading with progress, signals, input and output.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "gptj/gptj.h"

namespace CLI {
class App;
}

namespace gptj::tool {

inline constexpr int kDone = 0, kFailed = 1, kWrongUsage = 2, kInterrupted = 130;

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

// Ctrl-C and SIGTERM set it; a second one ends the program at once. A closed pipe ends it with 0.
const CancelToken& interrupted();
// As if there had been none: interrupted() is a new one.
void clear_interrupt();
// Waits for standard input and appends what comes. Throws kIo.
enum class Input { kMore, kEnd, kCancelled };
Input read_more(std::string& text);
// 130 or 143 after a signal, else kDone.
int exit_code();
void install_signal_handlers();

// The bytes of a file, or of standard input for an empty path or "-". Throws kNotFound or kIo.
std::string read_input(const std::string& path);
// The same as plain_text().
std::string read_text(const std::string& path);
// Writes to stdout and flushes. Throws kIo.
void print(std::string_view text);
// A line on stderr, unless quiet.
void note(bool quiet, const std::string& line);
bool is_terminal(int descriptor);

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
