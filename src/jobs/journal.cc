// SPDX-License-Identifier: Apache-2.0
#include "jobs/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/durable.h"
#include "base/fingerprint.h"
#include "jobs/output.h"

namespace gptj {
namespace {

constexpr size_t kCheckDigits = 16;
constexpr std::string_view kAnswer = " + ", kError = " - ";

std::string check_of(std::string_view text) {
  Fingerprint all;
  all.add(text);
  return hexadecimal(all.value());
}

// Returns the part of a line behind its check; empty if the check does not fit that part.
std::string_view checked(std::string_view line) {
  if (line.size() <= kCheckDigits || line[kCheckDigits] != ' ') return {};
  const std::string_view rest = line.substr(kCheckDigits + 1);
  return line.substr(0, kCheckDigits) == check_of(rest) ? rest : std::string_view();
}

// Throws kBadFile if the line is the header of a journal of another version, whose checks this
// version cannot read.
void refuse_other_version(std::string_view line, const std::string& path) {
  constexpr std::string_view kKey = "\"gptj_journal\":";
  const size_t at = line.find(kKey);
  if (at == std::string_view::npos || line.substr(kCheckDigits, 2) != " {") return;
  int64_t version = kJournalVersion;
  std::from_chars(line.data() + at + kKey.size(), line.data() + line.size(), version);
  check(
      version == kJournalVersion, ErrorCode::kBadFile, path, ": gptj_journal: expected version ",
      kJournalVersion, ", found ", version,
      ", whose checksums are others; finish its job with the program that began it, or remove the "
      "output and its journal and run the job anew");
}

}  // namespace

Journal::Journal(std::string path, int flags)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), flags | O_CLOEXEC, 0644)) {
  if (descriptor_ < 0) fail_io(path_, "cannot open");
  const bool reads = (flags & O_ACCMODE) == O_RDONLY;
  const LockResult lock = lock_file(descriptor_, reads ? FileLock::kShared : FileLock::kExclusive);
  if (lock != LockResult::kTaken) return;
  ::close(descriptor_);
  fail(ErrorCode::kIo, path_ + ": another process is running this job");
}

Journal::Journal(Journal&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      header_(std::move(other.header_)),
      places_(std::move(other.places_)),
      lines_(std::move(other.lines_)),
      buffer_(std::move(other.buffer_)),
      end_(other.end_) {}

Journal::~Journal() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Journal Journal::create(const std::string& path, const std::string& header) {
  // An existing file is emptied only after this process has locked it.
  Journal journal(path, O_RDWR | O_CREAT);
  if (::ftruncate(journal.descriptor_, 0) != 0) fail_io(path, "cannot empty");
  journal.header_ = header;
  journal.buffer_ = check_of(header) + " " + header + "\n";
  journal.end_ = journal.buffer_.size();
  journal.flush();
  sync_folder_of(path);
  return journal;
}

std::optional<Journal> Journal::open(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0) return std::nullopt;
  Journal journal(path, O_RDWR);
  if (!journal.scan()) return std::nullopt;
  if (::ftruncate(journal.descriptor_, static_cast<off_t>(journal.end_)) != 0) {
    fail_io(path, "cannot shorten");
  }
  if (::lseek(journal.descriptor_, 0, SEEK_END) < 0) fail_io(path, "cannot seek");
  // The process that wrote the records may have been killed before they were on disk.
  sync_file(journal.descriptor_, path);
  sync_folder_of(path);
  return journal;
}

std::optional<Journal> Journal::open_to_read(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0) return std::nullopt;
  Journal journal(path, O_RDONLY);
  if (!journal.scan()) return std::nullopt;
  return journal;
}

// Notes the header and the records of all whole lines, up to the first line that is not whole.
// Returns false if there is no whole header.
bool Journal::scan() {
  LineReader reader(path_, descriptor_);
  std::string line;
  while (reader.next(line)) {
    const std::string_view rest = checked(line);
    if (header_.empty() && rest.empty()) refuse_other_version(line, path_);
    if (!reader.ended_by_newline() || rest.empty()) break;
    if (header_.empty()) {
      header_ = rest;
    } else {
      int64_t number = 0;
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
      const std::string_view mark = rest.substr(static_cast<size_t>(end - rest.data()), 3);
      if (error != std::errc() || (mark != kAnswer && mark != kError)) break;
      const size_t before = static_cast<size_t>(end - line.data()) + mark.size();
      note(number, {end_ + before, line.size() - before, mark == kError});
    }
    end_ += line.size() + 1;
  }
  return !header_.empty();
}

void Journal::note(int64_t line, const Place& place) {
  if (!places_.contains(line)) lines_.push_back(line);
  places_[line] = place;
}

const Journal::Place& Journal::place(int64_t line) const {
  const auto found = places_.find(line);
  check(found != places_.end(), ErrorCode::kIo, path_, ": has no record of line ", line);
  return found->second;
}

std::string Journal::record(int64_t line) const {
  const auto& [offset, size, failed] = place(line);
  std::string record(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t n =
        ::pread(descriptor_, record.data() + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail_io(path_, "cannot read");
    done += static_cast<size_t>(n);
  }
  return record;
}

void Journal::append(int64_t line, std::string_view record, bool failed) {
  const std::string_view mark = failed ? kError : kAnswer;
  const std::string rest = std::to_string(line) + std::string(mark) + std::string(record);
  const std::string text = check_of(rest) + " " + rest + "\n";
  buffer_.reserve(buffer_.size() + text.size());
  note(line, {end_ + text.size() - 1 - record.size(), record.size(), failed});
  buffer_ += text;
  end_ += text.size();
}

void Journal::flush() {
  if (buffer_.empty()) return;
  write_all(path_, descriptor_, buffer_);
  buffer_.clear();
  sync_file(descriptor_, path_);
}

}  // namespace gptj
