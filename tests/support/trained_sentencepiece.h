// SPDX-License-Identifier: Apache-2.0
// Where the sentencepiece library is there: vocabularies by its own trainer.
#pragma once

#include <sentencepiece_trainer.h>

#include <map>
#include <stdexcept>
#include <string>

#include "base/check.h"
#include "support/temp_folder.h"

namespace gptj::test {

// The file of a model, from a corpus of words that tell pieces apart, in two alphabets.
inline const std::string& trained(const std::string& options) {
  static std::map<std::string, std::string> models;
  std::string& model = models[options];
  if (!model.empty()) return model;
  const TempFolder folder;
  std::string corpus;
  for (int i = 0; i < 400; ++i) {
    corpus += concat("the cat number ", i, " and the hat of ", i * i, "\n");
    corpus += concat("猫が", i, "匹います。これは帽子です\n");
  }
  const std::string input = folder.write("corpus.txt", corpus);
  const auto status = sentencepiece::SentencePieceTrainer::Train(
      concat("--input=", input, " --model_prefix=", folder.path("m"),
             " --vocab_size=400 --minloglevel=3 --pad_id=3 --user_defined_symbols=<sep> "
             "--hard_vocab_limit=false ",
             options));
  if (!status.ok()) throw std::runtime_error(status.ToString());
  return model = content_of(folder.path("m.model"));
}

}  // namespace gptj::test
