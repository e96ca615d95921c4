// SPDX-License-Identifier: Apache-2.0
// Prints the manual pages, made of the same tree as --help and of the table of request fields.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <ctime>

#include "command.h"
#include "command_tree.h"

namespace gptj::tool {
namespace {

// Returns text for roff. A hyphen becomes a minus and quotes stay ASCII, so that what is copied
// from a page can be typed.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool begins_line = out.empty() || out.back() == '\n';
    if (c == '.' && begins_line) out += "\\&";
    switch (c) {
      case '\\': out += "\\e"; break;
      case '-': out += "\\-"; break;
      case '\'': out += "\\(aq"; break;
      case '`': out += "\\(ga"; break;
      case '^': out += "\\(ha"; break;
      case '~': out += "\\(ti"; break;
      default: out += c;
    }
  }
  return out;
}

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fR"; }
std::string section(const std::string& name) { return ".SH " + name + "\n"; }
std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

// Returns a help text as a sentence: with a full stop at its end.
std::string sentence(const std::string& help) {
  const bool ends = help.ends_with('.') || help.ends_with('\n');
  return roff(help) + (ends ? "" : ".");
}

std::string literal(const std::vector<std::string>& lines) {
  std::string text = ".RS 4\n.nf\n";
  for (const std::string& line : lines) text += roff(line) + "\n";
  return text + ".fi\n.RE\n";
}

// Returns lines of a footer: those that are indented stay as they are, the others are filled.
std::string paragraphs(const std::vector<std::string>& lines) {
  std::string text;
  for (size_t i = 0; i < lines.size();) {
    const bool indented = lines[i].starts_with(" ");
    std::vector<std::string> block;
    for (; i < lines.size() && lines[i].starts_with(" ") == indented; ++i) {
      block.push_back(indented ? lines[i].substr(lines[i].find_first_not_of(' ')) : lines[i]);
    }
    if (indented) {
      text += literal(block);
      continue;
    }
    text += ".PP\n";
    for (const std::string& line : block) text += roff(line) + "\n";
  }
  return text;
}

// Returns an entry of a list: its tag, and the text below it.
std::string entry(const std::string& tag, const std::string& text) {
  return ".TP\n" + tag + "\n" + text + "\n";
}

std::string option_entry(const OptionText& option) {
  std::string tag;
  for (const std::string& name : option.names) tag += (tag.empty() ? "" : ", ") + bold(name);
  if (!option.value.empty()) tag += " " + italic(option.value);
  std::string text = sentence(option.help);
  if (!option.values.empty()) {
    text += "\nOne of";
    for (size_t i = 0; i < option.values.size(); ++i) {
      text += (i == 0                         ? " "
               : i + 1 < option.values.size() ? ", "
                                              : " or ") +
              bold(option.values[i]);
    }
    text += ".";
  }
  if (option.repeats) text += "\nMay be given several times.";
  return entry(tag, text);
}

std::string argument_entry(const OptionText& argument) {
  return entry(italic(argument.names[0]), sentence(argument.help));
}

std::string synopsis(const CommandText& command) {
  std::string text = bold("gptj " + command.name) + " [" + italic("option") + " ...]";
  for (const OptionText& argument : command.arguments) {
    const std::string name = italic(argument.names[0]) + (argument.repeats ? " ..." : "");
    text += argument.required ? " " + name : " [" + name + "]";
  }
  return text + "\n";
}

std::string exit_status() {
  return section("EXIT STATUS") + entry(bold("0"), "Done.") + entry(bold("1"), "Failed.") +
         entry(bold("2"), "Wrong usage.") +
         entry(bold("3"), "A batch has ended, and some of its records are errors.") +
         entry(bold("130"), "Interrupted; what was generated has been printed.") +
         entry(bold("143"), "Terminated.");
}

std::string environment() {
  return section("ENVIRONMENT") +
         entry(bold("GPTJ_MODEL"),
               "The model if no option names one. If neither does, the demo model is used.");
}

std::string examples(const CommandText& command) {
  return command.examples.empty() ? "" : section("EXAMPLES") + literal(command.examples);
}

std::string page_name(const CommandText& command) { return "gptj-" + command.name + ".1"; }

// Returns the line of references to all pages but `own`.
std::string see_also(const CommandText& program, const std::string& own) {
  std::vector<std::string> pages = {"gptj.1"};
  for (const CommandText& command : program.subcommands) pages.push_back(page_name(command));
  pages.push_back("gptj-request.5");
  std::erase(pages, own);
  std::string text;
  for (const std::string& page : pages) {
    const size_t dot = page.rfind('.');
    text +=
        (text.empty() ? "" : ",\n") + bold(page.substr(0, dot)) + "(" + page.substr(dot + 1) + ")";
  }
  return section("SEE ALSO") + text + "\n";
}

std::string begin_page(const std::string& name, char number, const std::string& date,
                       std::string help) {
  if (help.ends_with('.')) help.pop_back();
  const char* of = number == '1' ? "User Commands" : "File Formats";
  return ".\\\" Printed by `gptj manual`.\n.TH " + roff(upper(name)) + " " + number + " \"" + date +
         "\" \"gptj " + version() + "\" \"" + of + "\"\n" + section("NAME") + roff(name) + " \\- " +
         roff(help) + "\n";
}

std::string command_page(const CommandText& program, const CommandText& command,
                         const std::string& date) {
  std::string help = command.help;
  help[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(help[0])));
  std::string page = begin_page("gptj-" + command.name, '1', date, help) + section("SYNOPSIS") +
                     synopsis(command) + section("DESCRIPTION") + sentence(command.help) + "\n" +
                     paragraphs(command.notes);
  bool models = false;
  if (!command.arguments.empty()) page += section("ARGUMENTS");
  for (const OptionText& argument : command.arguments) page += argument_entry(argument);
  page += section("OPTIONS");
  for (const OptionText& option : command.options) {
    page += option_entry(option);
    models = models || option.names.back() == "--model";
  }
  page += exit_status();
  if (models) page += environment();
  return page + examples(command) + see_also(program, page_name(command));
}

std::string program_page(const CommandText& program, const std::string& date) {
  std::string page = begin_page("gptj", '1', date, program.help) + section("SYNOPSIS") +
                     bold("gptj") + " " + italic("command") + " [" + italic("option") + " ...] [" +
                     italic("argument") + " ...]\n" + section("DESCRIPTION") +
                     "Runs GPT\\-J and its fine\\-tunes on ordinary CPUs, as Hugging Face computes "
                     "them.\nResults go to standard output, everything else to standard error.\n" +
                     section("COMMANDS");
  for (const CommandText& command : program.subcommands) {
    page += entry(bold("gptj " + command.name),
                  sentence(command.help) + "\nSee " + bold("gptj-" + command.name) + "(1).");
  }
  page += section("OPTIONS");
  for (const OptionText& option : program.options) page += option_entry(option);
  return page + exit_status() + environment() + examples(program) + see_also(program, "gptj.1");
}

const char* json_type(FieldKind kind) {
  switch (kind) {
    case FieldKind::kFlag: return "true or false";
    case FieldKind::kFlagOrNever: return "true, false or \"never\"";
    case FieldKind::kInteger: return "integer";
    case FieldKind::kNumber: return "number";
    case FieldKind::kText: return "text";
    case FieldKind::kTexts: return "text or list of texts";
    case FieldKind::kBias: return "object from token ids to numbers";
  }
  return "";
}

std::string field_entry(const std::string& name, const std::string& type, const std::string& help) {
  return entry(bold(name) + " (" + roff(type) + ")", sentence(help));
}

std::string request_page(const CommandText& program, const std::string& date) {
  std::string page =
      begin_page("gptj-request", '5', date, "a request for text, as one line of JSON") +
      section("DESCRIPTION") + "A request is a JSON object on one line.\n" + bold("gptj batch") +
      " reads a file of requests and writes one line of JSON for each.\n"
      "Each field but the first two is also an option of " +
      bold("gptj complete") +
      ", with dashes for underscores.\nA field that is absent or null has its default.\n"
      "A field that no request has is an error.\n" +
      section("FIELDS") +
      field_entry("prompt", "text, list of token ids, or list of prompts",
                  "What the model continues. The choices of several prompts are numbered through") +
      field_entry("id", "any",
                  "Stands in front of the answer, to tell which request it belongs to");
  for (const RequestField& field : request_fields()) {
    page += field_entry(field.name, json_type(field.kind), field.help);
  }
  return page + section("OPENAI'S BATCH FILES") +
         "A line with the fields custom_id, method, url and body is taken as well.\n"
         "Its body is the request, its custom_id the id, and its url must be /v1/completions.\n" +
         section("EXAMPLES") +
         literal({R"({"prompt": "Once upon a time", "max_tokens": 40, "id": "a"})",
                  R"({"prompt": ["One", "Two"], "temperature": 0, "stop": ["\n"]})",
                  R"({"prompt": [464, 2068], "logit_bias": {"50256": -100}, "seed": 7})"}) +
         see_also(program, "gptj-request.5");
}

// Returns today's date, "2026-11-28".
std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&now, &utc);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &utc);
  return text;
}

struct ManualCommand {
  std::string page, date = today();
};

int run_manual(const CommandText& program, const ManualCommand& options) {
  std::string names = "gptj.1\n";
  for (const CommandText& command : program.subcommands) {
    names += page_name(command) + "\n";
    if (options.page == page_name(command)) {
      print(command_page(program, command, options.date));
      return exit_code();
    }
  }
  names += "gptj-request.5\n";
  if (options.page.empty()) {
    print(names);
  } else if (options.page == "gptj.1") {
    print(program_page(program, options.date));
  } else if (options.page == "gptj-request.5") {
    print(request_page(program, options.date));
  } else {
    std::replace(names.begin(), names.end(), '\n', ' ');
    throw Error(ErrorCode::kInvalidArgument,
                "manual: expected one of " + names + "found \"" + options.page + "\"", "page");
  }
  return exit_code();
}

}  // namespace

void add_manual(CLI::App& app, Run& run) {
  CLI::App& command = *app.add_subcommand("manual", "Print a manual page");
  command.group("");  // hidden
  const auto options = std::make_shared<ManualCommand>();
  command.add_option("page", options->page, "The page (default: the names of all pages)");
  command.add_option("--date", options->date, "The date in the page's footer (default: today)")
      ->type_name("DATE");
  command.footer("Example:\n  gptj manual gptj-complete.1 | man -l -");
  command.callback([&app, &run, options] {
    run = [&app, options] { return run_manual(command_text(app), *options); };
  });
}

}  // namespace gptj::tool
