// SPDX-License-Identifier: Apache-2.0
// Files that survive a power cut and that one process writes at a time, as far as the file system
// lets them. Network and FUSE file systems may have no locks, or no flush of a folder: this is the
// one place that decides what is done without.
#pragma once

#include <string>

namespace gptj {

enum class FileLock { kShared, kExclusive };

// Locks an open file until it is closed. kTaken where another process holds it; kAbsent where the
// file system has no locks: there it is the user's to write a file from one process only.
enum class LockResult { kLocked, kTaken, kAbsent };
LockResult lock_file(int descriptor, FileLock lock);

// Returns once what was written is on disk, where the file can be flushed: pipes, terminals and
// some file systems cannot. Throws kIo, naming `path`.
void sync_file(int descriptor, const std::string& path);

// The folder where `path` lies or would lie: "." for a bare name.
std::string folder_of(const std::string& path);

// A file that was made or renamed in the folder of `path` is found there after a power cut. Throws
// kIo.
void sync_folder_of(const std::string& path);

}  // namespace gptj
