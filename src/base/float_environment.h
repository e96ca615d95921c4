// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cfenv>

namespace gptj {

// While it lives, this thread rounds to nearest, keeps subnormals and raises no traps; then the
// caller's floating-point environment is back. (glibc's fenv_t holds MXCSR on x86, FPCR on arm.)
class DefaultFloatEnvironment {
 public:
  DefaultFloatEnvironment() {
    std::fegetenv(&callers_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultFloatEnvironment() { std::fesetenv(&callers_); }
  DefaultFloatEnvironment(const DefaultFloatEnvironment&) = delete;
  DefaultFloatEnvironment& operator=(const DefaultFloatEnvironment&) = delete;

 private:
  std::fenv_t callers_;
};

}  // namespace gptj
