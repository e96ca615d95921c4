// SPDX-License-Identifier: Apache-2.0
// Completes a prompt: completion [MODEL [PROMPT]]
#include <gptj/gptj.h>

#include <iostream>

int main(int argc, char** argv) try {
  const gptj::Model model = gptj::Model::load(argc > 1 ? argv[1] : "models/fairytale-8m");
  gptj::Request request;
  request.prompt = std::string(argc > 2 ? argv[2] : "Once upon a time");
  request.max_tokens = 40;
  request.temperature = 0.8;
  request.top_p = 0.9;
  request.seed = 7;  // the same seed gives the same text, on every machine
  const gptj::Completion completion = gptj::complete(model, request);
  std::cout << *completion.choices[0].text << '\n';
} catch (const gptj::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
