// SPDX-License-Identifier: Apache-2.0
#include "answer.h"

#include <unistd.h>

#include "command.h"

namespace gptj::tool {
namespace {

std::string ids_text(std::span<const TokenId> ids) {
  std::string text;
  for (const TokenId id : ids) text += (text.empty() ? "" : " ") + std::to_string(id);
  return text;
}

// Returns the plain output of a choice: its text, or its ids if there is no tokenizer.
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

  // Prints the rest of the choice, which a cancelled request may have held back.
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

}  // namespace

Completion answer(const Model& model, Request request, bool json,
                  const std::function<Completion(const Request&)>& run) {
  // Several samples are not printed as they come, because they would mix. Nor is a sample with an
  // echoed prompt that may be truncated, because the prompt's beginning is known only afterwards.
  const int64_t by_default = model.generation_defaults().num_return_sequences.value_or(1);
  const int64_t n = request.n ? *request.n : request.num_return_sequences.value_or(by_default);
  const bool one = n == 1 && request.best_of.value_or(1) == 1;
  const bool known = !request.echo || request.overflow != Overflow::kTruncate;
  std::optional<Stream> stream;
  if (one && known && !json) {
    request.on_token = [&](const TokenEvent& event) {
      if (!stream) stream.emplace(model, request);
      stream->put(event);
      return output_closed() ? Progress::kCancel : Progress::kContinue;
    };
  }
  Completion completion = run(request);
  if (json) {
    print(completion_json(model, request, completion) + "\n");
  } else if (stream) {
    stream->finish(completion.choices[0]);
  } else {
    print_choices(completion);
  }
  return completion;
}

}  // namespace gptj::tool
