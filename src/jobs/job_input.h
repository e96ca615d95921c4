// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/fingerprint.h"
#include "jobs/output.h"

namespace gptj {

// The lines of a job's input with their numbers. The input is a file, or standard input for an
// empty path. All functions throw kIo, and kBadFile for a line that is longer than any request.
class JobInput {
 public:
  explicit JobInput(const std::string& path);
  ~JobInput();
  JobInput(const JobInput&) = delete;
  JobInput& operator=(const JobInput&) = delete;

  // Reads the next line as LineReader::next() does, the first one without a UTF-8 byte order mark.
  // Throws kUnsupported for a file in UTF-16 or UTF-32.
  bool next(std::string& line);
  // Waits as LineReader::wait() does.
  bool wait(int milliseconds) { return reader_.wait(milliseconds); }
  // Returns the number of the last line read, counted from 1.
  int64_t number() const { return number_; }
  // Returns the fingerprint of the lines read so far.
  std::string fingerprint() const { return hexadecimal(fingerprint_.value()); }

 private:
  std::string path_;
  int descriptor_;
  LineReader reader_;
  int64_t number_ = 0;
  Fingerprint fingerprint_;
};

}  // namespace gptj
