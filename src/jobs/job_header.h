// SPDX-License-Identifier: Apache-2.0
// What a journal says of its job: all that can change an answer, and what a merge must know. Only
// .cc files include this.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "gptj/jobs.h"
#include "jobs/journal.h"

namespace gptj {

// Of the layout of the header and of the lines behind it.
inline constexpr int64_t kJournalVersion = 2;

std::string journal_path(const std::string& output);
// Whether a line, from 1, belongs to the shard that the options name.
bool in_shard(int64_t line, const JobOptions& options);

// Reads the input once.
Json header_of(const Model& model, const JobOptions& options);

// The journal to go on with, or a new one. Throws kInvalidArgument, naming what differs, for one of
// another job.
Journal open_journal(const JobOptions& options, const Json& header);

// The journal of one shard, read for a merge.
struct ShardHeader {
  Json job;  // what is the same in all shards
  int64_t shard = 0, shards = 1;
  int64_t requests = 0;
};
// Throws kBadFile, naming the journal, for a header that no job of this version wrote.
ShardHeader read_shard_header(const std::string& text, const std::string& path);
// The names of what differs between two jobs; empty where nothing does.
std::string difference(const Json& a, const Json& b);

}  // namespace gptj
