// SPDX-License-Identifier: Apache-2.0
// The forward pass itself: rows in, logits out. generate.h stands on it; use it directly for a
// decoding loop of your own:
//
//   gptj::Session session(model);
//   const gptj::SequenceId s = session.add_sequence();
//   const std::vector<gptj::Row> rows = {{.token = 464, .sequence = s, .wants_logits = true}};
//   session.forward(rows, [](size_t row, std::span<const float> logits) { ... });
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gptj/export.h"
#include "gptj/model.h"

namespace gptj {

using SequenceId = int64_t;

struct Row {
  TokenId token = 0;        // 0 .. vocab_size - 1
  SequenceId sequence = 0;  // from add_sequence() or fork()
  int64_t position = 0;     // the sequence's length plus its rows before this one in the batch
  bool wants_logits = false;
  // Above 0: of a bidirectional prompt (prefix-LM) of so many tokens, which all see each other; its
  // rows follow each other in one call. What comes after it is causal.
  int64_t prefix = 0;
};

// Called for each row that wants logits, in the order of the rows: its index in the batch, and
// vocab_size raw logits that live until the call returns.
using LogitsSink = std::function<void(size_t row, std::span<const float> logits)>;

// Where the time of a session's forward passes went so far, in seconds.
struct ForwardTimes {
  double all = 0;
  double products = 0;   // multiplying weights
  double attention = 0;  // rotating, keeping keys and values, and reading them
};

// The KV cache of some sequences, and working memory. Belongs to one thread at a time; any number
// of sessions share a model. Memory is taken by need, 64 positions at a time; what sequences have
// left behind is used again for others, and given back with the session.
class GPTJ_API Session {
 public:
  explicit Session(const Model& model);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  // A new, empty sequence.
  SequenceId add_sequence();
  // A new sequence that begins with the first `length` positions of `source`; whole pages are
  // shared.
  SequenceId fork(SequenceId source, int64_t length);
  // Forgets the positions from `length` on.
  void truncate(SequenceId sequence, int64_t length);
  void remove(SequenceId sequence);
  int64_t length(SequenceId sequence) const;

  // Keeps a sequence's keys and values in a file, to go on from another day, bit for bit as if it
  // had never stopped; `ids` are its tokens, one for each position. The file appears whole or not
  // at all. Throws kInvalidArgument for another number of them, kIo.
  void save(SequenceId sequence, std::span<const TokenId> ids, const std::string& path) const;
  // A new sequence from such a file, and its tokens. Throws kInvalidArgument, naming what differs,
  // where another model, type of KV cache or arithmetic made it; kNotFound, kIo, kBadFile.
  SequenceId load(const std::string& path, std::vector<TokenId>* ids = nullptr);

  // Computes the rows, appends them to their sequences, and hands out the logits asked for. The
  // logits of a row depend on its own prefix alone, bit for bit: not on other rows, threads, or how
  // the prefix was cut into calls. Any number of rows; they are computed in chunks.
  // Throws kInvalidArgument or kContextLength for rows that do not fit, kOutOfMemory with the
  // figures where their pages do not fit the memory that is left, and kNotFinite, naming the
  // position, for a logit that is NaN or infinite. What `sink` throws passes through. Whatever is
  // thrown, the sequences are as they were before the call.
  void forward(std::span<const Row> rows, const LogitsSink& sink);

  ForwardTimes times() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gptj
