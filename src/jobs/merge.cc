// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>

#include "base/atomic_file.h"
#include "base/check.h"
#include "gptj/jobs.h"
#include "jobs/job_files.h"
#include "jobs/job_header.h"

namespace gptj {
namespace {

Journal open_part(const std::string& part) {
  std::optional<Journal> journal = Journal::open_to_read(journal_path(part));
  check_param(journal.has_value(), "merge", part, ": expected its journal beside it, found none");
  return *std::move(journal);
}

// The shards of one job. Their journals are open one at a time, because there may be more shards
// than a process may have open files.
class Merge {
 public:
  explicit Merge(const std::vector<std::string>& parts) : parts_(parts) {
    for (size_t i = 0; i < parts.size(); ++i) add(i);
    for (int64_t shard = 0; shard < first_.shards; ++shard) {
      check_param(shards_.contains(shard), "merge", "shard ", shard, " of ", first_.shards,
                  " is missing");
    }
  }

  void write(const std::string& output) const {
    std::map<int64_t, uint64_t> offsets;  // place of each line's record in the output
    uint64_t end = 0;
    for (const auto& [line, size] : sizes_) {
      offsets[line] = end;
      end += size + 1;
    }
    AtomicFile file(output);
    for (const std::string& part : parts_) {
      const Journal journal = open_part(part);
      for (const int64_t line : journal.lines()) {
        const auto size = sizes_.find(line);
        check(size != sizes_.end() && size->second == journal.record_size(line), ErrorCode::kIo,
              part, ": its journal changed while it was read");
        const std::string record = journal.record(line) + "\n";
        file.write_at(offsets.at(line), std::as_bytes(std::span(record)));
      }
    }
    file.commit();
  }

 private:
  void add(size_t i) {
    const std::string& part = parts_[i];
    const Journal journal = open_part(part);
    ShardHeader header = read_shard_header(journal.header(), journal_path(part));
    if (i == 0) first_ = header;
    const std::string differs = difference(first_.job, header.job);
    check_param(differs.empty(), "merge", part, " and ", parts_[0],
                " are of different jobs: these differ: ", differs);
    check_param(shards_.insert(header.shard).second, "merge", part,
                ": a shard that is there already");
    const auto done = static_cast<int64_t>(journal.lines().size());
    check_param(done == header.requests, "merge", part, ": expected ", header.requests,
                " records, found ", done, ": finish it with `resume`");
    for (const int64_t line : journal.lines()) {
      const bool own = line >= 1 && (line - 1) % header.shards == header.shard;
      check(own && sizes_.try_emplace(line, journal.record_size(line)).second, ErrorCode::kBadFile,
            journal_path(part), ": line ", line, " is not of shard ", header.shard);
    }
  }

  const std::vector<std::string>& parts_;
  ShardHeader first_;
  std::set<int64_t> shards_;
  std::map<int64_t, uint64_t> sizes_;  // size of each line's record in bytes
};

}  // namespace

void merge_job(const std::vector<std::string>& parts, const std::string& output) {
  check_param(!parts.empty(), "merge", "expected the outputs of all shards, found none");
  check_output_folder(output);
  check_param(!exists(output), "output", output, " exists: remove it, or name another");
  Merge(parts).write(output);
}

}  // namespace gptj
