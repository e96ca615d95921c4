// SPDX-License-Identifier: Apache-2.0
// The header of a journal: everything that can change an answer of the job, and what a merge has to
// know. Only .cc files include this file.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "gptj/jobs.h"
#include "jobs/journal.h"

namespace gptj {

// Returns the path of the journal that belongs to an output.
std::string journal_path(const std::string& output);
// Returns whether the line of this number, counted from 1, belongs to the shard that the options
// name.
bool in_shard(int64_t line, const JobOptions& options);

// Returns the header of a job. Reads the whole input once. Throws as JobInput does.
Json header_of(const Model& model, const JobOptions& options);

// Returns the journal to go on with if the options say `resume` and there is one, else a new one.
// Throws kInvalidArgument, naming what differs, if the journal is another job's, and if there is an
// output to resume without a journal.
Journal open_journal(const JobOptions& options, const Json& header);

// The header of one shard's journal, read for a merge.
struct ShardHeader {
  Json job;  // the members that are the same in all shards
  int64_t shard = 0, shards = 1;
  int64_t requests = 0;
};
// Returns the header that `text` holds. Throws kBadFile, naming the journal, for a header that no
// job of this version wrote.
ShardHeader read_shard_header(const std::string& text, const std::string& path);
// Returns the names of the members of `a` that `b` lacks or has with another value, separated by
// commas; empty if there are none.
std::string difference(const Json& a, const Json& b);

}  // namespace gptj
