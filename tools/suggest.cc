// SPDX-License-Identifier: Apache-2.0
#include "suggest.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <numeric>

namespace gptj::tool {
namespace {

// Returns Levenshtein's distance: how many letters have to be put in, taken out or changed.
size_t edits(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t changed = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  return names;
}

bool is_option(std::string_view argument) { return argument.starts_with("-") && argument != "-"; }

std::string name_of(std::string_view argument) {
  std::string name(argument.substr(0, argument.find('=')));
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

std::string question(const std::string& name) {
  return name.empty() ? std::string() : "; did you mean " + name + "?";
}

}  // namespace

std::string nearest(std::string_view typed, const std::vector<std::string>& names) {
  std::string best;
  size_t least = typed.size() / 3 + 1;
  for (const std::string& name : names) {
    const size_t distance = edits(typed, name);
    if (distance >= least) continue;
    least = distance;
    best = name;
  }
  return best;
}

std::vector<std::string> with_dashes(const CLI::App& app, std::vector<std::string> arguments) {
  std::vector<std::string> known = option_names(app);
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    const std::vector<std::string> more = option_names(*command);
    known.insert(known.end(), more.begin(), more.end());
  }
  for (std::string& argument : arguments) {
    if (argument == "--") break;
    const std::string name = name_of(argument);
    const bool is_known = std::find(known.begin(), known.end(), name) != known.end();
    if (argument.starts_with("--") && is_known) argument.replace(0, name.size(), name);
  }
  return arguments;
}

std::string unexpected_argument(const CLI::App& app) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (chosen.empty()) {
    const std::vector<std::string> left = app.remaining();
    const std::string typed = left.empty() ? "" : left[0];
    return "gptj: there is no command or option \"" + typed + "\"" +
           question(nearest(typed, command_names(app))) + "; gptj --help lists them";
  }
  const CLI::App& command = *chosen[0];
  const std::string name = "gptj " + command.get_name();
  const std::vector<std::string> left = command.remaining();
  const auto option = std::find_if(left.begin(), left.end(), is_option);
  if (option != left.end()) {
    return name + ": there is no option " + name_of(*option) +
           question(nearest(name_of(*option), option_names(command))) + "; " + name +
           " --help lists them";
  }
  return name + ": expected no further argument, found \"" + (left.empty() ? "" : left[0]) +
         "\"; text of several words goes in quotation marks";
}

}  // namespace gptj::tool
