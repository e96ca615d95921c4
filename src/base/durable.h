// SPDX-License-Identifier: Apache-2.0
// Makes files survive a power cut, and lets one process write a file at a time, as far as the file
// system allows. Network and FUSE file systems may have no locks, or cannot flush a folder. This
// file alone decides what happens on such file systems.
#pragma once

#include <string>

namespace gptj {

enum class FileLock { kShared, kExclusive };

// Locks an open file until it is closed. Returns kTaken if another process holds the lock, and
// kAbsent if the file system has no locks: then the user must write a file from one process only.
enum class LockResult { kLocked, kTaken, kAbsent };
LockResult lock_file(int descriptor, FileLock lock);

// Flushes a file to disk. Does nothing for pipes, terminals and some file systems, which cannot be
// flushed. Throws kIo, naming `path`.
void sync_file(int descriptor, const std::string& path);

// Returns the folder where `path` lies or would lie: "." for a bare name.
std::string folder_of(const std::string& path);

// Flushes the folder of `path`, so that a file made or renamed there is found after a power cut.
// Throws kIo.
void sync_folder_of(const std::string& path);

}  // namespace gptj
