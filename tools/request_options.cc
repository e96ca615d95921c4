// SPDX-License-Identifier: Apache-2.0
#include "request_options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "command.h"

namespace gptj::tool {
namespace {

using nlohmann::json;

std::string option_name(const char* field) {
  std::string name = "--" + std::string(field);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

// Returns text as JSON. Bytes of the command line need not be UTF-8, but JSON text must be.
json text_json(const std::string& text) { return to_valid_utf8(text); }

// Adds a bias like "50256=-100" as a member of `object`.
void add_bias(const std::string& text, json& object) {
  const size_t equals = text.find('=');
  const std::string bias = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (!json::accept(bias)) {
    throw Error(ErrorCode::kInvalidArgument,
                "--logit-bias: expected ID=BIAS, found \"" + text + "\"", "logit_bias");
  }
  object[text.substr(0, equals)] = json::parse(bias);
}

// Returns the number in `text`, which may be typed as ".5". Anything else is returned as text, for
// which the field has its own message.
template <class Number>
json number_json(const std::string& text) {
  Number value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stopped == end ? json(value) : text_json(text);
}

// Returns the typed values of one option as the field's JSON value.
json field_json(FieldKind kind, const std::vector<std::string>& typed) {
  switch (kind) {
    case FieldKind::kText: return text_json(typed.back());
    case FieldKind::kTexts: {
      json list = json::array();
      for (const std::string& text : typed) list.push_back(text_json(text));
      return list;
    }
    case FieldKind::kBias: {
      json object = json::object();
      for (const std::string& text : typed) add_bias(text, object);
      return object;
    }
    case FieldKind::kInteger: return number_json<int64_t>(typed.back());
    case FieldKind::kNumber: return number_json<double>(typed.back());
    case FieldKind::kFlag:
    case FieldKind::kFlagOrNever: break;
  }
  return json::accept(typed.back()) ? json::parse(typed.back()) : text_json(typed.back());
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
    if (!typed.empty()) fields.emplace_back(field.name, dump_text(field_json(field.kind, typed)));
  }
  return fields;
}

Request RequestOptions::build() const {
  Request request;
  for (const auto& [name, value] : fields()) set_request_field(request, name, value);
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
