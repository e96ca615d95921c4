// SPDX-License-Identifier: Apache-2.0
// What a merge reads is a file that anyone may have written.
#include <gtest/gtest.h>

#include "generate/models.h"
#include "jobs/journal.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace gptj {
namespace {

using test::content_of;
using test::expect_error;
using test::golden_model;
using test::TempFolder;

struct Header {
  const char* text;
  const char* expected;  // in the message
};

TEST(Merge, RefusesAHeaderThatNoJobWrote) {
  const Header headers[] = {
      {"[]", "expected a JSON object"},
      {"7", "expected a JSON object"},
      {"{", "not valid JSON"},
      {"{}", "gptj_journal: expected a whole number"},
      {R"({"gptj_journal": "3"})", "gptj_journal: expected"},
      {R"({"gptj_journal": 1, "shards": 1, "shard": 0, "requests": 0})",
       "gptj_journal: expected version 3, found 1"},
      {R"({"gptj_journal": 3})", "shards: expected a whole number"},
      {R"({"gptj_journal": 3, "shards": 0})", "shards: expected"},
      {R"({"gptj_journal": 3, "shards": 1})", "shard: expected a whole number"},
      {R"({"gptj_journal": 3, "shards": 1, "shard": 1})", "shard: expected"},
      {R"({"gptj_journal": 3, "shards": 1, "shard": 0.5})", "shard: expected"},
      {R"({"gptj_journal": 3, "shards": 1, "shard": 0})", "requests: expected a whole number"},
      {R"({"gptj_journal": 3, "shards": 1, "shard": 0, "requests": null})",
       "requests: expected a whole number"},
      {R"({"gptj_journal": 3, "shards": 1, "shard": 0, "requests": []})", "requests: expected"},
  };
  for (const Header& header : headers) {
    const TempFolder folder;
    Journal::create(folder.path("part.journal"), header.text);
    expect_error(
        ErrorCode::kBadFile, [&] { merge_job({folder.path("part")}, folder.path("out")); },
        folder.path("part.journal"), header.expected);
    EXPECT_EQ(content_of(folder.path("out")), "");
  }
}

TEST(Merge, RefusesALineOfAnotherShard) {
  for (const int64_t line : {0, -3, 1, 3}) {
    const TempFolder folder;
    {
      Journal journal =
          Journal::create(folder.path("part.journal"),
                          R"({"gptj_journal": 3, "shards": 2, "shard": 1, "requests": 1})");
      journal.append(line, "{}");
      journal.flush();
    }
    expect_error(
        ErrorCode::kBadFile, [&] { merge_job({folder.path("part")}, folder.path("out")); },
        "is not of shard 1");
  }
}

TEST(Merge, RefusesAbsurdNumbersOfShardsAtOnce) {
  const TempFolder folder;
  Journal::create(
      folder.path("part.journal"),
      R"({"gptj_journal": 3, "shards": 9223372036854775807, "shard": 0, "requests": 0})");
  expect_error(
      ErrorCode::kInvalidArgument, [&] { merge_job({folder.path("part")}, folder.path("out")); },
      "shard 1 of");
}

// The records of a resumed run need not be parsed to know which are errors.
TEST(Merge, TheJournalSaysWhichRecordsAreErrors) {
  const TempFolder folder;
  const std::string input = folder.write("in",
                                         "{\"prompt\": [1], \"max_tokens\": 1}\n"
                                         "{\"prompt\": [1], \"max_tokens\": -1}\n");
  JobOptions job{.input = input, .output = folder.path("out")};
  EXPECT_EQ(run_job(golden_model(), job).failed, 1);
  {
    const auto journal = Journal::open_to_read(folder.path("out.journal"));
    ASSERT_TRUE(journal);
    EXPECT_FALSE(journal->failed(1));
    EXPECT_TRUE(journal->failed(2));
  }
  job.resume = true;
  const JobProgress progress = run_job(golden_model(), job);
  EXPECT_EQ(progress.failed, 1);
  EXPECT_EQ(progress.made, 0);
}

// One that can never fit has its record, and the others go on.
TEST(Job, WhatCanNeverFitIsARecord) {
  const TempFolder folder;
  JobOptions job{.input = folder.write("in",
                                       "{\"prompt\": [1], \"max_tokens\": 1}\n"
                                       "{\"id\": \"wide\", \"prompt\": [1], \"max_tokens\": 100, "
                                       "\"temperature\": 1, \"best_of\": 128}\n"
                                       "{\"prompt\": [1], \"max_tokens\": 1}\n"),
                 .output = folder.path("out")};
  job.kv_memory = 20 * golden_model().kv_cache_bytes(1);
  const JobProgress progress = run_job(golden_model(), job);
  EXPECT_EQ(progress.done, 3);
  EXPECT_EQ(progress.failed, 1);
  EXPECT_NE(content_of(job.output)
                .find("\n{\"id\":\"wide\",\"error\":{\"code\":\"out_of_memory\","
                      "\"message\":\"the request: 256 pages of keys and values"),
            std::string::npos)
      << content_of(job.output);
}

TEST(Merge, ALineThatNoRequestNeedsIsAnError) {
  const TempFolder folder;
  const std::string input = folder.write("in", "{}\n" + std::string((64 << 20) + 1, ' ') + "\n");
  expect_error(
      ErrorCode::kBadFile,
      [&] { run_job(golden_model(), {.input = input, .output = folder.path("out")}); }, input,
      "line 2: expected at most 67108864 bytes");
}

}  // namespace
}  // namespace gptj
