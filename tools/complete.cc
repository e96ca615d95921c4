// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "answer.h"
#include "command.h"
#include "request_options.h"

namespace gptj::tool {
namespace {

struct CompleteOptions {
  ModelOptions model;
  PromptOptions prompt;
  RequestOptions request;
  TemplateOptions format;
  std::string session;
};

std::string rate(int64_t tokens, double seconds) {
  char text[96];
  std::snprintf(text, sizeof text, "%lld tokens in %.2f s (%.1f tokens/s)",
                static_cast<long long>(tokens), seconds,
                seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0);
  return text;
}

// Least bytes of weights for which a faster type is mentioned, because a small model is fast
// anyway.
constexpr uint64_t kLargeModel = 256 << 20;

void mention_faster_type(const Model& model, const ModelOptions& options) {
  const auto faster = model.faster_weight_type();
  if (!options.weights.empty() || model.weight_bytes() < kLargeModel || !faster) return;
  const std::string name = weight_type_name(*faster);
  note(options.quiet, std::string("gptj: ") + weight_type_name(model.weight_type()) +
                          " weights are multiplied as f32 here; --weights " + name + " uses " +
                          matmul_isa(*faster, model.isa()) + " and reads prompts faster");
}

// Completes a request with the session file `path`; with an empty path, without one. If the file's
// text begins like the prompt, the common part is not computed again. Saves the new text in the
// file.
Completion complete_with_session(const Model& model, const Request& request,
                                 const std::string& path) {
  if (path.empty()) return complete(model, request, interrupted());
  std::error_code unknown;
  Conversation conversation = std::filesystem::exists(path, unknown)
                                  ? Conversation::load(model, path)
                                  : Conversation(model);
  const Completion completion = conversation.complete(request, interrupted());
  if (!conversation.ids().empty()) conversation.save(path);
  return completion;
}

// Returns the prompt in the template's form, and adds the template's stop strings to `request`.
TextOrIds asked(TextOrIds prompt, const TemplateOptions& options, Request& request) {
  const std::optional<PromptTemplate> format = options.read();
  if (!format) return prompt;
  const auto* text = std::get_if<std::string>(&prompt);
  if (text == nullptr) {
    throw Error(ErrorCode::kInvalidArgument, "--template: expected a prompt of text, found --ids",
                "template");
  }
  add_stops(*format, request);
  return format->first_turn(*text);
}

int run_complete(const CompleteOptions& options) {
  Request request = options.request.build();
  mention_backslash(options.request, options.model.quiet);
  request.prompt = asked(options.prompt.read(), options.format, request);
  check_session(request, options.session);
  const Model model = load_model(options.model);
  mention_faster_type(model, options.model);

  const Completion completion =
      answer(model, std::move(request), options.model.json,
             [&](const Request& r) { return complete_with_session(model, r, options.session); });
  note(options.model.quiet,
       "prompt: " + rate(completion.usage.prompt_tokens, completion.prompt_seconds) +
           "; new: " + rate(completion.usage.completion_tokens, completion.decode_seconds) +
           "; seed " + std::to_string(completion.seed));
  mention_kv_cache_overflows(model, options.model);
  return exit_code();
}

}  // namespace

void add_complete(CLI::App& app, Run& run) {
  CLI::App& command = *app.add_subcommand("complete", "Complete a prompt");
  const auto options = std::make_shared<CompleteOptions>();
  add_prompt_options(command, options->prompt);
  add_request_options(command, options->request);
  add_template_options(command, options->format);
  command
      .add_option("--session", options->session,
                  "A file that keeps what was computed, for the next prompt that begins alike")
      ->type_name("FILE");
  add_model_options(command, options->model);
  command.footer(
      "The prompt is the argument, --file, --ids, or standard input.\n"
      "Examples:\n"
      "  gptj complete \"Once upon a time\"\n"
      "  gptj complete --temperature 0 --max-tokens 40 --json < prompt.txt\n"
      "  gptj complete --stop '###' --stop END --top-p 0.9 --seed 7 \"### Question:\"\n"
      "  gptj complete --template alpaca \"Name three colours.\"");
  command.callback([&run, options] { run = [options] { return run_complete(*options); }; });
}

}  // namespace gptj::tool
