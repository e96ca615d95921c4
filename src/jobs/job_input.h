// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/fingerprint.h"
#include "jobs/output.h"

namespace gptj {

// The lines of a job's input, a file or standard input for an empty path, with their numbers. All
// throw kIo; kBadFile for a line that is longer than any request.
class JobInput {
 public:
  explicit JobInput(const std::string& path);
  ~JobInput();
  JobInput(const JobInput&) = delete;
  JobInput& operator=(const JobInput&) = delete;

  // As LineReader's; the first line comes without a UTF-8 byte order mark. Throws kUnsupported for
  // a file in UTF-16.
  bool next(std::string& line);
  bool wait(int milliseconds) { return reader_.wait(milliseconds); }
  // Of the last line, from 1.
  int64_t number() const { return number_; }
  // Of the lines so far.
  std::string fingerprint() const { return hexadecimal(fingerprint_.value()); }

 private:
  std::string path_;
  int descriptor_;
  LineReader reader_;
  int64_t number_ = 0;
  Fingerprint fingerprint_;
};

}  // namespace gptj
