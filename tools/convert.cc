// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cstdio>

#include "command.h"
#include "progress.h"

namespace gptj::tool {
namespace {

struct ConvertCommand {
  ModelOptions model;  // `model` is the source
  std::string target, head, calibrate, evaluate;
  bool report = false;
};

std::string report_text(const ConversionReport& report) {
  char text[512];
  std::snprintf(text, sizeof text, "weights %s, head %s: %.3f bits per weight read, %.3f GB\n",
                weight_type_name(report.weights), weight_type_name(report.head),
                report.bits_per_weight, static_cast<double>(report.file_bytes) / 1e9);
  std::string all = text;
  if (report.calibration_tokens > 0) {
    all += "rounded for a text of " + std::to_string(report.calibration_tokens) + " tokens\n";
  }
  if (!report.fidelity) return all;
  const Fidelity& f = *report.fidelity;
  std::snprintf(
      text, sizeof text,
      "against the source over %lld tokens: mean KL %.3g, 99%% below %.3g, same likeliest "
      "token %.2f%%, perplexity %.4f (source %.4f)\n",
      static_cast<long long>(f.tokens), f.mean_kl, f.p99_kl, 100 * f.top1_agreement, f.perplexity,
      f.reference_perplexity);
  return all + text;
}

// Returns the ids of the text in `file`, which `option` names; none if there is no file. Throws
// kInvalidArgument if the text is empty.
std::vector<TokenId> ids_of(const Tokenizer& tokenizer, const char* option,
                            const std::string& file) {
  if (file.empty()) return {};
  std::vector<TokenId> ids = tokenizer.encode(read_text(file));
  if (ids.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string(option) + ": expected a text, found " + file + " empty", option);
  }
  return ids;
}

int run_convert(const ConvertCommand& command) {
  const LoadOptions load = load_options(command.model);
  ConvertOptions options;
  options.weights = load.weights;
  if (!command.head.empty()) options.head = parse_weight_type(command.head);
  options.tokenizer = load.tokenizer;
  options.threads = load.threads;
  options.isa = load.isa;
  options.on_warning = load.on_warning;
  if (!command.calibrate.empty() || !command.evaluate.empty()) {
    const ModelOptions& model = command.model;
    const Tokenizer tokenizer =
        load_tokenizer(model.tokenizer.empty() ? model.model : model.tokenizer);
    options.calibration = ids_of(tokenizer, "calibrate", command.calibrate);
    options.evaluation = ids_of(tokenizer, "evaluate", command.evaluate);
  }
  ProgressDisplay display(command.model.quiet);
  options.on_progress = [&](const char* what, uint64_t done, uint64_t total) {
    display.show(what, static_cast<double>(done) / static_cast<double>(total));
    return interrupted().cancelled() ? Progress::kCancel : Progress::kContinue;
  };
  const ConversionReport report = convert(command.model.model, command.target, options);
  display.clear();
  if (command.model.json) {
    print(conversion_report_json(report) + "\n");
  } else if (command.report) {
    print(report_text(report));
  }
  return exit_code();
}

}  // namespace

void add_convert(CLI::App& app, Run& run) {
  CLI::App& command =
      *app.add_subcommand("convert", "Write a model as one file that opens at once");
  const auto options = std::make_shared<ConvertCommand>();
  command.add_option("source", options->model.model, "A GPT-J in any form that --model takes")
      ->type_name("FILE")
      ->required();
  command.add_option("target", options->target, "The file to write; its name ends in .safetensors")
      ->type_name("FILE")
      ->required();
  add_tokenizer_option(command, options->model);
  add_weights_option(command, options->model);
  add_weight_type_option(command, "--head", options->head,
                         "The same for lm_head alone (default: int8 for int4, else as the rest)");
  command
      .add_option("--calibrate", options->calibrate,
                  "A text like those that the model is to write: int8 and int4 weights are\n"
                  "rounded for it, which takes longer and loses less (GPTQ)")
      ->type_name("FILE");
  command
      .add_option("--evaluate", options->evaluate,
                  "A text: measure on it how far the result is from the source")
      ->type_name("FILE");
  command.add_flag("--report", options->report,
                   "Print what the file stores of its size and quality (--json always does)");
  add_engine_options(command, options->model);
  add_output_options(command, options->model);
  command.footer(
      "The file holds packed weights, config and tokenizer. It appears whole or not at all.\n"
      "Examples:\n"
      "  gptj convert models/gpt-j-6b gpt-j-6b-int4.safetensors --weights int4\n"
      "  gptj convert models/fairytale-8m small.safetensors --weights int4 \\\n"
      "      --calibrate tales.txt --evaluate heldout.txt --report");
  command.callback([&run, options] { run = [options] { return run_convert(*options); }; });
}

}  // namespace gptj::tool
