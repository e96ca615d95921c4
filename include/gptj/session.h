// SPDX-License-Identifier: Apache-2.0
// The forward pass: token rows in, logits out. generate.h is built on Session. Use Session directly
// for a decoding loop of your own:
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

// One token of one sequence.
struct Row {
  TokenId token = 0;        // 0 .. vocab_size - 1
  SequenceId sequence = 0;  // from add_sequence() or fork()
  int64_t position = 0;     // the sequence's length plus its rows before this one in the batch
  bool wants_logits = false;
  // Length in tokens of the bidirectional prompt (prefix-LM) that this row belongs to; 0: the row
  // is causal. All rows of such a prompt see each other, and follow each other in one call.
  int64_t prefix = 0;
  bool wants_hidden = false;  // the row's hidden state goes to forward()'s hidden_sink
};

// Called for each row that wants logits, in the order of the rows. `row` is the row's index in the
// batch; `logits` are vocab_size raw logits, valid until the call returns.
using LogitsSink = std::function<void(size_t row, std::span<const float> logits)>;

// Called for each row that wants its hidden state, in the order of the rows. `hidden` are n_embd
// numbers, valid until the call returns: the output of the last LayerNorm, of which the logits are
// the product with lm_head. Hugging Face calls them the last of `hidden_states`.
using HiddenSink = std::function<void(size_t row, std::span<const float> hidden)>;

// The time that a session's forward passes took so far, in seconds.
struct ForwardTimes {
  double all = 0;
  double products = 0;   // multiplying weights
  double attention = 0;  // rotating, storing keys and values, and reading them
};

// The KV cache of some sequences, and working memory. A session belongs to one thread at a time;
// any number of sessions share a model. Memory is allocated as needed, 64 positions at a time.
// Memory of removed or truncated sequences is used again for others, and freed with the session.
class GPTJ_API Session {
 public:
  explicit Session(const Model& model);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  // Makes a new, empty sequence.
  SequenceId add_sequence();
  // Makes a new sequence that begins with the first `length` positions of `source`. The two share
  // whole pages.
  SequenceId fork(SequenceId source, int64_t length);
  // Removes the positions from `length` on.
  void truncate(SequenceId sequence, int64_t length);
  // Removes the sequence.
  void remove(SequenceId sequence);
  // Returns the sequence's number of positions.
  int64_t length(SequenceId sequence) const;

  // Writes a sequence's keys and values to a file, from which load() goes on bit for bit as if the
  // sequence had never stopped. `ids` are the sequence's tokens, one for each position. The file
  // appears whole or not at all. Throws kInvalidArgument for another number of ids, and kIo.
  void save(SequenceId sequence, std::span<const TokenId> ids, const std::string& path) const;
  // Makes a new sequence from a file that save() wrote, and stores its tokens in `ids` unless null.
  // Throws kInvalidArgument, naming the difference, if another model, type of KV cache or
  // arithmetic made the file; kNotFound, kIo, kBadFile.
  SequenceId load(const std::string& path, std::vector<TokenId>* ids = nullptr);

  // Computes the rows, appends them to their sequences, and passes the logits asked for to `sink`,
  // and the hidden states asked for to `hidden_sink`. A chunk's hidden states come before its
  // logits.
  // A row's logits depend on the tokens of its own sequence alone, bit for bit: not on other rows,
  // on threads, or on how the sequence was cut into calls. There may be any number of rows; they
  // are computed in chunks. Throws kInvalidArgument or kContextLength for rows that do not fit;
  // kOutOfMemory, with the figures, if their pages do not fit the memory that is left; kNotFinite,
  // naming the position, for a logit that is NaN or infinite. An exception of a sink passes
  // through. After any exception the sequences are as they were before the call.
  void forward(std::span<const Row> rows, const LogitsSink& sink,
               const HiddenSink& hidden_sink = {});

  // Returns the times of all forward passes of this session so far.
  ForwardTimes times() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gptj
