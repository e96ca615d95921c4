// SPDX-License-Identifier: Apache-2.0
#include "base/durable.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/check.h"

namespace gptj {
namespace {

// Returns whether an error of a flush says that the file cannot be flushed, and not that data are
// lost.
bool cannot_be_flushed(int error) {
  return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EROFS;
}

// Calls `call` until no signal interrupts it, and returns its result.
template <class Call>
int retried(Call call) {
  int result = 0;
  do {
    result = call();
  } while (result != 0 && errno == EINTR);
  return result;
}

}  // namespace

LockResult lock_file(int descriptor, FileLock lock) {
  const int operation = (lock == FileLock::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  if (retried([&] { return ::flock(descriptor, operation); }) == 0) return LockResult::kLocked;
  return errno == EWOULDBLOCK ? LockResult::kTaken : LockResult::kAbsent;
}

void sync_file(int descriptor, const std::string& path) {
  if (retried([&] { return ::fdatasync(descriptor); }) == 0 || cannot_be_flushed(errno)) return;
  const int error = errno;
  fail(ErrorCode::kIo, concat(path, ": cannot flush: ", std::strerror(error)));
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

void sync_folder_of(const std::string& path) {
  const std::string name = folder_of(path);
  const int folder = ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // A folder that may be written but not read cannot be opened, and so cannot be flushed.
  if (folder < 0 && errno == EACCES) return;
  const bool ok = folder >= 0 && retried([&] { return ::fsync(folder); }) == 0;
  const int error = errno;
  if (folder >= 0) ::close(folder);
  check(ok || (folder >= 0 && cannot_be_flushed(error)), ErrorCode::kIo, name,
        ": cannot flush: ", std::strerror(error));
}

}  // namespace gptj
