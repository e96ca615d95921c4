// SPDX-License-Identifier: Apache-2.0
// The text around a question that a fine-tuned model expects:
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
  std::string begin = {};              // text before the first turn
  std::string turn = "{prompt}";       // text of one turn; {prompt} stands for the question
  std::string end = {};                // text after an answer, before the next turn
  std::vector<std::string> stop = {};  // strings that end an answer, besides the end token

  // Returns the text that asks `prompt` as the first turn.
  std::string first_turn(std::string_view prompt) const;
  // Returns the text that asks `prompt`, to be put behind the answer to the turn before.
  std::string next_turn(std::string_view prompt) const;
};

// Returns "plain", "alpaca", "dolly", "gpt4all-j", "pygmalion".
GPTJ_API std::vector<std::string> prompt_template_names();
// Returns the template of that name. Throws kInvalidArgument, listing the names, if there is none.
GPTJ_API PromptTemplate prompt_template(const std::string& name);
// Reads a template from a JSON file: {"begin": "...", "turn": "... {prompt} ...", "end": "...",
// "stop": ["..."]}. Only "turn" is required. Throws kNotFound, kIo, kBadFile.
GPTJ_API PromptTemplate load_prompt_template(const std::string& path);

}  // namespace gptj
