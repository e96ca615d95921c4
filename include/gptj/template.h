// SPDX-License-Identifier: Apache-2.0
// How a fine-tune expects to be asked:
//
//   const gptj::PromptTemplate alpaca = gptj::prompt_template("alpaca");
//   gptj::Request request;
//   request.prompt = alpaca.first_turn("Name three colours.");
//   request.stop = alpaca.stop;
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gptj/export.h"

namespace gptj {

struct GPTJ_API PromptTemplate {
  std::string begin = {};              // once, before everything
  std::string turn = "{prompt}";       // what is asked, at {prompt}
  std::string end = {};                // after an answer, before the next turn
  std::vector<std::string> stop = {};  // what ends an answer, besides the model's end token

  // The text that asks `prompt`, as the first turn or behind the answer to the one before.
  std::string first_turn(std::string_view prompt) const;
  std::string next_turn(std::string_view prompt) const;
};

// "plain", "alpaca", "dolly", "gpt4all-j", "pygmalion"
GPTJ_API std::vector<std::string> prompt_template_names();
// Throws kInvalidArgument with the names there are.
GPTJ_API PromptTemplate prompt_template(const std::string& name);
// From a file of JSON: {"begin": "...", "turn": "... {prompt} ...", "end": "...", "stop": ["..."]},
// of which only "turn" must be there. Throws kNotFound, kIo, kBadFile.
GPTJ_API PromptTemplate load_prompt_template(const std::string& path);

}  // namespace gptj
