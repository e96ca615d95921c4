// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include <unistd.h>

#include <cstdio>

#include "process.h"

namespace gptj::tool {

ProgressDisplay::ProgressDisplay(bool quiet, double seconds)
    : terminal_(is_terminal(STDERR_FILENO)),
      enabled_(!quiet && (terminal_ || seconds > 0)),
      interval_(terminal_ ? 0.2 : seconds) {}

void ProgressDisplay::show(const std::string& line) {
  if (!enabled_ || line == shown_) return;
  std::fprintf(stderr, terminal_ ? "\r\033[K%s" : "gptj: %s\n", line.c_str());
  std::fflush(stderr);
  last_ = Clock::now();
  shown_ = line;
}

void ProgressDisplay::show(const std::string& what, double fraction) {
  constexpr int kWidth = 30;
  const int percent = static_cast<int>(fraction * 100);
  const std::string done(static_cast<size_t>(percent * kWidth / 100), '#');
  char bar[kWidth + 20];
  std::snprintf(bar, sizeof bar, " [%-*s] %3d %%", kWidth, done.c_str(), percent);
  show(what + bar);
}

bool ProgressDisplay::is_due() const { return enabled_ && Clock::now() - last_ >= interval_; }

void ProgressDisplay::clear() {
  if (terminal_ && !shown_.empty()) std::fputs("\r\033[K", stderr);
  shown_.clear();
}

}  // namespace gptj::tool
