// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "progress.h"

namespace gptj::tool {
namespace {

struct PerplexityCommand {
  ModelOptions model;
  std::string file;
  PerplexityOptions options;
};

int run_perplexity(const PerplexityCommand& command) {
  const std::string text = read_text(command.file);
  const Model model = load_model(command.model);
  if (model.tokenizer() == nullptr) {
    throw Error(
        ErrorCode::kUnsupported,
        model_path(command.model) + ": expected a tokenizer beside the weights, found none");
  }
  PerplexityOptions options = command.options;
  {
    ProgressDisplay display(command.model.quiet);
    options.on_progress = [&](int64_t done, int64_t total) {
      display.show("scoring", static_cast<double>(done) / static_cast<double>(total));
      return interrupted().cancelled() ? Progress::kCancel : Progress::kContinue;
    };
    const Perplexity result = perplexity(model, model.tokenizer()->encode(text), options);
    if (command.model.json) {
      nlohmann::ordered_json json;
      json["perplexity"] = result.perplexity;
      json["tokens"] = result.tokens;
      json["window"] = result.window;
      json["stride"] = result.stride;
      print(dump_text(json) + "\n");
      return exit_code();
    }
    char line[160];
    std::snprintf(line, sizeof line,
                  "perplexity %.4f over %lld tokens (windows of %lld, stride %lld)\n",
                  result.perplexity, static_cast<long long>(result.tokens),
                  static_cast<long long>(result.window), static_cast<long long>(result.stride));
    print(line);
  }
  mention_kv_cache_overflows(model, command.model);
  return exit_code();
}

}  // namespace

void add_perplexity(CLI::App& app, Run& run) {
  CLI::App& command = *app.add_subcommand("perplexity", "Score how well the model predicts a text");
  const auto options = std::make_shared<PerplexityCommand>();
  command.add_option("file", options->file, "The text")->type_name("FILE")->required();
  command.add_option("--window", options->options.window,
                     "Tokens of each window (default: the model's n_positions)");
  command.add_option("--stride", options->options.stride,
                     "Tokens from window to window (default: the window)");
  add_model_options(command, options->model);
  command.footer(
      "The file is one stream of tokens, with nothing added in front. The first token of each\n"
      "window is not scored, and of overlapping windows only what is new.\n"
      "Example:\n"
      "  gptj perplexity heldout.txt --weights f32 --json");
  command.callback([&run, options] { run = [options] { return run_perplexity(*options); }; });
}

}  // namespace gptj::tool
