// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace gptj::serve {

// What a connection may take. Times are in seconds.
struct Limits {
  size_t header_bytes = 16 << 10;  // more are 431
  uint64_t body_bytes = 16 << 20;  // more are 413, from Content-Length alone
  size_t unsent_bytes = 1 << 20;   // of a stream; a client that leaves more unread is dropped
  int64_t connections = 1024;      // more are answered with 503 and closed
  double header_seconds = 10;      // for the whole header, from its first byte on
  double body_seconds = 10;        // for the whole body, plus its bytes at 10 kB/s
  double idle_seconds = 60;        // without a request
  double stall_seconds = 30;       // while a client reads nothing
  double silence_seconds = 15;     // of a stream, before a comment is sent
  double request_seconds = 0;      // for a whole answer; 0: no limit
};

}  // namespace gptj::serve
