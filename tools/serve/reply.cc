// SPDX-License-Identifier: Apache-2.0
#include "reply.h"

#include <utility>

namespace gptj::serve {

void Reply::send(HttpResponse response) {
  {
    const std::lock_guard lock(mutex_);
    if (begun_) return;
    begun_ = finished_ = true;
    pending_.head = std::move(response);
    pending_.finished = true;
  }
  wake();
}

void Reply::begin(HttpResponse head) {
  {
    const std::lock_guard lock(mutex_);
    if (begun_) return;
    begun_ = true;
    pending_.head = std::move(head);
    pending_.is_stream = true;
  }
  wake();
}

void Reply::write(std::string_view bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_ || stop_ == Stop::kGone) return;
    pending_.bytes += bytes;
  }
  wake();
}

void Reply::finish() {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = pending_.finished = true;
  }
  wake();
}

bool Reply::begun() const {
  const std::lock_guard lock(mutex_);
  return begun_;
}

// Wakes the connection's thread once until it has taken what there is.
void Reply::wake() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(woken_, true)) return;
  }
  wake_();
}

Reply::Pending Reply::take() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  const bool is_stream = pending_.is_stream;
  Pending taken = std::exchange(pending_, {});
  pending_.is_stream = is_stream;
  return taken;
}

void Reply::on_stop(std::function<void(Stop)> callback) {
  Stop reason;
  {
    const std::lock_guard lock(mutex_);
    reason = stop_;
    if (reason == Stop::kNone) {
      on_stop_ = std::move(callback);
      return;
    }
  }
  callback(reason);
}

void Reply::stop(Stop reason) {
  std::function<void(Stop)> callback;
  {
    const std::lock_guard lock(mutex_);
    if (stop_ != Stop::kNone) return;
    stop_ = reason;
    callback = std::exchange(on_stop_, nullptr);
  }
  if (callback) callback(reason);
}

Reply::Stop Reply::stopped() const {
  const std::lock_guard lock(mutex_);
  return stop_;
}

void Reply::set_note(RequestNote note) {
  const std::lock_guard lock(mutex_);
  note_ = std::move(note);
}

RequestNote Reply::note() const {
  const std::lock_guard lock(mutex_);
  return note_;
}

}  // namespace gptj::serve
