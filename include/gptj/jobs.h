// SPDX-License-Identifier: Apache-2.0
// A file of requests, one JSON object a line, answered into a file of records, one a line, in the
// order of the requests. The records are a function of input, model and options: two runs give the
// same bytes, whatever the machine, the threads, the memory, and however often they were killed.
//
//   gptj::run_job(model, {.input = "questions.jsonl", .output = "answers.jsonl", .resume = true});
//
// A request: "id" or "custom_id", "prompt" (text, or one list of token ids), and the fields of
// request_fields(); or OpenAI's batch envelope {"custom_id", "method", "url", "body"}. A record:
// the object of completion_json() with "id" first, or {"id", "error": {"code", "message",
// "param"}}; for an envelope {"custom_id", "response": {"status_code", "body"}, "error"}.
//
// Beside the output lies OUTPUT.journal: a line for each finished record, with a checksum, on disk
// at most a second after the record was made; the output is written from it.
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
  int64_t requests = 0;  // of this shard; 0 where the job cannot be resumed
  int64_t done = 0;      // records made, those of earlier runs included
  int64_t failed = 0;    // of them, those that are errors
  int64_t made = 0;      // of them, those of this run
  int64_t tokens = 0;    // of prompts and texts of this run
};

struct JobOptions {
  std::string input;   // empty: standard input; what is read from a pipe cannot be resumed
  std::string output;  // empty: standard output, which cannot either
  // What lines that do not say take: names of request_fields() and JSON values, as for
  // set_request_field().
  std::vector<std::pair<std::string, std::string>> defaults = {};
  // Requests without a seed get one derived from this and from their line's number.
  int64_t seed = 0;
  // Go on where an earlier run of the same job stopped; start afresh where there was none.
  bool resume = false;
  // Remove the journal once the output is complete.
  bool clean = false;
  // Records in the order in which they are made.
  bool as_completed = false;
  // Of n shards, only lines k (from 1) with (k - 1) mod n == shard.
  int64_t shard = 0, shards = 1;
  // As GeneratorOptions::kv_memory.
  uint64_t kv_memory = 0;
  bool share_prefixes = true;
  bool speculate = true;  // Request::speculate
  // Called on the calling thread after each step.
  std::function<void(const JobProgress&)> on_progress = {};
};

// Throws what is wrong with the options, or with the folder of the output, before a model is
// loaded: kInvalidArgument with the option as its param, kIo.
GPTJ_API void check_job(const JobOptions& options);

// Runs a job to its end, or until it is cancelled: then requests under way are dropped, to be made
// again by a run with `resume`. A wrong line is a record, not an exception. Throws as check_job(),
// kInvalidArgument for an output that exists (without `resume`) or that another job made (with it,
// naming what differs), kIo for a full disk, say.
GPTJ_API JobProgress run_job(const Model& model, const JobOptions& options,
                             const CancelToken& cancel = {});

// Puts the shards of one job together, in any order: the bytes of the run without shards. Throws
// kInvalidArgument where shards are missing, unfinished or of different jobs.
GPTJ_API void merge_job(const std::vector<std::string>& parts, const std::string& output);

}  // namespace gptj
