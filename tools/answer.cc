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
  explicit Stream(const Model& model) : has_text_(model.tokenizer() != nullptr) {}

  void put(const TokenEvent& event) {
    if (has_text_) {
      print(event.text);
    } else if (event.id != TokenEvent::kNoToken) {
      print((is_first_ ? "" : " ") + std::to_string(event.id));
      is_first_ = false;
    }
  }

 private:
  bool has_text_, is_first_ = true;
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
  // Several samples are not printed as they come, because they would mix.
  const int64_t by_default = model.generation_defaults().num_return_sequences.value_or(1);
  const int64_t n = request.n ? *request.n : request.num_return_sequences.value_or(by_default);
  const bool streams = n == 1 && request.best_of.value_or(1) == 1 && !json;
  Stream stream(model);
  if (streams) {
    request.on_token = [&](const TokenEvent& event) {
      stream.put(event);
      return output_closed() ? Progress::kCancel : Progress::kContinue;
    };
  }
  Completion completion = run(request);
  if (json) {
    print(completion_json(model, request, completion) + "\n");
  } else if (streams) {
    if (is_terminal(STDOUT_FILENO)) print("\n");
  } else {
    print_choices(completion);
  }
  return completion;
}

}  // namespace gptj::tool
