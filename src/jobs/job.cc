// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <set>

#include "base/atomic_file.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/fingerprint.h"
#include "base/float_environment.h"
#include "base/json.h"
#include "base/random.h"
#include "generate/scheduler.h"
#include "gptj/jobs.h"
#include "jobs/journal.h"
#include "jobs/output.h"
#include "jobs/request_line.h"
#include "model/model_state.h"

namespace gptj {
namespace {

namespace fs = std::filesystem;

// Requests that are read before they can run, so that none waits for being read.
constexpr size_t kReadAhead = 32, kReadAtOnce = 4096;
// Answers that a crash may lose.
constexpr double kFlushSeconds = 0.5;
// How long a pipe is waited for before a Ctrl-C is heeded.
constexpr int kPollMilliseconds = 100;
constexpr uint64_t kSeedStream = 0x6a6f6273;  // apart from the streams of samples

std::string journal_path(const std::string& output) { return output + ".journal"; }

// The lines of a job's input, with their numbers.
class Input {
 public:
  explicit Input(const std::string& path)
      : path_(path),
        descriptor_(path.empty() ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)),
        reader_(path.empty() ? "standard input" : path, descriptor_) {
    if (descriptor_ < 0) fail_io(path_, "cannot open");
  }
  ~Input() {
    if (!path_.empty()) ::close(descriptor_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  bool next(std::string& line) {
    if (!reader_.next(line)) return false;
    ++number_;
    fingerprint_.add(line);
    return true;
  }
  bool wait(int milliseconds) { return reader_.wait(milliseconds); }
  int64_t number() const { return number_; }
  // Of the lines so far.
  std::string fingerprint() const { return hexadecimal(fingerprint_.value()); }

 private:
  std::string path_;
  int descriptor_;
  LineReader reader_;
  int64_t number_ = 0;
  Fingerprint fingerprint_;
};

bool in_shard(int64_t line, const JobOptions& options) {
  return (line - 1) % options.shards == options.shard;
}

// What can change an answer, by name; and what a merge must know.
Json header_of(const Model& model, const JobOptions& options) {
  int64_t requests = 0;
  Input lines(options.input);
  for (std::string line; lines.next(line);) {
    requests += in_shard(lines.number(), options) && !is_blank(line);
  }
  Json defaults = Json::object();
  for (const auto& [name, value] : options.defaults) defaults[name] = parse_json(value, name);
  return {{"gptj_journal", 1},
          {"input", lines.fingerprint()},
          {"model", hexadecimal(model.fingerprint())},
          {"name", model.name()},
          {"defaults", defaults.dump()},
          {"seed", options.seed},
          {"weights", weight_type_name(model.weight_type())},
          {"kv_cache", weight_type_name(model.kv_cache_type())},
          {"arithmetic", arithmetic_name(model)},
          {"shards", options.shards},
          {"shard", options.shard},
          {"requests", requests}};
}

// What of two jobs differs, but for `besides`; empty: nothing.
std::string difference(const Json& a, const Json& b, const std::set<std::string>& besides = {}) {
  std::string names;
  for (const auto& [name, value] : a.items()) {
    if (!besides.contains(name) && (!b.contains(name) || b[name] != value)) {
      names += (names.empty() ? "" : ", ") + name;
    }
  }
  return names;
}

bool is_empty_or_absent(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) != 0 || info.st_size == 0;
}

// The journal to go on with, or a new one.
Journal open_journal(const JobOptions& options, const Json& header) {
  const std::string path = journal_path(options.output);
  if (options.resume) {
    if (std::optional<Journal> journal = Journal::open(path)) {
      const std::string differs = difference(header, parse_json(journal->header(), path));
      check_param(differs.empty(), "resume", path, " is another job's: these differ: ", differs);
      return *std::move(journal);
    }
    check_param(is_empty_or_absent(options.output), "resume", options.output,
                " exists without a journal, so nothing says what made it");
  }
  return Journal::create(path, header.dump());
}

// Where records are until they are written out: on disk, or in memory where nothing can be resumed.
class Records {
 public:
  explicit Records(std::optional<Journal> journal) : journal_(std::move(journal)) {}

  bool has(int64_t line) const { return journal_ ? journal_->has(line) : kept_.contains(line); }
  const std::vector<int64_t>& lines_of_journal() const { return journal_->lines(); }
  bool are_resumed() const { return journal_ && !journal_->lines().empty(); }
  void put(int64_t line, std::string record) {
    if (journal_) {
      journal_->append(line, record);
    } else {
      kept_[line] = std::move(record);
    }
  }
  void flush() {
    if (journal_) journal_->flush();
  }
  // Of a line that it has, flushed; once.
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

class Job {
 public:
  Job(const Model& model, const JobOptions& options, const CancelToken& cancel,
      std::optional<Journal> journal, int64_t requests, std::string input_fingerprint)
      : model_(model),
        options_(options),
        cancel_(cancel),
        records_(std::move(journal)),
        output_(options.output),
        input_(options.input),
        scheduler_(model, {kv_cache_budget(model, options.kv_memory), options.share_prefixes}),
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
      if (cancel_.cancelled()) break;  // what is under way is dropped
      const auto start = Clock::now();
      busy = step();
      if (!busy && input_ended_) break;
      // Not after the next step, which may take as long.
      if (seconds_since(flushed_) + seconds_since(start) >= kFlushSeconds) flush();
      report();
    }
    check(!input_ended_ || input_fingerprint_.empty() || input_.fingerprint() == input_fingerprint_,
          ErrorCode::kIo, options_.input, ": changed while it was read, so ", options_.output,
          " answers neither what it was nor what it is");
    flush();
    report();
    return progress_;
  }

 private:
  void report() {
    if (options_.on_progress) options_.on_progress(progress_);
  }

  // What was answered is kept, whatever happens.
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

  // Keeps some requests waiting; a wrong one has its record at once. Does not wait for a pipe while
  // there is something to do.
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
        progress_.failed += is_error(records_.take(number));
        continue;
      }
      submit(parse_request_line(text, number, defaults_), number);
    }
  }

  // The tasks of one line; its record is written once all of them have ended.
  struct Group {
    RequestLine line;
    int64_t number = 0;
    std::vector<Completion> answers;
    size_t running = 0;
    std::exception_ptr error = nullptr;  // of the first that failed
  };

  void submit(RequestLine line, int64_t number) {
    if (!line.has_seed) line.request.seed = derived_seed(number);
    try {
      if (line.error) throw Error(*line.error);
      submit_prompts(std::move(line), number);
    } catch (const Error& error) {
      put(number, error_record(line, error), true);
    }
  }

  // Every prompt is proved before any is computed.
  void submit_prompts(RequestLine&& line, int64_t number) {
    std::vector<std::unique_ptr<Task>> tasks;
    for (TextOrIds& prompt : line.prompts) {
      Request request = line.request;
      request.prompt = std::move(prompt);
      tasks.push_back(make_task(model_, std::move(request)));
    }
    const auto group = std::make_shared<Group>(Group{.line = std::move(line),
                                                     .number = number,
                                                     .answers = std::vector<Completion>(tasks.size()),
                                                     .running = tasks.size()});
    for (size_t i = 0; i < tasks.size(); ++i) {
      scheduler_.add(std::move(tasks[i]), cancel_, [this, group, i](Outcome outcome) {
        group->answers[i] = std::move(outcome.completion);
        if (outcome.error && !group->error) group->error = outcome.error;
        if (--group->running == 0) finish(*group);
      });
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
      failure_ = group.error;  // no fault of the request
    }
  }

  void put(int64_t number, std::string record, bool failed) {
    ++progress_.done;
    ++progress_.made;
    progress_.failed += failed;
    records_.put(number, std::move(record));
    if (options_.as_completed) unwritten_.push_back(number);
  }

  // Records are on disk in the journal before they are in the output.
  void flush() {
    records_.flush();
    while (!unwritten_.empty() && records_.has(unwritten_.front())) {
      output_.write_line(records_.take(unwritten_.front()));
      unwritten_.pop_front();
    }
    output_.sync();
    flushed_ = Clock::now();
  }

  static bool is_error(const std::string& record) {
    const Json json = parse_json(record, "record");
    return json.contains("error") && !json["error"].is_null();
  }

  const Model& model_;
  const JobOptions& options_;
  const CancelToken& cancel_;
  Request defaults_;
  Records records_;
  OutputFile output_;
  Input input_;
  Scheduler scheduler_;
  std::deque<int64_t> unwritten_;  // lines in the order of the output
  JobProgress progress_;
  std::string input_fingerprint_;  // as the journal has it; empty without one
  bool input_ended_ = false;
  std::exception_ptr failure_;
  Clock::time_point flushed_ = Clock::now();
};

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}
bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}
void remove_file(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
  check(!error, ErrorCode::kIo, path, ": cannot remove: ", error.message());
}

// What cannot be read again, as a pipe, cannot be resumed.
bool is_resumable(const JobOptions& options) {
  std::error_code ignored;
  return !options.output.empty() && fs::is_regular_file(options.input, ignored);
}

void check_output_folder(const std::string& output) {
  const std::string folder = folder_of(output);
  check(is_folder(folder), ErrorCode::kNotFound, folder,
        ": expected a folder for the output, found none");
  check(::access(folder.c_str(), W_OK) == 0, ErrorCode::kIo, folder,
        ": nothing can be written there");
  check(!is_folder(output), ErrorCode::kIo, output, ": expected a file, found a folder");
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
              " exists: go on with --resume, or remove it");
}

JobProgress run_job(const Model& model, const JobOptions& options, const CancelToken& cancel) {
  const DefaultFloatEnvironment environment;
  check_job(options);
  std::optional<Journal> journal;
  int64_t requests = 0;
  std::string input_fingerprint;
  if (is_resumable(options)) {
    const Json header = header_of(model, options);
    requests = header["requests"].get<int64_t>();
    input_fingerprint = header["input"].get<std::string>();
    journal.emplace(open_journal(options, header));
  } else if (!options.output.empty()) {
    remove_file(journal_path(options.output));  // of another job
  }
  const bool has_journal = journal.has_value();
  const JobProgress progress =
      Job(model, options, cancel, std::move(journal), requests, std::move(input_fingerprint)).run();
  if (has_journal && options.clean && progress.done == requests) {
    remove_file(journal_path(options.output));
  }
  return progress;
}

void merge_job(const std::vector<std::string>& parts, const std::string& output) {
  check_param(!parts.empty(), "merge", "expected the outputs of all shards, found none");
  check_output_folder(output);
  check_param(!exists(output), "output", output, " exists: remove it, or name another");
  std::vector<Journal> journals;
  Json first;
  std::set<int64_t> found;
  std::map<int64_t, size_t> owners;  // of each line
  for (const std::string& part : parts) {
    std::optional<Journal> journal = Journal::open_to_read(journal_path(part));
    check_param(journal.has_value(), "merge", part, ": expected its journal beside it, found none");
    const Json header = parse_json(journal->header(), journal_path(part));
    if (first.is_null()) first = header;
    const std::string differs = difference(first, header, {"shard", "requests"});
    check_param(differs.empty(), "merge", part, " and ", parts[0],
                " are of different jobs: these differ: ", differs);
    check_param(found.insert(header["shard"].get<int64_t>()).second, "merge", part,
                ": a shard that is there already");
    const auto requests = header["requests"].get<int64_t>();
    const auto done = static_cast<int64_t>(journal->lines().size());
    check_param(done == requests, "merge", part, ": expected ", requests, " records, found ", done,
                ": finish it with --resume");
    for (const int64_t line : journal->lines()) owners[line] = journals.size();
    journals.push_back(*std::move(journal));
  }
  const auto shards = first["shards"].get<int64_t>();
  for (int64_t shard = 0; shard < shards; ++shard) {
    check_param(found.contains(shard), "merge", "shard ", shard, " of ", shards, " is missing");
  }
  AtomicFile file(output);
  uint64_t offset = 0;
  for (const auto& [line, owner] : owners) {
    const std::string record = journals[owner].record(line) + "\n";
    file.write_at(offset, std::as_bytes(std::span(record)));
    offset += record.size();
  }
  file.commit();
}

}  // namespace gptj
