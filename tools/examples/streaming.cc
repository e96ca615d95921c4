// SPDX-License-Identifier: Apache-2.0
// Prints a text while it is made, and ends it after five sentences: streaming [MODEL [PROMPT]]
#include <gptj/gptj.h>

#include <algorithm>
#include <iostream>

int main(int argc, char** argv) try {
  const gptj::Model model = gptj::Model::load(argc > 1 ? argv[1] : "models/fairytale-8m");
  gptj::Request request;
  request.prompt = std::string(argc > 2 ? argv[2] : "Once upon a time");
  request.max_tokens = 200;
  request.temperature = 0;
  auto sentences = 0l;
  request.on_token = [&](const gptj::TokenEvent& event) {
    std::cout << event.text << std::flush;  // whole characters, also where a token ends inside one
    sentences += std::count(event.text.begin(), event.text.end(), '.');
    return sentences < 5 ? gptj::Progress::kContinue : gptj::Progress::kCancel;
  };
  const gptj::Completion completion = gptj::complete(model, request);
  std::cout << "\n(" << gptj::finish_reason_name(completion.choices[0].finish_reason) << " after "
            << completion.usage.completion_tokens << " tokens)\n";
} catch (const gptj::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
