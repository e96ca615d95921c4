// SPDX-License-Identifier: Apache-2.0
#include "jobs/job_input.h"

#include <fcntl.h>
#include <unistd.h>

#include "tokenizer/plain_text.h"

namespace gptj {
namespace {

// Most bytes of a line. A prompt of a whole context with bad_words and every other field takes a
// small part of them.
constexpr size_t kLongestLine = size_t{64} << 20;

}  // namespace

JobInput::JobInput(const std::string& path)
    : path_(path),
      descriptor_(path.empty() ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)),
      reader_(path.empty() ? "standard input" : path, descriptor_, kLongestLine) {
  if (descriptor_ < 0) fail_io(path_, "cannot open");
}

JobInput::~JobInput() {
  if (!path_.empty()) ::close(descriptor_);
}

bool JobInput::next(std::string& line) {
  if (!reader_.next(line)) return false;
  ++number_;
  fingerprint_.add(line);
  if (number_ == 1) begin_utf8_text(line, path_.empty() ? "standard input" : path_);
  return true;
}

}  // namespace gptj
