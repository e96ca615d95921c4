// SPDX-License-Identifier: Apache-2.0
#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include "base/check.h"

namespace gptj {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

// An open regular file and its size. It is opened with O_NONBLOCK, because opening a named pipe
// would otherwise wait for a writer.
struct RegularFile : Descriptor {
  explicit RegularFile(const std::string& path)
      : Descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)} {
    check(fd >= 0, errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, path,
          ": cannot open: ", std::strerror(errno));
    struct stat info {};
    check(::fstat(fd, &info) == 0, ErrorCode::kIo, path, ": ", std::strerror(errno));
    check(S_ISREG(info.st_mode), ErrorCode::kBadFile, path, ": expected a regular file, found a ",
          S_ISDIR(info.st_mode) ? "folder" : "device or pipe");
    size = static_cast<size_t>(info.st_size);
  }
  size_t size = 0;
};

}  // namespace

MappedFile::MappedFile(const std::string& path) : path_(path) {
  const RegularFile file(path);
  size_ = file.size;
  if (size_ == 0) return;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  check(address != MAP_FAILED, ErrorCode::kIo, path, ": cannot map: ", std::strerror(errno));
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

bool MappedFile::owns(std::span<const std::byte> range) const {
  // std::less_equal is a total order, also of pointers into different objects; <= is not.
  const std::less_equal<const std::byte*> not_after;
  return not_after(data_, range.data()) && not_after(range.data() + range.size(), data_ + size_);
}

void MappedFile::drop(std::span<const std::byte> range) const {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  // Drops only whole pages inside the range, because the pages at its edges may hold neighbouring
  // bytes that are still in use.
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(range.data()) + page - 1) / page * page;
  const uintptr_t end = reinterpret_cast<uintptr_t>(range.data() + range.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

std::string read_text_file(const std::string& path, size_t limit) {
  const RegularFile file(path);
  check(file.size <= limit, ErrorCode::kBadFile, path, ": expected at most ", limit,
        " bytes, found ", file.size);
  std::string text(file.size, '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::read(file.fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    check(n >= 0, ErrorCode::kIo, path, ": cannot read: ", std::strerror(errno));
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  text.resize(done);
  return text;
}

}  // namespace gptj
