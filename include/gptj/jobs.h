// SPDX-License-Identifier: Apache-2.0
// Answers a file of requests, one JSON object a line, with a file of records, one a line, in the
// order of the requests. The records are a function of input, model and options: two runs give the
// same bytes, whatever the machine, the threads, the memory, and however often they were killed.
//
//   gptj::run_job(model, {.input = "questions.jsonl", .output = "answers.jsonl", .resume = true});
//
// A request has "id" or "custom_id", "prompt" (text, a list of token ids, or a list of either), and
// the fields of request_fields(). It may also be OpenAI's batch envelope {"custom_id", "method",
// "url", "body"}. A record is the object of completion_json() with "id" first, or {"id", "error":
// {"code", "message", "param"}}. The record of an envelope is {"custom_id", "response":
// {"status_code", "body"}, "error"}.
//
// Beside the output lies OUTPUT.journal. It has a line with a checksum for each finished record, on
// disk at most a second after the record was made. The output is written from the journal.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gptj/export.h"
#include "gptj/generate.h"
#include "gptj/model.h"

namespace gptj {

struct JobProgress {
  int64_t requests = 0;  // requests of this shard; 0 if the job cannot be resumed
  int64_t done = 0;      // records made, including those of earlier runs
  int64_t failed = 0;    // records made that are errors, including those of earlier runs
  int64_t made = 0;      // records made by this run
  int64_t tokens = 0;    // tokens of this run's prompts and texts
};

struct JobOptions {
  std::string input;   // empty: standard input; a job that reads a pipe cannot be resumed
  std::string output;  // empty: standard output; such a job cannot be resumed either
  // Defaults for fields that a line leaves out: names of request_fields() and JSON values, as
  // set_request_field() takes them.
  std::vector<std::pair<std::string, std::string>> defaults = {};
  // The seed of the job. A request without a seed gets one derived from this seed and its line's
  // number.
  int64_t seed = 0;
  // True: go on where an earlier run of the same job stopped, or start afresh if there was none.
  bool resume = false;
  // True: remove the journal once the output is complete.
  bool clean = false;
  // True: write records in the order in which they are made.
  bool as_completed = false;
  // Only lines k (from 1) with (k - 1) mod shards == shard are answered.
  int64_t shard = 0, shards = 1;
  // As in GeneratorOptions.
  uint64_t kv_memory = 0;
  bool share_prefixes = true;
  bool keep_prefixes = true;
  bool speculate = true;  // as Request::speculate
  // Called on the calling thread after each step.
  std::function<void(const JobProgress&)> on_progress = {};
};

// Checks the options and the folder of the output; call it before loading a model. Throws
// kInvalidArgument with the option as its param, and kIo.
GPTJ_API void check_job(const JobOptions& options);

// Runs a job to its end, or until `cancel` is set. Requests under way are then dropped, and a run
// with `resume` answers them again. A wrong line becomes a record, not an exception. Throws as
// check_job() does; kInvalidArgument if the output exists (without `resume`), or if another job
// made the output (with `resume`), naming what differs; kIo, for a full disk for instance.
GPTJ_API JobProgress run_job(const Model& model, const JobOptions& options,
                             const CancelToken& cancel = {});

// Puts the shards of one job together into `output`, with the same bytes as a run without shards.
// The shards may be given in any order. Throws kInvalidArgument if shards are missing, unfinished
// or of different jobs.
GPTJ_API void merge_job(const std::vector<std::string>& parts, const std::string& output);

}  // namespace gptj
