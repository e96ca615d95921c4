// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "gptj/generate.h"
#include "model/decoder.h"

namespace gptj {

// A request on its way to its answer: says which rows it wants computed next, and takes their
// logits. What it becomes depends on the request alone, not on how its rows are grouped.
class Task {
 public:
  virtual ~Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  // Pages of the KV cache that it holds at once at most.
  virtual size_t pages() const = 0;

  // Appends the rows to compute next: of a prompt at most `room`, and none where that is 0; of a
  // text being made one for each of its sequences. Not to be called once finished.
  virtual void next_rows(Decoder& decoder, size_t room, std::vector<Row>& rows) = 0;
  // The logits of the i-th of those rows, where it wants them; called in their order.
  virtual void accept(size_t i, std::span<const float> logits) = 0;
  // After all of them: forks and drops sequences.
  virtual void end_step(Decoder& decoder) = 0;

  // Ends it with what there is.
  virtual void cancel() = 0;
  virtual bool finished() const = 0;
  // Gives back its sequences.
  virtual void release(Decoder& decoder) = 0;
  // Once finished.
  virtual Completion result() const = 0;

 protected:
  Task() = default;
};

// Throws as complete() does for a request that is wrong.
std::unique_ptr<Task> make_task(const Model& model, Request request);

}  // namespace gptj
