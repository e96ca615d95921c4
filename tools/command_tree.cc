// SPDX-License-Identifier: Apache-2.0
#include "command_tree.h"

#include <CLI/CLI.hpp>
#include <sstream>

namespace gptj::tool {
namespace {

// Splits a type name of CLI11, "TYPE:{f32,f16}", into the placeholder and the values.
void read_type_name(const std::string& type, OptionText& option) {
  const size_t colon = type.find(':');
  option.value = type.substr(0, colon);
  const size_t open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return;
  std::istringstream values(type.substr(open + 1, close - open - 1));
  for (std::string value; std::getline(values, value, ',');) option.values.push_back(value);
}

OptionText option_text(const CLI::Option& from) {
  OptionText option;
  if (from.get_positional()) {
    option.names = {from.get_single_name()};
  } else {
    for (const std::string& name : from.get_snames()) option.names.push_back("-" + name);
    for (const std::string& name : from.get_lnames()) option.names.push_back("--" + name);
  }
  if (from.get_items_expected_max() > 0) read_type_name(from.get_type_name(), option);
  option.help = from.get_description();
  option.required = from.get_required();
  const bool all = from.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
  option.repeats = !option.value.empty() && (from.get_items_expected_max() > 1 || all);
  return option;
}

// Splits a footer: what follows the line "Examples:" is examples, indented by two.
void read_footer(const std::string& footer, CommandText& command) {
  bool examples = false;
  for (const std::string& line : lines_of(footer)) {
    if (line == "Example:" || line == "Examples:") {
      examples = true;
    } else if (examples && line.starts_with("  ")) {
      command.examples.push_back(line.substr(2));
    } else {
      command.notes.push_back(line);
    }
  }
}

}  // namespace

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

CommandText command_text(const CLI::App& app) {
  CommandText command;
  command.name = app.get_name();
  command.help = app.get_description();
  read_footer(app.get_footer(), command);
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    auto& list = option->get_positional() ? command.arguments : command.options;
    list.push_back(option_text(*option));
  }
  for (const CLI::App* subcommand : app.get_subcommands(nullptr)) {
    if (!subcommand->get_group().empty()) command.subcommands.push_back(command_text(*subcommand));
  }
  return command;
}

}  // namespace gptj::tool
