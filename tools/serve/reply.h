// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "http.h"

namespace gptj::serve {

// What the access log says of a request, besides what its connection knows.
struct RequestNote {
  int64_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
  double queue_seconds = 0, first_token_seconds = 0;
  std::string finish_reason = {};  // empty for a request that generates nothing
};

// The answer to one request: any thread writes it, and the connection's thread takes it from here
// and sends it. No function waits for the client. After the client has left, what is written is
// dropped.
class Reply {
 public:
  // Why a request is to end early: its client has left, --timeout has passed, or the server ends.
  enum class Stop { kNone, kGone, kTimeout, kDrain };
  // What is to be sent, as far as it is known.
  struct Pending {
    std::optional<HttpResponse> head = {};  // set once
    bool is_stream = false;                 // true: the body comes in pieces
    std::string bytes = {};                 // of a stream
    bool finished = false;
  };

  // `wake` is called, on the writing thread, when there is something to take.
  explicit Reply(std::function<void()> wake) : wake_(std::move(wake)) {}

  // Sends a whole response. Does nothing if an answer was begun.
  void send(HttpResponse response);
  // Begins a stream of server-sent events, with the status and the headers of `head`.
  void begin(HttpResponse head);
  // Appends bytes to a stream.
  void write(std::string_view bytes);
  // Ends a stream.
  void finish();
  bool begun() const;

  // Sets what is called, once, when the request is to end early: at once if it already is.
  void on_stop(std::function<void(Stop)> callback);
  // Asks for an early end. The first reason counts.
  void stop(Stop reason);
  Stop stopped() const;

  void set_note(RequestNote note);
  RequestNote note() const;

  Pending take();

 private:
  void wake();

  mutable std::mutex mutex_;
  const std::function<void()> wake_;
  Pending pending_;
  bool begun_ = false, finished_ = false, woken_ = false;
  Stop stop_ = Stop::kNone;
  std::function<void(Stop)> on_stop_;
  RequestNote note_;
};

}  // namespace gptj::serve
