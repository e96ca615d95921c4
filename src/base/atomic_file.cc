// SPDX-License-Identifier: Apache-2.0
#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/check.h"
#include "base/durable.h"

namespace gptj {
namespace {

// Returns whether `path` still names the open file.
bool is_named(int descriptor, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(path), partial_(path + ".partial") {
  for (;;) {
    descriptor_ = ::open(partial_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    check(descriptor_ >= 0, ErrorCode::kIo, partial_, ": cannot create: ", std::strerror(errno));
    const LockResult lock = lock_file(descriptor_, FileLock::kExclusive);
    // Between the two calls another writer may have finished with the file and renamed it.
    const bool ours = lock == LockResult::kAbsent ||
                      (lock == LockResult::kLocked && is_named(descriptor_, partial_));
    if (ours && ::ftruncate(descriptor_, 0) == 0) return;
    const int error = errno;
    if (ours) ::unlink(partial_.c_str());
    ::close(descriptor_);
    check(lock != LockResult::kTaken, ErrorCode::kIo, partial_,
          ": another process is writing this file");
    check(!ours, ErrorCode::kIo, partial_, ": cannot be emptied: ", std::strerror(error));
  }
}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(partial_.c_str());
  ::close(descriptor_);
}

void AtomicFile::write_at(uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    check(n > 0, ErrorCode::kIo, partial_, ": cannot write: ", std::strerror(errno));
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
}

void AtomicFile::commit() {
  sync_file(descriptor_, partial_);
  check(std::rename(partial_.c_str(), path_.c_str()) == 0, ErrorCode::kIo, path_,
        ": cannot rename ", partial_, " to it: ", std::strerror(errno));
  committed_ = true;
  sync_folder_of(path_);
}

uint64_t free_disk_space(const std::string& path) {
  struct statvfs info {};
  check(::statvfs(folder_of(path).c_str(), &info) == 0, ErrorCode::kIo, folder_of(path), ": ",
        std::strerror(errno));
  return uint64_t{info.f_bavail} * info.f_frsize;
}

}  // namespace gptj
