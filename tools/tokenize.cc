// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "command.h"

namespace gptj::tool {
namespace {

struct TokenizeOptions {
  ModelOptions model;
  std::string argument, file;
  bool has_argument = false;
  bool plain = false, count = false, decode = false;
};

std::string ids_text(const std::vector<TokenId>& ids, bool json) {
  std::string text;
  for (const TokenId id : ids) {
    if (!text.empty()) text += json ? "," : " ";
    text += std::to_string(id);
  }
  return json ? "[" + text + "]" : text;
}

int run_tokenize(const TokenizeOptions& options) {
  const Tokenizer tokenizer = load_tokenizer(
      model_path(options.model),
      [&](const std::string& warning) { note(options.model.quiet, "gptj: warning: " + warning); });
  const std::string input = options.has_argument ? options.argument : read_input(options.file);
  if (options.decode) {
    print(tokenizer.decode(parse_ids("--decode", input)));
    return exit_code();
  }
  const std::vector<TokenId> ids = tokenizer.encode(input, {.plain = options.plain});
  if (options.count) {
    print(std::to_string(ids.size()) + "\n");
  } else {
    print(ids_text(ids, options.model.json) + "\n");
  }
  return exit_code();
}

}  // namespace

void add_tokenize(CLI::App& app, Run& run) {
  CLI::App& command = *app.add_subcommand("tokenize", "Turn text into token ids, or back");
  const auto options = std::make_shared<TokenizeOptions>();
  CLI::Option* argument = command.add_option("text", options->argument,
                                             "The text, or the ids with --decode (default: "
                                             "standard input, byte for byte)");
  command.add_option("-f,--file", options->file, "Read it from a file")
      ->type_name("FILE")
      ->excludes(argument);
  command.add_flag("--plain", options->plain, "Special tokens in the text are ordinary text");
  CLI::Option* count = command.add_flag("--count", options->count, "Print how many tokens");
  command.add_flag("--decode", options->decode, "Print the bytes of ids")->excludes(count);
  add_model_path_option(command, options->model);
  add_output_options(command, options->model);
  command.footer(
      "Examples:\n"
      "  gptj tokenize \"Once upon a time\"\n"
      "  gptj tokenize --count --file prompt.txt\n"
      "  gptj tokenize \"Hello\" | gptj tokenize --decode");
  command.callback([&run, options, argument] {
    options->has_argument = argument->count() > 0;
    run = [options] { return run_tokenize(*options); };
  });
}

}  // namespace gptj::tool
