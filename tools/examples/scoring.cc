// SPDX-License-Identifier: Apache-2.0
// Says which continuation of a text the model finds likeliest: scoring [MODEL]
#include <gptj/gptj.h>

#include <iomanip>
#include <iostream>
#include <vector>

int main(int argc, char** argv) try {
  const gptj::Model model = gptj::Model::load(argc > 1 ? argv[1] : "models/fairytale-8m");
  const std::string context = "Once upon a time there was a";
  const std::vector<gptj::TextOrIds> continuations = {" king", " computer", " the"};
  const std::vector<gptj::Score> scores = gptj::score(model, context, continuations);
  for (size_t i = 0; i < scores.size(); ++i) {
    std::cout << std::fixed << std::setprecision(2) << std::setw(8) << scores[i].logprob << "  "
              << context << std::get<std::string>(continuations[i]) << '\n';
  }
} catch (const gptj::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
