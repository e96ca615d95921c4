// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "request_options.h"

namespace gptj::tool {
namespace {

struct CompleteOptions {
  ModelOptions model;
  PromptOptions prompt;
  RequestOptions request;
};

std::string ids_text(std::span<const TokenId> ids) {
  std::string text;
  for (const TokenId id : ids) text += (text.empty() ? "" : " ") + std::to_string(id);
  return text;
}

// Prints one sample as it comes: text, or ids where there is no tokenizer.
class Stream {
 public:
  Stream(const Model& model, const Request& request) : model_(model) {
    if (!request.echo) return;
    if (const auto* text = std::get_if<std::string>(&request.prompt)) {
      put(to_valid_utf8(*text));
      return;
    }
    for (const TokenId id : std::get<std::vector<TokenId>>(request.prompt)) put_id(id);
  }

  void put(const TokenEvent& event) {
    if (model_.tokenizer() != nullptr) {
      put(event.text);
    } else {
      put_id(event.id);
    }
  }

  void finish() {
    if (is_terminal(STDOUT_FILENO)) print("\n");
  }

 private:
  void put(std::string_view text) {
    if (!text.empty()) print(text);
  }
  void put_id(TokenId id) {
    if (const Tokenizer* tokenizer = model_.tokenizer()) {
      if (tokenizer->has(id)) put(prompt_stream_.push(tokenizer->token_bytes(id)));
      return;
    }
    print((first_ ? "" : " ") + std::to_string(id));
    first_ = false;
  }

  const Model& model_;
  TextStream prompt_stream_;
  bool first_ = true;
};

void print_choices(const Completion& completion) {
  const size_t n = completion.choices.size();
  std::string out;
  for (size_t i = 0; i < n; ++i) {
    const Choice& choice = completion.choices[i];
    if (!out.empty() && out.back() != '\n') out += '\n';
    if (n > 1) out += "--- " + std::to_string(i + 1) + "/" + std::to_string(n) + " ---\n";
    out += choice.text ? *choice.text : ids_text(choice.token_ids);
  }
  if (is_terminal(STDOUT_FILENO)) out += '\n';
  print(out);
}

std::string rate(int64_t tokens, double seconds) {
  char text[96];
  std::snprintf(text, sizeof text, "%lld tokens in %.2f s (%.1f tokens/s)",
                static_cast<long long>(tokens), seconds,
                seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0);
  return text;
}

int run_complete(const CompleteOptions& options) {
  Request request = options.request.build();
  request.prompt = options.prompt.read();
  const Model model = load_model(options.model);

  // One sample streams; several would mix, and a truncated prompt is known only afterwards.
  const bool one = request.n == 1 && request.best_of.value_or(1) == 1;
  const bool streams = one && !options.model.json && request.overflow == Overflow::kError;
  std::optional<Stream> stream;
  if (streams) {
    request.on_token = [&](const TokenEvent& event) {
      if (!stream) stream.emplace(model, request);
      stream->put(event);
      return Progress::kContinue;
    };
  }
  const Completion completion = complete(model, request, interrupted());
  if (options.model.json) {
    print(completion_json(model, request, completion) + "\n");
  } else if (stream) {
    stream->finish();
  } else {
    print_choices(completion);
  }
  note(options.model.quiet,
       "prompt: " + rate(completion.usage.prompt_tokens, completion.prompt_seconds) +
           "; new: " + rate(completion.usage.completion_tokens, completion.decode_seconds) +
           "; seed " + std::to_string(completion.seed));
  return exit_code();
}

}  // namespace

void add_complete(CLI::App& app, Run& run) {
  CLI::App& command = *app.add_subcommand("complete", "Complete a prompt");
  const auto options = std::make_shared<CompleteOptions>();
  add_prompt_options(command, options->prompt);
  add_request_options(command, options->request);
  add_model_options(command, options->model);
  command.footer(
      "The prompt is the argument, --file, --ids, or standard input.\n"
      "Examples:\n"
      "  gptj complete \"Once upon a time\"\n"
      "  gptj complete --temperature 0 --max-tokens 40 --json < prompt.txt\n"
      "  gptj complete --stop '###' --stop END --top-p 0.9 --seed 7 \"### Question:\"");
  command.callback([&run, options] { run = [options] { return run_complete(*options); }; });
}

}  // namespace gptj::tool
