// SPDX-License-Identifier: Apache-2.0
#include <deque>
#include <filesystem>
#include <map>
#include <memory>

#include "base/check.h"
#include "base/clock.h"
#include "base/float_environment.h"
#include "base/json.h"
#include "base/random.h"
#include "generate/scheduler.h"
#include "gptj/jobs.h"
#include "jobs/job_files.h"
#include "jobs/job_header.h"
#include "jobs/job_input.h"
#include "jobs/output.h"
#include "jobs/request_line.h"

namespace gptj {
namespace {

namespace fs = std::filesystem;

// kReadAhead: requests that are kept waiting, so that the scheduler never waits for the input.
// kReadAtOnce: most lines that are read between two steps.
constexpr size_t kReadAhead = 32, kReadAtOnce = 4096;
// Seconds of which a crash may lose the answers.
constexpr double kFlushSeconds = 0.5;
// Longest wait for a pipe before a Ctrl-C is heeded.
constexpr int kPollMilliseconds = 100;
constexpr uint64_t kSeedStream = 0x6a6f6273;  // differs from the streams of samples

// The records until they are written out. They are on disk in the journal, or in memory if the job
// cannot be resumed.
class Records {
 public:
  explicit Records(std::optional<Journal> journal) : journal_(std::move(journal)) {}

  bool has(int64_t line) const { return journal_ ? journal_->has(line) : kept_.contains(line); }
  const std::vector<int64_t>& lines_of_journal() const { return journal_->lines(); }
  bool are_resumed() const { return journal_ && !journal_->lines().empty(); }
  // Returns whether the record of a line of the journal is an error. REQUIRES: there is a journal.
  bool failed(int64_t line) const { return journal_->failed(line); }
  void put(int64_t line, std::string record, bool failed) {
    if (journal_) {
      journal_->append(line, record, failed);
    } else {
      kept_[line] = std::move(record);
    }
  }
  void flush() {
    if (journal_) journal_->flush();
  }
  // Returns the record of a line; called once for each line. REQUIRES: has(line), and flush() after
  // put().
  std::string take(int64_t line) {
    if (journal_) return journal_->record(line);
    const auto place = kept_.find(line);
    std::string record = std::move(place->second);
    kept_.erase(place);
    return record;
  }

 private:
  std::optional<Journal> journal_;
  std::map<int64_t, std::string> kept_;
};

// One run of a job: reads requests, lets the scheduler answer them, and writes their records.
class Job {
 public:
  Job(const Model& model, const JobOptions& options, const CancelToken& cancel,
      std::optional<Journal> journal, int64_t requests, std::string input_fingerprint)
      : model_(model),
        options_(options),
        cancel_(cancel),
        records_(std::move(journal)),
        output_(options.output, options.resume ? Existing::kContinue : Existing::kRefuse),
        input_(options.input),
        scheduler_(model, scheduler_options(model, {.kv_memory = options.kv_memory,
                                                    .share_prefixes = options.share_prefixes,
                                                    .keep_prefixes = options.keep_prefixes})),
        input_fingerprint_(std::move(input_fingerprint)) {
    progress_.requests = requests;
    defaults_.speculate = options.speculate;
    for (const auto& [name, value] : options.defaults) set_request_field(defaults_, name, value);
  }

  JobProgress run() {
    if (options_.as_completed && records_.are_resumed()) {
      for (const int64_t line : records_.lines_of_journal())
        output_.write_line(records_.take(line));
    }
    for (bool busy = false;;) {
      read_ahead(busy);
      if (cancel_.cancelled()) break;  // requests under way are dropped
      const auto start = Clock::now();
      busy = step();
      if (!busy && input_ended_) break;
      // Flush now if the next step, which may take as long as this one, would make it too late.
      if (seconds_since(flushed_) + seconds_since(start) >= kFlushSeconds) flush();
      report();
    }
    check(!input_ended_ || input_fingerprint_.empty() || input_.fingerprint() == input_fingerprint_,
          ErrorCode::kIo, options_.input, ": changed while it was read, so ", options_.output,
          " answers neither what it was nor what it is");
    flush();
    if (input_ended_) output_.finish();
    report();
    return progress_;
  }

 private:
  void report() {
    if (options_.on_progress) options_.on_progress(progress_);
  }

  // Runs one step of the scheduler; returns false if there is nothing to do. Writes out all
  // finished records before an exception leaves.
  bool step() {
    try {
      const bool busy = scheduler_.step();
      if (failure_) std::rethrow_exception(failure_);
      return busy;
    } catch (...) {
      flush();
      throw;
    }
  }

  // Reads lines until kReadAhead requests wait. A wrong line gets its record at once. Does not wait
  // for a pipe while the scheduler is busy.
  void read_ahead(bool busy) {
    std::string text;
    for (size_t read = 0; read < kReadAtOnce && !input_ended_; ++read) {
      if (scheduler_.waiting() >= kReadAhead) break;
      if (!input_.wait(busy || read > 0 ? 0 : kPollMilliseconds)) break;
      if (!input_.next(text)) {
        input_ended_ = true;
        break;
      }
      const int64_t number = input_.number();
      if (is_blank(text) || !in_shard(number, options_)) continue;
      if (!options_.as_completed) unwritten_.push_back(number);
      if (records_.has(number)) {
        ++progress_.done;
        progress_.failed += records_.failed(number);
        continue;
      }
      submit(parse_request_line(text, number, defaults_), number);
    }
  }

  // The tasks of one line, one for each prompt; its record is written once all of them have ended.
  struct Group {
    RequestLine line;
    int64_t number = 0;
    std::vector<Completion> answers = {};
    size_t running = 0;
    std::exception_ptr error = nullptr;  // error of the first task that failed
  };

  void submit(RequestLine line, int64_t number) {
    const auto group = std::make_shared<Group>(Group{std::move(line), number});
    if (!group->line.has_seed) group->line.request.seed = derived_seed(number);
    std::vector<std::unique_ptr<Task>> tasks;
    try {
      if (group->line.error) throw Error(*group->line.error);
      tasks = tasks_of(group->line);
    } catch (const Error& error) {
      put(number, error_record(group->line, error), true);
      return;
    }
    group->answers.resize(tasks.size());
    group->running = tasks.size();
    for (size_t i = 0; i < tasks.size(); ++i) add(std::move(tasks[i]), group, i);
  }

  // Returns a task for each prompt of a line. Throws if any of the prompts is wrong, so that none
  // is computed in vain.
  std::vector<std::unique_ptr<Task>> tasks_of(const RequestLine& line) const {
    std::vector<std::unique_ptr<Task>> tasks;
    for (const TextOrIds& prompt : line.prompts) {
      Request request = line.request;
      request.prompt = prompt;
      tasks.push_back(make_task(model_, std::move(request)));
    }
    return tasks;
  }

  void add(std::unique_ptr<Task> task, const std::shared_ptr<Group>& group, size_t i) {
    try {
      scheduler_.add(std::move(task), cancel_,
                     [this, group, i](Outcome outcome) { end(*group, i, std::move(outcome)); });
    } catch (const Error&) {  // the task can never run
      end(*group, i, {.completion = {}, .error = std::current_exception()});
    }
  }

  void end(Group& group, size_t i, Outcome outcome) {
    group.answers[i] = std::move(outcome.completion);
    if (outcome.error && !group.error) group.error = outcome.error;
    if (--group.running > 0) return;
    try {
      finish(group);
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  int64_t derived_seed(int64_t number) const {
    return static_cast<int64_t>(random_bits(static_cast<uint64_t>(options_.seed), kSeedStream,
                                            static_cast<uint64_t>(number)) >>
                                1);
  }

  void finish(Group& group) {
    if (cancel_.cancelled()) return;
    if (!group.error) {
      const Completion answer = joined(std::move(group.answers));
      progress_.tokens += answer.usage.total_tokens;
      put(group.number, answer_record(model_, group.line, answer), false);
      return;
    }
    try {
      std::rethrow_exception(group.error);
    } catch (const Error& error) {
      put(group.number, error_record(group.line, error), true);
    } catch (...) {
      failure_ = group.error;  // an error that the request did not cause
    }
  }

  void put(int64_t number, std::string record, bool failed) {
    ++progress_.done;
    ++progress_.made;
    progress_.failed += failed;
    records_.put(number, std::move(record), failed);
    if (options_.as_completed) unwritten_.push_back(number);
  }

  // Writes finished records out. They are on disk in the journal before they are in the output.
  void flush() {
    records_.flush();
    while (!unwritten_.empty() && records_.has(unwritten_.front())) {
      output_.write_line(records_.take(unwritten_.front()));
      unwritten_.pop_front();
    }
    output_.sync();
    flushed_ = Clock::now();
  }

  const Model& model_;
  const JobOptions& options_;
  const CancelToken& cancel_;
  Request defaults_;
  Records records_;
  OutputFile output_;
  JobInput input_;
  Scheduler scheduler_;
  std::deque<int64_t> unwritten_;  // lines in the order of the output
  JobProgress progress_;
  std::string input_fingerprint_;  // as the journal has it; empty without one
  bool input_ended_ = false;
  std::exception_ptr failure_;
  Clock::time_point flushed_ = Clock::now();
};

// Returns whether the job can be resumed: the output is a file, and the input can be read again,
// which a pipe cannot.
bool is_resumable(const JobOptions& options) {
  std::error_code ignored;
  return !options.output.empty() && fs::is_regular_file(options.input, ignored);
}

}  // namespace

void check_job(const JobOptions& options) {
  check_param(1 <= options.shards, "shard", "expected at least 1 shard, found ", options.shards);
  check_param(0 <= options.shard && options.shard < options.shards, "shard", "expected 0 to ",
              options.shards - 1, ", found ", options.shard);
  check_param(options.seed >= 0, "seed", "expected 0 to 2^63 - 1, found ", options.seed);
  Request defaults;
  for (const auto& [name, value] : options.defaults) {
    check_param(name != "seed", "seed", "is the job's, no default of its lines");
    set_request_field(defaults, name, value);
  }
  check_param(!options.resume || !options.input.empty(), "resume",
              "standard input cannot be read again: name a file");
  check_param(
      !options.resume || options.output.empty() || !exists(options.input) || is_resumable(options),
      "resume", options.input, " cannot be read again: it is no file");
  check_param(!options.resume || !options.output.empty(), "resume",
              "standard output cannot be resumed: name a file with -o");
  check_param(!options.clean || !options.output.empty(), "clean",
              "there is no journal without an output file");
  if (!options.input.empty()) {
    check(exists(options.input), ErrorCode::kNotFound, options.input, ": cannot open");
    check(!is_folder(options.input), ErrorCode::kIo, options.input,
          ": expected a file, found a folder");
  }
  if (options.output.empty()) return;
  check_output_folder(options.output);
  std::error_code none;
  check_param(!fs::equivalent(options.input, options.output, none), "output", options.output,
              " is the input");
  check_param(options.resume || !exists(options.output), "output", options.output,
              " exists: go on with `resume`, or remove it");
}

JobProgress run_job(const Model& model, const JobOptions& options, const CancelToken& cancel) {
  const DefaultFloatEnvironment environment;
  check_job(options);
  std::optional<Journal> journal;
  int64_t requests = 0;
  std::string input_fingerprint;
  if (is_resumable(options)) {
    Json header = header_of(model, options);
    const TakenApart apart(header);
    requests = header["requests"].get<int64_t>();
    input_fingerprint = header["input"].get<std::string>();
    journal.emplace(open_journal(options, header));
  } else if (!options.output.empty()) {
    remove_file(journal_path(options.output));  // a leftover of another job
  }
  const bool has_journal = journal.has_value();
  const JobProgress progress =
      Job(model, options, cancel, std::move(journal), requests, std::move(input_fingerprint)).run();
  if (has_journal && options.clean && progress.done == requests) {
    remove_file(journal_path(options.output));
  }
  return progress;
}

}  // namespace gptj
