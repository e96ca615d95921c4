// SPDX-License-Identifier: Apache-2.0
// The parts that subcommands share: options, and loading a model with progress on stderr.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gptj/gptj.h"
#include "process.h"

namespace CLI {
class App;
}

namespace gptj::tool {

// The options of every subcommand that loads a model. An option that is empty or 0 takes the
// default of the library.
struct ModelOptions {
  std::string model;  // empty: GPTJ_MODEL, else the bundled one
  std::string weights, kv_cache, isa;
  std::string tokenizer;  // a path; empty: the model's own
  size_t threads = 0;
  uint64_t max_ram = 0;
  bool json = false;
  bool quiet = false;
};

// Returns the type name of an option whose value is one of `names`: "TYPE:{f32,f16}". --help, the
// manual pages and the completions show it.
std::string type_of(const char* placeholder, const std::vector<std::string>& names);
void add_model_path_option(CLI::App& command, ModelOptions& options);
void add_tokenizer_option(CLI::App& command, ModelOptions& options);
void add_weights_option(CLI::App& command, ModelOptions& options);
// Adds an option whose value is one of the types of weights.
void add_weight_type_option(CLI::App& command, const char* name, std::string& type,
                            const std::string& description);
// Adds --threads and --isa.
void add_engine_options(CLI::App& command, ModelOptions& options);
// Adds --model, --tokenizer, --weights, --kv-cache, --threads, --max-ram, --isa, --json and
// --quiet.
void add_model_options(CLI::App& command, ModelOptions& options);
// Adds --json and --quiet.
void add_output_options(CLI::App& command, ModelOptions& options);

// Returns the folder or file of the model: --model, else GPTJ_MODEL, else the bundled model. Throws
// kNotFound if that is missing.
std::string model_path(const ModelOptions& options);
// Prints on stderr how many values an f16 cache could not hold, if any. To be called at the end.
void mention_kv_cache_overflows(const Model& model, const ModelOptions& options);

// Returns a message of the library in which each option that stands between backquotes is replaced
// by the program's: "`kv_cache`" becomes "--kv-cache".
std::string with_option_names(const std::string& message);

// Returns LoadOptions that show progress and warnings on stderr.
LoadOptions load_options(const ModelOptions& options);
Model load_model(const ModelOptions& options);

// Returns JSON in one line. Bytes that are not UTF-8, which names of files may have, become U+FFFD.
template <class Json>
std::string dump_text(const Json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

// Returns the token ids of a text like "464,2068", "464 2068" or "[464, 2068]". Throws
// kInvalidArgument, naming `option`.
std::vector<TokenId> parse_ids(const std::string& option, std::string_view text);

// A subcommand that was chosen; returns the exit code.
using Run = std::function<int()>;
// Each of these adds a subcommand with its options. Parsing sets `run` to the chosen one.
void add_complete(CLI::App& app, Run& run);
void add_batch(CLI::App& app, Run& run);
void add_repl(CLI::App& app, Run& run);
void add_tokenize(CLI::App& app, Run& run);
void add_perplexity(CLI::App& app, Run& run);
void add_convert(CLI::App& app, Run& run);
void add_inspect(CLI::App& app, Run& run);
void add_bench(CLI::App& app, Run& run);
void add_serve(CLI::App& app, Run& run);  // only if it was built with GPTJ_SERVER
// These two are hidden: what they print is for installing.
void add_manual(CLI::App& app, Run& run);
void add_completion(CLI::App& app, Run& run);

}  // namespace gptj::tool
