// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <sstream>
#include <thread>

#include "app.h"
#include "command.h"
#include "notify.h"

namespace gptj::tool {
namespace {

struct ServeOptions {
  ModelOptions model;
  std::string host = "127.0.0.1", unix_path, api_key_file;
  int port = 8080;
  uint64_t kv_memory = 0, max_body = 16 << 20;
  std::string keep_prefixes = "on";
  double drain = 30;
  serve::AppOptions app;
};

// Appends what the environment says under GPTJ_NAME to each option, so that a service is set up
// without a command line.
void read_environment(CLI::App& command) {
  for (CLI::Option* option : command.get_options()) {
    const std::string name = option->get_single_name();
    if (name == "help" || name == "model" || name == "json") continue;
    std::string variable = "GPTJ_" + name;
    for (char& c : variable) c = c == '-' ? '_' : static_cast<char>(std::toupper(c));
    option->envname(variable);
  }
}

// Returns the keys of a file: one a line; empty lines and lines that begin with # are skipped.
// Throws kInvalidArgument if there is none, kNotFound, kIo.
std::vector<std::string> read_keys(const std::string& path);

std::vector<std::string> read_keys(const std::string& path) {
  std::vector<std::string> keys;
  std::istringstream lines(read_text(path));
  for (std::string line; std::getline(lines, line);) {
    const std::string_view key = serve::trimmed(line);
    if (!key.empty() && !key.starts_with('#')) keys.emplace_back(key);
  }
  if (keys.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                path + ": expected a key on a line of its own, found none", "api_key_file");
  }
  return keys;
}

serve::AppOptions app_options(const ServeOptions& options) {
  serve::AppOptions app = options.app;
  app.limits.body_bytes = options.max_body;
  if (!options.api_key_file.empty()) app.access.keys = read_keys(options.api_key_file);
  // Where keys are asked for, or other machines may connect, a name cannot be known to be right.
  app.access.checks_host =
      app.access.keys.empty() && options.unix_path.empty() && serve::is_loopback(options.host);
  return app;
}

// Ends the server: at the first signal it takes no more requests and waits for those that there
// are, at the second it ends at once.
class Ending {
 public:
  Ending(serve::App& app, double seconds, bool quiet)
      : app_(app), seconds_(seconds), quiet_(quiet) {}

  void on_signal(int signal) {
    if (signal_ != 0) ::_exit(128 + signal);
    signal_ = signal;
    interrupted().cancel();  // the model that is being loaded
    note(quiet_, "gptj: ending: " + std::to_string(app_.server().requests()) +
                     " requests are under way; a second signal ends at once");
    serve::notify_service("STOPPING=1");
    app_.drain();
    app_.server().after(seconds_, [this] {
      app_.server().stop_requests(serve::Reply::Stop::kDrain);
      app_.server().after(5, [this] { app_.server().stop(); });
    });
    wait();
  }
  int code() const { return signal_ == 0 ? kDone : 128 + signal_; }

 private:
  void wait() {
    if (app_.server().requests() == 0) return app_.server().stop();
    app_.server().after(0.05, [this] { wait(); });
  }

  serve::App& app_;
  const double seconds_;
  const bool quiet_;
  int signal_ = 0;
};

void listen(const ServeOptions& options, serve::App& app) {
  if (!options.unix_path.empty()) {
    app.server().listen(options.unix_path);
    note(options.model.quiet, "gptj: listening on " + options.unix_path);
    return;
  }
  const int port = app.server().listen(options.host, options.port);
  const bool is_v6 = options.host.find(':') != std::string::npos;
  const std::string host = is_v6 ? "[" + options.host + "]" : options.host;
  note(options.model.quiet, "gptj: listening on http://" + host + ":" + std::to_string(port));
  if (!serve::is_loopback(options.host) && options.api_key_file.empty()) {
    note(options.model.quiet,
         "gptj: warning: other machines may connect, and no key is asked for; --api-key-file does");
  }
}

int run_serve(const ServeOptions& options) {
  serve::App app(app_options(options));
  listen(options, app);
  Ending ending(app, options.drain, options.model.quiet);
  std::exception_ptr failure;
  std::thread loader([&] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    try {
      const Model model = load_model(options.model);
      app.open(model,
               {.kv_memory = options.kv_memory, .keep_prefixes = options.keep_prefixes == "on"});
      note(options.model.quiet, "gptj: ready: " + model.name());
      serve::notify_service("READY=1");
    } catch (...) {
      failure = std::current_exception();
      app.server().stop();
    }
  });
  try {
    app.server().run([&](int signal) { ending.on_signal(signal); });
  } catch (...) {
    interrupted().cancel();
    loader.join();
    throw;
  }
  loader.join();
  app.close();
  if (failure && ending.code() == kDone) std::rethrow_exception(failure);
  return ending.code();
}

void add_listening_options(CLI::App& command, ServeOptions& options) {
  command.add_option("--host", options.host,
                     "Name or address to listen on; 0.0.0.0 lets other machines connect\n"
                     "(default 127.0.0.1)");
  command.add_option("--port", options.port, "TCP port; 0 takes a free one (default 8080)")
      ->check(CLI::Range(0, 65535));
  command.add_option("--unix", options.unix_path, "Listen on this socket file instead");
  command.add_option("--api-key-file", options.api_key_file,
                     "File of keys, one a line: clients must send one of them");
  command
      .add_option("--cors-origin", options.app.access.origins,
                  "Origin whose pages may use the server, https://example.org say; * is any")
      ->allow_extra_args(false);
  command
      .add_option("--allowed-host", options.app.access.hosts,
                  "Name by which clients may call a server on the loopback address")
      ->allow_extra_args(false);
  command.add_flag("--metrics-open", options.app.metrics_open, "/metrics needs no key");
}

void add_limit_options(CLI::App& command, ServeOptions& options) {
  serve::AppOptions& app = options.app;
  serve::Limits& limits = app.limits;
  command
      .add_option("--max-queue", app.max_queue,
                  "Prompts that may wait; more are answered with 429 (default 64)")
      ->check(CLI::Range(0, 1'000'000));
  command
      .add_option("--max-connections", limits.connections,
                  "Connections at once; more are answered with 503 (default 1024)")
      ->check(CLI::Range(1, 1'000'000));
  command.add_option("--max-body", options.max_body, "Bytes of a request's body (default 16M)")
      ->transform(CLI::AsSizeValue(false));
  command
      .add_option("--max-tokens-limit", app.max_tokens_limit,
                  "New tokens that one request may ask for; 0 is no limit (default 0)")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--default-max-tokens", app.default_max_tokens,
                  "New tokens of a request that does not say (default 16)")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--timeout", limits.request_seconds,
                  "Seconds for a whole answer; 0 is no limit (default 0)")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--drain", options.drain,
                  "Seconds that answers may still take after SIGTERM (default 30)")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--header-timeout", limits.header_seconds,
                  "Seconds for a request's header (default 10)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--body-timeout", limits.body_seconds,
                  "Seconds for a request's body, besides 1 for each 10 kB (default 10)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--idle-timeout", limits.idle_seconds,
                  "Seconds that a connection may wait without a request (default 60)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--stall-timeout", limits.stall_seconds,
                  "Seconds that a client may read nothing (default 30)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--ping", limits.silence_seconds,
                  "Seconds of silence before a stream sends a comment (default 15)")
      ->check(CLI::PositiveNumber);
}

}  // namespace

void add_serve(CLI::App& app, Run& run) {
  CLI::App& command = *app.add_subcommand("serve", "Serve completions over HTTP");
  const auto options = std::make_shared<ServeOptions>();
  add_listening_options(command, *options);
  add_limit_options(command, *options);
  command
      .add_option("--kv-memory", options->kv_memory,
                  "Memory for keys and values, 8G say (default: half of what is free)")
      ->transform(CLI::AsSizeValue(false));
  command
      .add_option("--keep-prefixes", options->keep_prefixes,
                  "on or off: keep what was computed for later prompts (default on)")
      ->check(CLI::IsMember({"on", "off"}));
  command.add_option("--alias", options->app.alias, "The model's name in answers");
  command.add_flag("--strict-model", options->app.strict_model,
                   "Refuse requests that name another model");
  command.add_option("--access-log", options->app.access_log,
                     "File for a line of JSON per request; - is stderr");
  add_model_options(command, options->model);
  read_environment(command);
  command.footer(
      "The page is at http://127.0.0.1:8080/, the routes are listed at /openapi.json.\n"
      "Examples:\n"
      "  gptj serve\n"
      "  gptj serve --model gpt-j-6b.gptj --host 0.0.0.0 --api-key-file keys --kv-memory 8G\n"
      "  GPTJ_PORT=9000 gptj serve --unix /run/gptj.sock\n"
      "  curl 127.0.0.1:8080/v1/completions -d '{\"prompt\": \"Once upon a time\"}'");
  command.callback([&run, options] { run = [options] { return run_serve(*options); }; });
}

}  // namespace gptj::tool
