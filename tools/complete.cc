// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "command.h"
#include "request_options.h"

namespace gptj::tool {
namespace {

struct CompleteOptions {
  ModelOptions model;
  PromptOptions prompt;
  RequestOptions request;
  std::string session;
};

std::string ids_text(std::span<const TokenId> ids) {
  std::string text;
  for (const TokenId id : ids) text += (text.empty() ? "" : " ") + std::to_string(id);
  return text;
}

// What plain output shows of a choice: text, or ids where there is no tokenizer.
std::string shown(const Choice& choice) {
  return choice.text ? *choice.text : ids_text(choice.token_ids);
}

// Prints one sample as it comes.
class Stream {
 public:
  Stream(const Model& model, const Request& request) : model_(model) {
    if (!request.echo) return;
    if (const auto* text = std::get_if<std::string>(&request.prompt); text && !text->empty()) {
      put(prompt_stream_.push(*text));
      return;
    }
    const auto* ids = std::get_if<std::vector<TokenId>>(&request.prompt);
    if (ids != nullptr && !ids->empty()) {
      for (const TokenId id : *ids) put_id(id);
    } else if (model.tokenizer() == nullptr && model.config().bos_token_id) {
      put_id(*model.config().bos_token_id);
    }
  }

  void put(const TokenEvent& event) {
    if (model_.tokenizer() != nullptr) {
      put(event.text);
    } else {
      put_id(event.id);
    }
  }

  // What a cancelled request still held back.
  void finish(const Choice& choice) {
    const std::string whole = shown(choice);
    if (whole.size() > printed_) put(std::string_view(whole).substr(printed_));
    if (is_terminal(STDOUT_FILENO)) print("\n");
  }

 private:
  void put(std::string_view text) {
    printed_ += text.size();
    if (!text.empty()) print(text);
  }
  void put_id(TokenId id) {
    if (const Tokenizer* tokenizer = model_.tokenizer()) {
      if (tokenizer->has(id)) put(prompt_stream_.push(tokenizer->token_bytes(id)));
      return;
    }
    put((printed_ == 0 ? "" : " ") + std::to_string(id));
  }

  const Model& model_;
  TextStream prompt_stream_;
  size_t printed_ = 0;
};

void print_choices(const Completion& completion) {
  const size_t n = completion.choices.size();
  std::string out;
  for (size_t i = 0; i < n; ++i) {
    if (!out.empty() && out.back() != '\n') out += '\n';
    if (n > 1) out += "--- " + std::to_string(i + 1) + "/" + std::to_string(n) + " ---\n";
    out += shown(completion.choices[i]);
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

// A small model is fast anyway.
constexpr uint64_t kLargeModel = 256 << 20;  // bytes

void mention_faster_type(const Model& model, const ModelOptions& options) {
  const auto faster = model.faster_weight_type();
  if (!options.weights.empty() || model.weight_bytes() < kLargeModel || !faster) return;
  const std::string name = weight_type_name(*faster);
  note(options.quiet, std::string("gptj: ") + weight_type_name(model.weight_type()) +
                          " weights are multiplied as f32 here; --weights " + name + " uses " +
                          products_by(*faster, model.isa()) + " and reads prompts faster");
}

// What an earlier call computed of a prompt that begins like this one is read from the file; what
// this one computed is kept there.
Completion complete_with_session(const Model& model, const Request& request,
                                 const std::string& path) {
  if (path.empty()) return complete(model, request, interrupted());
  Context context = std::filesystem::exists(path) ? Context::load(model, path) : Context(model);
  const Completion completion = context.complete(request, interrupted());
  if (!context.ids().empty()) context.save(path);
  return completion;
}

int run_complete(const CompleteOptions& options) {
  Request request = options.request.build();
  request.prompt = options.prompt.read();
  const Model model = load_model(options.model);
  mention_faster_type(model, options.model);

  // One sample streams; several would mix, and a truncated prompt is known only afterwards.
  const int64_t n = request.n ? *request.n : request.num_return_sequences.value_or(1);
  const bool one = n == 1 && request.best_of.value_or(1) == 1;
  const bool known = !request.echo || request.overflow != Overflow::kTruncate;
  const bool streams = one && known && !options.model.json;
  std::optional<Stream> stream;
  if (streams) {
    request.on_token = [&](const TokenEvent& event) {
      if (!stream) stream.emplace(model, request);
      stream->put(event);
      return Progress::kContinue;
    };
  }
  const Completion completion = complete_with_session(model, request, options.session);
  if (options.model.json) {
    print(completion_json(model, request, completion) + "\n");
  } else if (stream) {
    stream->finish(completion.choices[0]);
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
  command.add_option("--session", options->session,
                     "A file that keeps what was computed, for the next prompt that begins alike");
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
