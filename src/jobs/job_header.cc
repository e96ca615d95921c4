// SPDX-License-Identifier: Apache-2.0
#include "jobs/job_header.h"

#include <sys/stat.h>

#include "base/check.h"
#include "base/json.h"
#include "base/json_fields.h"
#include "engine/model_state.h"
#include "jobs/job_input.h"
#include "jobs/request_line.h"

namespace gptj {

std::string journal_path(const std::string& output) { return output + ".journal"; }

bool in_shard(int64_t line, const JobOptions& options) {
  return (line - 1) % options.shards == options.shard;
}

Json header_of(const Model& model, const JobOptions& options) {
  int64_t requests = 0;
  JobInput lines(options.input);
  for (std::string line; lines.next(line);) {
    requests += in_shard(lines.number(), options) && !is_blank(line);
  }
  Json defaults = Json::object();
  const TakenApart apart(defaults);
  for (const auto& [name, value] : options.defaults) defaults[name] = parse_json(value, name);
  Json header = Json::object();
  header["gptj_journal"] = kJournalVersion;
  header["input"] = lines.fingerprint();
  header["model"] = hexadecimal(model.fingerprint());
  header["name"] = to_valid_utf8(model.name());
  header["defaults"] = dump_text(defaults);
  header["seed"] = options.seed;
  header["weights"] = weight_type_name(model.weight_type());
  header["kv_cache"] = weight_type_name(model.kv_cache_type());
  header["arithmetic"] = arithmetic_name(model);
  header["shards"] = options.shards;
  header["shard"] = options.shard;
  header["requests"] = requests;
  return header;
}

std::string difference(const Json& a, const Json& b) {
  std::string names;
  const auto add = [&](const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
  for (const auto& [name, value] : a.items()) {
    if (!b.contains(name) || b[name] != value) add(name);
  }
  for (const auto& [name, value] : b.items()) {
    if (!a.contains(name)) add(name);
  }
  return names;
}

namespace {

bool is_empty_or_absent(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) != 0 || info.st_size == 0;
}

}  // namespace

Journal open_journal(const JobOptions& options, const Json& header) {
  const std::string path = journal_path(options.output);
  if (options.resume) {
    if (std::optional<Journal> journal = Journal::open(path)) {
      Json found = parse_json(journal->header(), path);
      const TakenApart apart(found);
      const std::string differs = difference(header, found);
      check_param(differs.empty(), "resume", path, " is another job's: these differ: ", differs);
      return *std::move(journal);
    }
    check_param(is_empty_or_absent(options.output), "resume", options.output,
                " exists without a journal, so nothing says what made it");
  }
  return Journal::create(path, dump_text(header));
}

ShardHeader read_shard_header(const std::string& text, const std::string& path) {
  const FieldReader fields(text, path);
  constexpr int64_t kMost = INT64_MAX;
  const auto integer = [&](const char* name, int64_t min, int64_t max) {
    fields.expect(fields.has(name), name, "a whole number");
    return *fields.integer(name, min, max);
  };
  const int64_t version = integer("gptj_journal", 0, kMost);
  check(version == kJournalVersion, ErrorCode::kBadFile, path, ": gptj_journal: expected version ",
        kJournalVersion, ", found ", version, ": run its job anew with this program");
  ShardHeader header;
  header.shards = integer("shards", 1, kMost);
  header.shard = integer("shard", 0, header.shards - 1);
  header.requests = integer("requests", 0, kMost);
  header.job = parse_json(text, path);
  for (const char* own : {"shard", "requests"}) header.job.erase(own);
  return header;
}

}  // namespace gptj
