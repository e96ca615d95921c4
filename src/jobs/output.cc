// SPDX-License-Identifier: Apache-2.0
#include "jobs/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/clock.h"
#include "base/durable.h"

namespace gptj {
namespace {

constexpr size_t kReadBytes = size_t{1} << 18;
constexpr size_t kBufferBytes = size_t{1} << 18;

}  // namespace

void fail_io(const std::string& path, const char* what) {
  const int error = errno;
  fail(ErrorCode::kIo,
       concat(path.empty() ? "standard output" : path, ": ", what, ": ", std::strerror(error)));
}

void write_all(const std::string& path, int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_io(path, "cannot write");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void LineReader::check_length(size_t bytes) const {
  check(bytes <= longest_, ErrorCode::kBadFile, path_, ": line ", number_, ": expected at most ",
        longest_, " bytes, found more");
}

bool LineReader::fill() {
  check_length(buffer_.size() - begin_);
  buffer_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
  const size_t size = buffer_.size();
  buffer_.resize(size + kReadBytes);
  ssize_t n;
  do {
    n = ::read(descriptor_, buffer_.data() + size, kReadBytes);
  } while (n < 0 && errno == EINTR);
  buffer_.resize(size + static_cast<size_t>(n < 0 ? 0 : n));
  if (n < 0) fail_io(path_, "cannot read");
  return n > 0;
}

size_t LineReader::find_newline() {
  const size_t end = buffer_.find('\n', searched_);
  searched_ = end == std::string::npos ? buffer_.size() : end;
  return end;
}

bool LineReader::wait(int milliseconds) {
  const auto start = Clock::now();
  while (find_newline() == std::string::npos) {
    pollfd event{descriptor_, POLLIN, 0};
    const double left = milliseconds - 1000 * seconds_since(start);
    if (::poll(&event, 1, static_cast<int>(std::ceil(std::max(0.0, left)))) <= 0) return false;
    if (!fill()) return true;
  }
  return true;
}

bool LineReader::next(std::string& line) {
  size_t end = find_newline();
  while (end == std::string::npos && fill()) end = find_newline();
  ended_by_newline_ = end != std::string::npos;
  check_length((ended_by_newline_ ? end : buffer_.size()) - begin_);
  line.assign(buffer_, begin_, ended_by_newline_ ? end - begin_ : std::string::npos);
  begin_ = ended_by_newline_ ? end + 1 : buffer_.size();
  searched_ = begin_;
  ++number_;
  return ended_by_newline_ || !line.empty();
}

OutputFile::OutputFile(const std::string& path, Existing existing)
    : path_(path),
      descriptor_(path.empty() ? STDOUT_FILENO
                               : ::open(path.c_str(),
                                        O_RDWR | O_CREAT | O_CLOEXEC |
                                            (existing == Existing::kRefuse ? O_EXCL : 0),
                                        0644)) {
  if (descriptor_ < 0) fail_io(path_, "cannot open");
  struct stat info {};
  may_be_equal_ =
      existing == Existing::kContinue && ::fstat(descriptor_, &info) == 0 && S_ISREG(info.st_mode);
  if (!path_.empty()) sync_folder_of(path_);
}

OutputFile::~OutputFile() {
  if (!path_.empty()) ::close(descriptor_);
}

void OutputFile::write_line(std::string_view line) {
  buffer_ += line;
  buffer_ += '\n';
  if (buffer_.size() >= kBufferBytes) flush();
}

void OutputFile::skip_equal(std::string_view& bytes) {
  std::string held(bytes.size(), '\0');
  size_t size = 0;
  while (size < held.size()) {
    const ssize_t n = ::pread(descriptor_, held.data() + size, held.size() - size,
                              static_cast<off_t>(position_ + size));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_io(path_, "cannot read");
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  const auto differs =
      std::mismatch(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size), held.begin());
  const auto equal = static_cast<size_t>(differs.first - bytes.begin());
  position_ += equal;
  bytes.remove_prefix(equal);
  if (!bytes.empty()) cut_here();
}

void OutputFile::cut_here() {
  if (::ftruncate(descriptor_, static_cast<off_t>(position_)) != 0 ||
      ::lseek(descriptor_, static_cast<off_t>(position_), SEEK_SET) < 0) {
    fail_io(path_, "cannot write");
  }
  may_be_equal_ = false;
}

void OutputFile::flush() {
  std::string_view bytes = buffer_;
  if (may_be_equal_) skip_equal(bytes);
  write_all(path_, descriptor_, bytes);
  buffer_.clear();
}

void OutputFile::finish() {
  flush();
  if (may_be_equal_) cut_here();
  sync();
}

void OutputFile::sync() {
  flush();
  sync_file(descriptor_, path_.empty() ? "standard output" : path_);
}

}  // namespace gptj
