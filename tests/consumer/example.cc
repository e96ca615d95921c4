// SPDX-License-Identifier: Apache-2.0
// README.md quotes what follows this line; tests/rules compares them.
#include <gptj/gptj.h>

#include <iostream>

int main() {
  const gptj::Model model = gptj::Model::load("models/fairytale-8m");
  gptj::Request request;
  request.prompt = "Once upon a time";
  request.temperature = 0;  // always the likeliest token
  request.max_tokens = 40;
  std::cout << *gptj::complete(model, request).choices[0].text << '\n';
}
