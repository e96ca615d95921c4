// SPDX-License-Identifier: Apache-2.0
// A rule on logits: a tale without the letter "e": logits_rule [MODEL [PROMPT]]
#include <gptj/gptj.h>

#include <iostream>
#include <limits>
#include <vector>

int main(int argc, char** argv) try {
  const gptj::Model model = gptj::Model::load(argc > 1 ? argv[1] : "models/fairytale-8m");
  const gptj::Tokenizer* tokenizer = model.tokenizer();
  if (tokenizer == nullptr) {
    std::cerr << "expected a model with a tokenizer\n";
    return 1;
  }
  std::vector<gptj::TokenId> forbidden;  // all tokens with an "e"
  for (gptj::TokenId id = 0; id < model.config().vocab_size; ++id) {
    const bool has_e = tokenizer->has(id) &&
                       tokenizer->token_bytes(id).find_first_of("eE") != std::string_view::npos;
    if (has_e) forbidden.push_back(id);
  }
  gptj::Request request;
  request.prompt = std::string(argc > 2 ? argv[2] : "A king had a gold");
  request.max_tokens = 40;
  request.temperature = 0;
  request.on_logits = [&](int64_t, std::span<const gptj::TokenId>, std::span<float> logits) {
    for (const gptj::TokenId id : forbidden) {
      logits[static_cast<size_t>(id)] = -std::numeric_limits<float>::infinity();
    }
  };
  std::cout << *gptj::complete(model, request).choices[0].text << '\n';
} catch (const gptj::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
