// SPDX-License-Identifier: Apache-2.0
// LD_PRELOAD: system calls that fail as the environment says, each by the number of its error.
//
//   FAIL_FLOCK=38             flock() everywhere, as on a file system without locks
//   FAIL_FSYNC_FOLDER=22      fsync() of a folder
//   FAIL_FSYNC=22             fsync() and fdatasync() of a file
//   FAIL_WRITE=28 FAIL_WRITE_AFTER=1000    write() and pwrite() to regular files, once so many bytes
//                             are written
//   FAIL_READ_STDIN=5 FAIL_READ_AFTER=10   read() of standard input, once so many bytes are read
//   FAIL_AFFINITY_BELOW=4096  sched_getaffinity() with room for fewer CPUs, as kernels for more of
//                             them do; with room, all CPUs are there
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static long setting(const char* name) {
  const char* value = getenv(name);
  return value == NULL ? 0 : atol(value);
}

// Sets errno and returns true where the environment names an error.
static int fails(const char* name) {
  const long error = setting(name);
  if (error != 0) errno = (int)error;
  return error != 0;
}

static mode_t kind(int descriptor) {
  struct stat info;
  return fstat(descriptor, &info) == 0 ? info.st_mode & S_IFMT : 0;
}

// How many of `size` bytes a call may take; 0: it fails.
static size_t allowed(atomic_long* taken, const char* limit, size_t size) {
  const long left = setting(limit) - atomic_load(taken);
  if (left <= 0) return 0;
  const size_t n = size < (size_t)left ? size : (size_t)left;
  atomic_fetch_add(taken, (long)n);
  return n;
}

int flock(int descriptor, int operation) {
  int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
  return fails("FAIL_FLOCK") ? -1 : real(descriptor, operation);
}

int fsync(int descriptor) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  const int folder = kind(descriptor) == S_IFDIR;
  return fails(folder ? "FAIL_FSYNC_FOLDER" : "FAIL_FSYNC") ? -1 : real(descriptor);
}

int fdatasync(int descriptor) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return fails("FAIL_FSYNC") ? -1 : real(descriptor);
}

static atomic_long written;

ssize_t write(int descriptor, const void* data, size_t size) {
  ssize_t (*real)(int, const void*, size_t) =
      (ssize_t(*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
  if (setting("FAIL_WRITE") == 0 || kind(descriptor) != S_IFREG) {
    return real(descriptor, data, size);
  }
  const size_t n = allowed(&written, "FAIL_WRITE_AFTER", size);
  if (n == 0 && fails("FAIL_WRITE")) return -1;
  return real(descriptor, data, n);
}

ssize_t pwrite64(int descriptor, const void* data, size_t size, off64_t offset) {
  ssize_t (*real)(int, const void*, size_t, off64_t) =
      (ssize_t(*)(int, const void*, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  if (setting("FAIL_WRITE") == 0) return real(descriptor, data, size, offset);
  const size_t n = allowed(&written, "FAIL_WRITE_AFTER", size);
  if (n == 0 && fails("FAIL_WRITE")) return -1;
  return real(descriptor, data, n, offset);
}
ssize_t pwrite(int descriptor, const void* data, size_t size, off_t offset) {
  return pwrite64(descriptor, data, size, offset);
}

static atomic_long read_so_far;

ssize_t read(int descriptor, void* data, size_t size) {
  ssize_t (*real)(int, void*, size_t) = (ssize_t(*)(int, void*, size_t))dlsym(RTLD_NEXT, "read");
  if (setting("FAIL_READ_STDIN") == 0 || descriptor != 0) return real(descriptor, data, size);
  const size_t n = allowed(&read_so_far, "FAIL_READ_AFTER", size);
  if (n == 0 && fails("FAIL_READ_STDIN")) return -1;
  return real(descriptor, data, n);
}

int sched_getaffinity(pid_t process, size_t size, cpu_set_t* set) {
  int (*real)(pid_t, size_t, cpu_set_t*) =
      (int (*)(pid_t, size_t, cpu_set_t*))dlsym(RTLD_NEXT, "sched_getaffinity");
  const long cpus = setting("FAIL_AFFINITY_BELOW");
  if (cpus == 0) return real(process, size, set);
  if (size * 8 < (size_t)cpus) {
    errno = EINVAL;
    return -1;
  }
  memset(set, 0xff, (size_t)cpus / 8);
  return 0;
}
