// SPDX-License-Identifier: Apache-2.0
#include "gptj/template.h"

#include "base/check.h"
#include "base/json.h"
#include "base/mapped_file.h"

namespace gptj {
namespace {

constexpr std::string_view kPlaceholder = "{prompt}";
constexpr size_t kMaxFile = 1'000'000;

struct Named {
  const char* name;
  PromptTemplate format;
};

// Returns the formats in which the authors of known models trained them. The stop strings end an
// answer before the text that would begin the next turn, because models tend to go on with it.
const std::vector<Named>& known_templates() {
  static const std::string intro =
      "Below is an instruction that describes a task. Write a response that appropriately "
      "completes the request.\n\n";
  static const std::vector<Named> list = {
      {"plain", {}},
      {"alpaca",
       {intro, "### Instruction:\n{prompt}\n\n### Response:", "\n\n", {"### Instruction:"}}},
      {"dolly",
       {intro,
        "### Instruction:\n{prompt}\n\n### Response:\n",
        "\n\n",
        {"### End", "### Instruction:"}}},
      {"gpt4all-j",
       {"", "### Prompt:\n{prompt}\n### Response:\n", "\n", {"### Prompt:", "### Response:"}}},
      {"pygmalion", {"<START>\n", "You: {prompt}\nCharacter:", "\n", {"\nYou:", "<START>"}}},
  };
  return list;
}

std::string text_of(const std::string& path, const Json& json, const char* member) {
  const auto found = json.find(member);
  if (found == json.end()) return {};
  check(found->is_string(), ErrorCode::kBadFile, path, ": ", member, ": expected text, found ",
        lazy_excerpt(*found));
  return found->get<std::string>();
}

void check_members(const std::string& path, const Json& json) {
  for (const auto& [name, value] : json.items()) {
    check(name == "begin" || name == "turn" || name == "end" || name == "stop", ErrorCode::kBadFile,
          path, ": expected begin, turn, end and stop, found ", lazy_excerpt(name));
  }
}

bool has_one_place(const std::string& turn) {
  const size_t place = turn.find(kPlaceholder);
  return place != std::string::npos && turn.find(kPlaceholder, place + 1) == std::string::npos;
}

std::string filled(std::string turn, std::string_view prompt) {
  check_param(has_one_place(turn), "template", "turn: expected text with one {prompt}, found ",
              lazy_excerpt(turn));
  return turn.replace(turn.find(kPlaceholder), kPlaceholder.size(), prompt);
}

}  // namespace

std::string PromptTemplate::first_turn(std::string_view prompt) const {
  return begin + filled(turn, prompt);
}

std::string PromptTemplate::next_turn(std::string_view prompt) const {
  return end + filled(turn, prompt);
}

std::vector<std::string> prompt_template_names() {
  std::vector<std::string> names;
  for (const Named& each : known_templates()) names.emplace_back(each.name);
  return names;
}

PromptTemplate prompt_template(const std::string& name) {
  std::string names;
  for (const Named& each : known_templates()) {
    if (name == each.name) return each.format;
    names += (names.empty() ? "" : ", ") + std::string(each.name);
  }
  check_param(false, "template", "expected ", names, ", found ", lazy_excerpt(name));
  return {};
}

PromptTemplate load_prompt_template(const std::string& path) {
  const Json json =
      parse_json_object(read_text_file(path, kMaxFile), path, DuplicateKeys::kRefused);
  check_members(path, json);
  PromptTemplate format;
  format.begin = text_of(path, json, "begin");
  format.turn = text_of(path, json, "turn");
  format.end = text_of(path, json, "end");
  check(has_one_place(format.turn), ErrorCode::kBadFile, path,
        ": turn: expected text with one {prompt}, found ", lazy_excerpt(format.turn));
  const auto stop = json.find("stop");
  if (stop == json.end()) return format;
  check(stop->is_array(), ErrorCode::kBadFile, path, ": stop: expected a list, found ",
        lazy_excerpt(*stop));
  for (const Json& text : *stop) {
    check(text.is_string() && !text.get_ref<const std::string&>().empty(), ErrorCode::kBadFile,
          path, ": stop: expected texts, found ", lazy_excerpt(text));
    format.stop.push_back(text.get<std::string>());
  }
  return format;
}

}  // namespace gptj
