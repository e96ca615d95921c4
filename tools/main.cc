// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "command.h"
#include "suggest.h"

namespace {

using namespace gptj;

std::string version_text() {
  std::string sets;
  for (const std::string& name : instruction_set_names()) sets += " " + name;
  return std::string("gptj ") + version() + "\ncompiler: " + __VERSION__ +
         "\ninstruction sets found:" + sets;
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("GPT-J on CPUs: complete text, score it, convert models and look into them.",
               "gptj");
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  app.footer(
      "Example:\n  gptj complete \"Once upon a time\"\n"
      "'gptj COMMAND --help' has the options and an example of each command.");
  tool::Run run;
  tool::add_complete(app, run);
  tool::add_batch(app, run);
  tool::add_repl(app, run);
  tool::add_tokenize(app, run);
  tool::add_perplexity(app, run);
  tool::add_convert(app, run);
  tool::add_inspect(app, run);
  tool::add_bench(app, run);
#ifdef GPTJ_SERVER
  tool::add_serve(app, run);
#endif
  tool::add_manual(app, run);
  tool::add_completion(app, run);
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  arguments = tool::with_dashes(app, std::move(arguments));
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    if (!app.remaining(/*recurse=*/true).empty()) {
      std::fprintf(stderr, "%s\n", tool::unexpected_argument(app).c_str());
      return tool::kWrongUsage;
    }
    // --help and --version arrive here too, with code 0 and their text for stdout.
    return app.exit(error) == 0 ? tool::kDone : tool::kWrongUsage;
  }
  return run();
}

}  // namespace

int main(int argc, char** argv) {
  tool::prepare_process();
  try {
    const int code = parse_and_run(argc, argv);
    std::fflush(stdout);
    return code;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled && tool::exit_code() != 0) return tool::exit_code();
    std::fprintf(stderr, "gptj: %s\n", tool::with_option_names(error.what()).c_str());
    const bool usage = error.code() == ErrorCode::kInvalidArgument && !error.param().empty();
    return usage ? tool::kWrongUsage : tool::kFailed;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "gptj: out of memory\n");
    return tool::kFailed;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gptj: unexpected: %s\n", error.what());
    return tool::kFailed;
  }
}
