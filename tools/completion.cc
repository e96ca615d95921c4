// SPDX-License-Identifier: Apache-2.0
// Prints the completions of a shell, made of the same tree as --help.
#include <CLI/CLI.hpp>

#include "command.h"
#include "command_tree.h"

namespace gptj::tool {
namespace {

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

// Returns the first line of a help text, whose further lines are details.
std::string first_line(const std::string& help) { return help.substr(0, help.find('\n')); }

// Returns all names of all options.
std::string option_names(const CommandText& command) {
  std::string names;
  for (const OptionText& option : command.options) {
    names += (names.empty() ? "" : " ") + joined(option.names, " ");
  }
  return names;
}

bool takes_files(const CommandText& command) {
  for (const OptionText& argument : command.arguments) {
    if (argument.is_file()) return true;
  }
  return false;
}

// bash: patterns of "COMMAND:OPTION" whose value is a file, one of a list, or anything.

std::string bash_case(const CommandText& command, const OptionText& option) {
  std::vector<std::string> patterns;
  for (const std::string& name : option.names) patterns.push_back(command.name + ":" + name);
  std::string action = "return";
  if (option.is_file()) action = "_gptj_files; return";
  if (!option.values.empty()) {
    action = "_gptj_words \"" + joined(option.values, " ") + "\"; return";
  }
  return "    " + joined(patterns, " | ") + ") " + action + " ;;\n";
}

std::string bash_completion(const CommandText& program) {
  std::string values, words;
  std::vector<std::string> commands;
  for (const CommandText& command : program.subcommands) {
    commands.push_back(command.name);
    for (const OptionText& option : command.options) {
      if (!option.value.empty()) values += bash_case(command, option);
    }
    const std::string otherwise = takes_files(command) ? "_gptj_files" : ":";
    words += "    " + command.name + ")\n      if [[ $cur == -* ]]; then _gptj_words \"" +
             option_names(command) + "\"; else " + otherwise + "; fi ;;\n";
  }
  return "# Completions of gptj for bash, printed by `gptj completion bash`.\n"
         "_gptj_words() {\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
         "}\n"
         "# Readline completes names of files by itself.\n"
         "_gptj_files() {\n"
         "  compopt -o default\n"
         "}\n"
         "_gptj() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= i\n"
         "  COMPREPLY=()\n"
         "  # Readline hands over --option=value as three words.\n"
         "  if [[ $cur == = ]]; then\n"
         "    cur=\n"
         "  elif [[ $prev == = && $COMP_CWORD -gt 1 ]]; then\n"
         "    prev=${COMP_WORDS[COMP_CWORD-2]}\n"
         "  fi\n"
         "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
         "    if [[ ${COMP_WORDS[i]} != -* ]]; then command=${COMP_WORDS[i]}; break; fi\n"
         "  done\n"
         "  case $command:$prev in\n" +
         values +
         "  esac\n"
         "  case $command in\n"
         "    '') _gptj_words \"" +
         joined(commands, " ") + " " + option_names(program) + "\" ;;\n" + words +
         "  esac\n"
         "}\n"
         "complete -F _gptj gptj\n";
}

// zsh: arguments of _arguments.

// Returns text between single quotes.
std::string quoted(std::string text) {
  replace_all(text, "'", "'\\''");
  return "'" + text + "'";
}

std::string zsh_action(const OptionText& option) {
  if (option.is_file()) return ":" + option.value + ":_files";
  if (!option.values.empty()) return ":" + option.value + ":(" + joined(option.values, " ") + ")";
  return option.value.empty() ? "" : ":" + option.value + ": ";
}

std::string zsh_option(const OptionText& option) {
  std::string help = first_line(option.help);
  replace_all(help, "\\", "\\\\");
  replace_all(help, "[", "\\[");
  replace_all(help, "]", "\\]");
  const std::string before =
      option.repeats ? "*" : "(" + joined(option.names, " ") + ")";  // not to be given again
  std::string lines;
  for (const std::string& name : option.names) {
    const bool is_long = name.starts_with("--");
    const std::string after = option.value.empty() ? "" : is_long ? "=" : "+";
    lines +=
        " \\\n        " + quoted(before + name + after + "[" + help + "]" + zsh_action(option));
  }
  return lines;
}

std::string zsh_argument(const OptionText& argument) {
  // An action that completes nothing. The empty one shows a message, and zsh then completes no
  // option either.
  const std::string action = argument.is_file() ? "_files" : "{true}";
  return " \\\n        " +
         quoted((argument.repeats ? "*:" : ":") + argument.names[0] + ":" + action);
}

std::string zsh_completion(const CommandText& program) {
  std::string commands, cases, options;
  for (const OptionText& option : program.options) options += zsh_option(option);
  for (const CommandText& command : program.subcommands) {
    commands += " " + quoted(command.name + ":" + first_line(command.help));
    cases += "      (" + command.name + ") _arguments";
    for (const OptionText& option : command.options) cases += zsh_option(option);
    for (const OptionText& argument : command.arguments) cases += zsh_argument(argument);
    cases += " ;;\n";
  }
  return "#compdef gptj\n"
         "# Completions of gptj for zsh, printed by `gptj completion zsh`.\n"
         "_gptj() {\n"
         "  local curcontext=$curcontext state line\n"
         "  local -a commands\n"
         "  typeset -A opt_args\n"
         "  _arguments -C" +
         options +
         " \\\n        ':command:->command' '*::argument:->argument'\n"
         "  case $state in\n"
         "    (command)\n"
         "      commands=(" +
         commands +
         " )\n"
         "      _describe command commands ;;\n"
         "    (argument)\n"
         "      case $line[1] in\n" +
         cases +
         "      esac ;;\n"
         "  esac\n"
         "}\n"
         "# A file in $fpath is the function's body; a file that is sourced only defines it.\n"
         "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
         "  _gptj \"$@\"\n"
         "else\n"
         "  compdef _gptj gptj\n"
         "fi\n";
}

// fish: one command `complete` for each option.

// Returns text between single quotes, in which fish knows \' and \\.
std::string fish_quoted(std::string text) {
  replace_all(text, "\\", "\\\\");
  replace_all(text, "'", "\\'");
  return "'" + text + "'";
}

std::string fish_option(const std::string& condition, const OptionText& option) {
  std::string line = "complete -c gptj -n " + fish_quoted(condition);
  for (const std::string& name : option.names) {
    const bool is_long = name.starts_with("--");
    line += is_long ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (option.is_file()) {
    line += " -r -F";
  } else if (!option.value.empty()) {
    line += " -x";
  }
  if (!option.values.empty()) line += " -a " + fish_quoted(joined(option.values, " "));
  return line + " -d " + fish_quoted(first_line(option.help)) + "\n";
}

std::string fish_completion(const CommandText& program) {
  std::string text =
      "# Completions of gptj for fish, printed by `gptj completion fish`.\n"
      "# Prints the subcommand that has been typed, or an empty line.\n"
      "function __gptj_command\n"
      "    set -l words (commandline -opc)\n"
      "    for word in $words[2..-1]\n"
      "        if not string match -q -- '-*' $word\n"
      "            echo $word\n"
      "            return\n"
      "        end\n"
      "    end\n"
      "    echo\n"
      "end\n"
      "complete -c gptj -f\n";
  const std::string none = "test \"$(__gptj_command)\" = \"\"";
  for (const OptionText& option : program.options) text += fish_option(none, option);
  for (const CommandText& command : program.subcommands) {
    text += "complete -c gptj -n " + fish_quoted(none) + " -a " + command.name + " -d " +
            fish_quoted(first_line(command.help)) + "\n";
    const std::string chosen = "test \"$(__gptj_command)\" = " + command.name;
    for (const OptionText& option : command.options) text += fish_option(chosen, option);
    if (takes_files(command)) text += "complete -c gptj -n " + fish_quoted(chosen) + " -F\n";
  }
  return text;
}

}  // namespace

void add_completion(CLI::App& app, Run& run) {
  CLI::App& command = *app.add_subcommand("completion", "Print the completions of a shell");
  command.group("");  // hidden
  const auto shell = std::make_shared<std::string>();
  command.add_option("shell", *shell, "The shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command.footer("Example:\n  source <(gptj completion bash)");
  command.callback([&app, &run, shell] {
    run = [&app, shell] {
      const CommandText program = command_text(app);
      print(*shell == "bash"  ? bash_completion(program)
            : *shell == "zsh" ? zsh_completion(program)
                              : fish_completion(program));
      return exit_code();
    };
  });
}

}  // namespace gptj::tool
