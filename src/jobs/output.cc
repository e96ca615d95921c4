// SPDX-License-Identifier: Apache-2.0
#include "jobs/output.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/atomic_file.h"
#include "base/check.h"

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

bool LineReader::fill() {
  buffer_.erase(0, begin_);
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

bool LineReader::wait(int milliseconds) {
  while (buffer_.find('\n', begin_) == std::string::npos) {
    pollfd event{descriptor_, POLLIN, 0};
    if (::poll(&event, 1, milliseconds) <= 0) return false;
    if (!fill()) return true;
  }
  return true;
}

bool LineReader::next(std::string& line) {
  size_t searched = begin_;
  for (;;) {
    const size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      line.assign(buffer_, begin_, end - begin_);
      begin_ = end + 1;
      ended_by_newline_ = true;
      return true;
    }
    searched = buffer_.size() - begin_;
    if (!fill()) break;
  }
  ended_by_newline_ = false;
  line.assign(buffer_, begin_, std::string::npos);
  begin_ = buffer_.size();
  return !line.empty();
}

OutputFile::OutputFile(const std::string& path)
    : path_(path),
      descriptor_(path.empty()
                      ? STDOUT_FILENO
                      : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
  if (descriptor_ < 0) fail_io(path_, "cannot open");
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

void OutputFile::flush() {
  write_all(path_, descriptor_, buffer_);
  buffer_.clear();
}

void OutputFile::sync() {
  flush();
  // Pipes and terminals cannot.
  if (::fdatasync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) {
    fail_io(path_, "cannot flush");
  }
}

}  // namespace gptj
