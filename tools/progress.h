// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace gptj::tool {

// The progress of long work on stderr. If stderr is a terminal, it is one line that changes, and
// that goes when this object does. Else nothing is shown, or a new line now and then.
class ProgressDisplay {
 public:
  // `seconds` is the time between two lines if stderr is no terminal; 0: no lines.
  explicit ProgressDisplay(bool quiet, double seconds = 0);
  ~ProgressDisplay() { clear(); }
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  // Shows a line.
  void show(const std::string& line);
  // Shows a bar: "loading [######      ]  52 %".
  void show(const std::string& what, double fraction);
  // Returns whether enough time has passed for another line, for work that reports very often.
  bool is_due() const;
  // Takes the line away.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  const bool terminal_;
  const bool enabled_;
  const std::chrono::duration<double> interval_;
  Clock::time_point last_ = Clock::now();
  std::string shown_;  // the line that is on the terminal
};

}  // namespace gptj::tool
