// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "command.h"
#include "progress.h"
#include "request_options.h"

namespace gptj::tool {
namespace {

struct BatchCommand {
  ModelOptions model;
  RequestOptions request;
  JobOptions job;
  std::string shard;
  std::string share_prefixes = "on", keep_prefixes = "on";
  std::vector<std::string> files;  // the input, or the parts to merge
  bool merge = false;
  double progress_seconds = 0;
};

// Sets shard and shards from a text like "2/8".
void read_shard(const std::string& text, JobOptions& job) {
  long long shard = 0, shards = 0;
  int end = 0;
  const int found = std::sscanf(text.c_str(), "%lld/%lld%n", &shard, &shards, &end);
  if (found != 2 || static_cast<size_t>(end) != text.size() || shard < 0 || shard >= shards) {
    throw Error(ErrorCode::kInvalidArgument,
                "--shard: expected i/n with i from 0 to n - 1, found \"" + text + "\"", "shard");
  }
  job.shard = shard;
  job.shards = shards;
}

// Returns a line that says how far a job is after `elapsed` seconds.
std::string progress_line(const JobProgress& p, double elapsed) {
  std::string line = std::to_string(p.done);
  if (p.requests > 0) line += " of " + std::to_string(p.requests);
  line += " prompts";
  if (p.failed > 0) line += ", " + std::to_string(p.failed) + " failed";
  char text[80];
  std::snprintf(text, sizeof text, ", %.1f tokens/s", static_cast<double>(p.tokens) / elapsed);
  line += text;
  if (p.requests > 0 && p.made > 0) {
    const double left =
        elapsed / static_cast<double>(p.made) * static_cast<double>(p.requests - p.done);
    std::snprintf(text, sizeof text, ", %.0f s left", left);
    line += text;
  }
  return line;
}

int merge(const BatchCommand& command) {
  if (command.job.output.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--merge: expected the file to write as -o OUT",
                "merge");
  }
  merge_job(command.files, command.job.output);
  return kDone;
}

int run_batch(const BatchCommand& command) {
  if (command.merge) return merge(command);
  JobOptions job = command.job;
  if (command.files.size() > 1) {
    throw Error(ErrorCode::kInvalidArgument,
                "batch: expected one input, found " + std::to_string(command.files.size()) +
                    " (--merge takes several)",
                "input");
  }
  if (!command.files.empty() && command.files[0] != "-") job.input = command.files[0];
  if (!command.shard.empty()) read_shard(command.shard, job);
  job.share_prefixes = command.share_prefixes == "on";
  job.keep_prefixes = command.keep_prefixes == "on";
  job.speculate = command.request.speculate == "auto";
  mention_backslash(command.request, command.model.quiet);
  job.defaults = command.request.fields();
  job.seed = command.request.build().seed.value_or(0);
  std::erase_if(job.defaults, [](const auto& field) { return field.first == "seed"; });
  check_job(job);
  if (job.input.empty() || job.output.empty()) {
    note(command.model.quiet, std::string("gptj: ") +
                                  (job.input.empty() ? "standard input" : "standard output") +
                                  " cannot be resumed; name files to be safe from crashes");
  }
  const Model model = load_model(command.model);
  ProgressDisplay display(command.model.quiet,
                          command.progress_seconds > 0 ? command.progress_seconds : 30);
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  job.on_progress = [&](const JobProgress& p) {
    if (display.is_due()) display.show(progress_line(p, elapsed()));
  };
  JobProgress progress;
  try {
    progress = run_job(model, job, interrupted());
  } catch (const Error&) {
    // After `head` in `batch | head` has gone there is nothing more to do, and this is no error.
    if (job.output.empty() && output_has_no_reader()) return kDone;
    throw;
  }
  const double seconds = elapsed();
  display.clear();
  char text[160];
  std::snprintf(text, sizeof text, "gptj: %lld prompts, %lld failed, %.1f tokens/s",
                static_cast<long long>(progress.done), static_cast<long long>(progress.failed),
                seconds > 0 ? static_cast<double>(progress.tokens) / seconds : 0.0);
  note(command.model.quiet, text);
  mention_kv_cache_overflows(model, command.model);
  if (exit_code() != kDone) return exit_code();
  return progress.failed > 0 ? kIncomplete : kDone;
}

}  // namespace

void add_batch(CLI::App& app, Run& run) {
  CLI::App& command = *app.add_subcommand("batch", "Answer a file of requests, one of JSON a line");
  const auto options = std::make_shared<BatchCommand>();
  command
      .add_option("input", options->files,
                  "Requests as JSON lines (none or -: standard input); with --merge, shards")
      ->type_name("FILE");
  command
      .add_option("-o,--output", options->job.output, "Where records go (default: standard output)")
      ->type_name("FILE");
  command.add_flag("--resume", options->job.resume,
                   "Go on where this job stopped; start it where it never ran");
  command.add_flag("--clean", options->job.clean, "Remove the journal once all is answered");
  command.add_flag("--as-completed", options->job.as_completed,
                   "Records as they are made, not in the order of the input");
  command.add_option("--shard", options->shard, "Only each n-th line, from line i + 1 on")
      ->type_name("i/n");
  command.add_flag("--merge", options->merge, "Put the outputs of all shards together");
  command
      .add_option(
          "--kv-memory", options->job.kv_memory,
          "Memory for keys and values, 8G say: how many run at once, and what one may take\n"
          "(default: half of what "
          "is free)")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false).description(""));
  command
      .add_option("--share-prefixes", options->share_prefixes,
                  "Compute once what prompts have in common (default on)")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"on", "off"}));
  command
      .add_option("--keep-prefixes", options->keep_prefixes,
                  "Keep what was computed for later prompts that begin alike, while there is room\n"
                  "(default on)")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"on", "off"}));
  command
      .add_option("--progress", options->progress_seconds,
                  "Seconds between lines on stderr where that is no terminal (default 30)")
      ->type_name("SECONDS");
  add_request_options(command, options->request);
  add_model_options(command, options->model);
  command.footer(
      "Options of a request are the default for lines that do not say.\n"
      "Exit code 3: all is answered, and some lines have an error as their record.\n"
      "Examples:\n"
      "  gptj batch questions.jsonl -o answers.jsonl --max-tokens 64\n"
      "  gptj batch questions.jsonl -o answers.jsonl --max-tokens 64 --resume\n"
      "  echo '{\"prompt\": \"Once upon a time\"}' | gptj batch\n"
      "  gptj batch q.jsonl -o part-3.jsonl --shard 3/8\n"
      "  gptj batch --merge -o answers.jsonl part-*.jsonl");
  command.callback([&run, options] { run = [options] { return run_batch(*options); }; });
}

}  // namespace gptj::tool
