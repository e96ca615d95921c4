// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cfenv>

namespace gptj {

// Makes this thread round to nearest, keep subnormals and raise no traps for as long as the object
// lives. The destructor restores the caller's floating-point environment. (glibc's fenv_t holds
// MXCSR on x86, FPCR on arm.)
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
