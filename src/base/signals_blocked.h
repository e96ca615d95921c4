// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace gptj {

// Blocks signals in the calling thread for as long as the object lives. A thread started meanwhile
// inherits the blocked signals for good, because the host's signal handlers must run on the host's
// threads and not on the library's. Signals that a thread raises by its own fault, such as SIGBUS,
// are not blocked.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    for (const int own : {SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP}) sigdelset(&all, own);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace gptj
