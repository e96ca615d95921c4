// SPDX-License-Identifier: Apache-2.0
#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace gptj::tool {
namespace {

std::atomic<int> caught_signal{0};
bool closed = false;  // the result of output_closed()

extern "C" void on_signal(int signal) {
  if (caught_signal.exchange(signal) != 0) ::_exit(128 + signal);
  interrupted().cancel();
}

// Blocks SIGINT and SIGTERM in the main thread for as long as the object lives. All other threads
// block them anyway.
class InterruptsHeld {
 public:
  InterruptsHeld() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  ~InterruptsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  InterruptsHeld(const InterruptsHeld&) = delete;
  InterruptsHeld& operator=(const InterruptsHeld&) = delete;
  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_;
};

[[noreturn]] void fail_read(const std::string& name) {
  const int error = errno;
  throw Error(ErrorCode::kIo, name + ": cannot read: " + std::strerror(error));
}

// Appends the bytes of one read; returns false at the end.
bool read_some(int descriptor, const std::string& name, std::string& text) {
  char buffer[1 << 16];
  ssize_t size = 0;
  do {
    size = ::read(descriptor, buffer, sizeof buffer);
  } while (size < 0 && errno == EINTR);
  if (size < 0) fail_read(name);
  text.append(buffer, static_cast<size_t>(size));
  return size > 0;
}

std::string read_stdin() {
  std::string text;
  for (;;) {
    switch (read_more(text)) {
      case Input::kMore: break;
      case Input::kEnd: return text;
      case Input::kCancelled: throw Error(ErrorCode::kCancelled, "interrupted");
    }
  }
}

// Opens /dev/null in place of a closed standard stream, which has the lowest free descriptor. The
// flags are those of the wrong direction, so that using stdin or stdout stays an error. stderr may
// be written to, because nobody need read it.
void open_if_closed(int descriptor, int flags) {
  if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) ::open("/dev/null", flags);
}

}  // namespace

void prepare_process() {
  open_if_closed(STDIN_FILENO, O_WRONLY);
  open_if_closed(STDOUT_FILENO, O_RDONLY);
  open_if_closed(STDERR_FILENO, O_RDWR);
  interrupted();  // constructs the token now, not in a handler
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

const CancelToken& interrupted() {
  static const CancelToken token;
  return token;
}

void clear_interrupt() {
  const InterruptsHeld held;
  interrupted().reset();
  caught_signal = 0;
}

int exit_code() {
  const int signal = caught_signal.load();
  return signal == 0 ? kDone : 128 + signal;
}

Input read_more(std::string& text) {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  {
    // While signals are held, none is lost between the look at the flag and the wait: ppoll() lets
    // them through, and ends.
    const InterruptsHeld held;
    if (interrupted().cancelled()) return Input::kCancelled;
    if (::ppoll(&input, 1, nullptr, &held.before()) < 0 && errno != EINTR) {
      fail_read("standard input");
    }
  }
  if (interrupted().cancelled()) return Input::kCancelled;
  if (input.revents == 0) return Input::kMore;
  return read_some(STDIN_FILENO, "standard input", text) ? Input::kMore : Input::kEnd;
}

std::string read_input(const std::string& path) {
  if (path.empty() || path == "-") return read_stdin();
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    const int error = errno;
    throw Error(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                path + ": cannot open: " + std::strerror(error));
  }
  struct Closer {
    int file;
    ~Closer() { ::close(file); }
  } closer{file};
  struct stat info {};
  if (::fstat(file, &info) == 0 && S_ISDIR(info.st_mode)) {
    throw Error(ErrorCode::kIo, path + ": expected a file, found a folder");
  }
  std::string text;
  while (read_some(file, path, text)) {
  }
  return text;
}

std::string read_text(const std::string& path) {
  const bool is_stdin = path.empty() || path == "-";
  return plain_text(read_input(path), is_stdin ? "standard input" : path);
}

void print(std::string_view text) {
  while (!text.empty() && !closed) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EPIPE) {
      closed = true;
    } else if (errno != EINTR) {
      const int error = errno;
      throw Error(ErrorCode::kIo,
                  std::string("standard output: cannot write: ") + std::strerror(error));
    }
  }
}

bool output_closed() { return closed; }

bool output_has_no_reader() {
  pollfd output{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}

void note(bool quiet, const std::string& line) {
  if (!quiet) std::fprintf(stderr, "%s\n", line.c_str());
}

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

}  // namespace gptj::tool
