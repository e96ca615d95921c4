// SPDX-License-Identifier: Apache-2.0
// The program's commands and options as plain text, read from the tree that --help prints. The
// manual pages and the completions are made of it, so that an option is described once.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace gptj::tool {

struct OptionText {
  std::vector<std::string> names;   // "-m" and "--model"; for an argument its name alone, "prompt"
  std::string value;                // the placeholder of its value, "FILE"; empty: a flag
  std::vector<std::string> values;  // every value that is allowed; empty: any
  std::string help;
  bool required = false;
  bool repeats = false;  // may be given several times

  // Returns whether the value is the name of a file or folder.
  bool is_file() const { return value == "FILE"; }
};

struct CommandText {
  std::string name;  // "complete"; for the program itself "gptj"
  std::string help;
  std::vector<OptionText> arguments;     // positional
  std::vector<OptionText> options;       // --help included
  std::vector<std::string> notes;        // lines of the footer before its examples
  std::vector<std::string> examples;     // lines of the examples, without their indent
  std::vector<CommandText> subcommands;  // those that --help lists
};

// Returns the text of a command and its subcommands. Hidden ones are left out.
CommandText command_text(const CLI::App& app);

// Returns the lines of a text, without their newlines.
std::vector<std::string> lines_of(const std::string& text);

}  // namespace gptj::tool
