// SPDX-License-Identifier: Apache-2.0
#include "request_options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "command.h"

namespace gptj::tool {
namespace {

std::string option_name(const char* field) {
  std::string name = "--" + std::string(field);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

// Returns the placeholder of a field's value for --help.
std::string type_name(const RequestField& field) {
  switch (field.kind) {
    case FieldKind::kInteger: return "INTEGER";
    case FieldKind::kNumber: return "NUMBER";
    case FieldKind::kBias: return "ID=BIAS";
    default: break;
  }
  if (*field.values == '\0') return "TEXT";
  std::string values = field.values;
  std::replace(values.begin(), values.end(), ' ', ',');
  return "RULE:{" + values + "}";
}

}  // namespace

TextOrIds PromptOptions::read() const {
  if (has_argument) return argument;
  if (has_ids) return parse_ids("--ids", ids);
  if (!has_file && is_terminal(STDIN_FILENO)) {
    note(false, "gptj: reading the prompt from the terminal; end it with Ctrl-D");
  }
  std::string text = read_text(has_file ? file : "");
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

void add_prompt_options(CLI::App& command, PromptOptions& options) {
  CLI::Option* argument = command.add_option("prompt", options.argument, "The prompt");
  CLI::Option* file = command.add_option("-f,--file", options.file, "Read the prompt from a file");
  CLI::Option* ids = command.add_option("--ids", options.ids, "The prompt as token ids: 464,2068");
  file->type_name("FILE");
  ids->type_name("IDS");
  argument->excludes(file)->excludes(ids);
  file->excludes(ids);
  command.parse_complete_callback([&options, argument, file, ids] {
    options.has_argument = argument->count() > 0;
    options.has_file = file->count() > 0;
    options.has_ids = ids->count() > 0;
  });
}

void add_request_options(CLI::App& command, RequestOptions& options) {
  command
      .add_option("--speculate", options.speculate,
                  "Guess tokens from the text so far; it changes the time alone (default auto)")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"auto", "off"}));
  for (const RequestField& field : request_fields()) {
    std::vector<std::string>& values = options.values[field.name];
    const bool many = field.kind == FieldKind::kTexts || field.kind == FieldKind::kBias;
    if (field.kind == FieldKind::kFlag || field.kind == FieldKind::kFlagOrNever) {
      command.add_flag(option_name(field.name), values, field.help);  // "true", or the text after =
      continue;
    }
    CLI::Option* option = command.add_option(option_name(field.name), values, field.help);
    option->type_name(type_name(field));
    // Each occurrence takes one value, so that a list never swallows the prompt.
    option->expected(1)->take_all();
    if (!many) option->take_last();
    option->allow_extra_args(false);
  }
}

std::vector<std::pair<std::string, std::string>> RequestOptions::fields() const {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const RequestField& field : request_fields()) {
    const std::vector<std::string>& typed = values.at(field.name);
    if (!typed.empty()) fields.emplace_back(field.name, request_field_json(field.name, typed));
  }
  return fields;
}

Request RequestOptions::build() const {
  Request request;
  for (const auto& [name, typed] : values) set_request_field(request, name, typed);
  request.speculate = speculate == "auto";
  return request;
}

// The hint is needed because shells hand over \n as two characters.
void mention_backslash(const RequestOptions& options, bool quiet) {
  for (const std::string& stop : options.values.at("stop")) {
    if (stop.find("\\n") == std::string::npos || stop.find('\n') != std::string::npos) continue;
    note(quiet, "gptj: the stop string \"" + stop +
                    "\" has a backslash and an n in it; for a newline type $'\\n'");
    return;
  }
}

void check_session(const Request& request, const std::string& session) {
  if (session.empty() || !request.prefix_lm) return;
  throw Error(ErrorCode::kInvalidArgument,
              "--session: does not go with --prefix-lm, whose prompt is computed whole each time",
              "session");
}

std::optional<PromptTemplate> TemplateOptions::read() const {
  if (!file.empty()) return load_prompt_template(file);
  if (!name.empty()) return prompt_template(name);
  return {};
}

void add_template_options(CLI::App& command, TemplateOptions& options) {
  command
      .add_option("--template", options.name,
                  "How the model was trained to be asked, and what ends its answer")
      ->type_name(type_of("NAME", prompt_template_names()));
  command
      .add_option("--template-file", options.file,
                  "The same from a file: {\"begin\": ..., \"turn\": \"... {prompt} ...\", "
                  "\"end\": ..., \"stop\": [...]}")
      ->type_name("FILE")
      ->excludes("--template");
}

void add_stops(const PromptTemplate& format, Request& request) {
  request.stop.insert(request.stop.begin(), format.stop.begin(), format.stop.end());
}

}  // namespace gptj::tool
