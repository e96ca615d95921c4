// SPDX-License-Identifier: Apache-2.0
// Jobs: the records are those of each request alone, and a job that was stopped anywhere goes on to
// the same bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "generate/mixed_requests.h"
#include "gptj/gptj.h"
#include "support/expect_error.h"
#include "support/golden.h"
#include "support/temp_folder.h"

namespace gptj {
namespace {

using test::content_of;
using test::expect_error;
using test::fairytale;
using test::golden_model;
using test::TempFolder;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::string mixed_input(uint64_t requests) {
  std::string input;
  for (uint64_t i = 0; i < requests; ++i) {
    nlohmann::json json = test::mixed_request(i, 50);
    json["id"] = i;
    input += json.dump() + "\n";
  }
  return input;
}

// For the widest of them, so that few run at once.
uint64_t memory_of_mixed_input(uint64_t requests) {
  std::vector<Request> all;
  for (uint64_t i = 0; i < requests; ++i) {
    all.push_back(test::request_of_json(test::mixed_request(i, 50)));
  }
  return test::kv_bytes_of_widest(fairytale(), all);
}

TEST(Job, RecordsAreThoseOfEachRequestAlone) {
  const TempFolder folder;
  const std::string input = folder.write("in", mixed_input(30)), output = folder.path("out");
  const JobProgress progress = run_job(fairytale(), {.input = input, .output = output});
  EXPECT_EQ(progress.done, 30);
  EXPECT_EQ(progress.requests, 30);
  EXPECT_EQ(progress.failed, 0);
  const std::vector<std::string> records = lines_of(content_of(output));
  ASSERT_EQ(records.size(), 30u);
  for (uint64_t i = 0; i < records.size(); ++i) {
    const Request request = test::request_of_json(test::mixed_request(i, 50));
    const std::string alone = completion_json(fairytale(), request, complete(fairytale(), request));
    EXPECT_EQ(records[i], "{\"id\":" + std::to_string(i) + "," + alone.substr(1));
  }
  EXPECT_TRUE(std::filesystem::exists(output + ".journal"));
}

// Ids only, so that records are short.
const char* const kIdsInput =
    "{\"prompt\": [5, 6, 7]}\n"
    "\n"
    "nonsense\n"
    "{\"id\": \"b\", \"prompt\": [9], \"max_tokens\": 2}\n"
    "   \n"
    "{\"custom_id\": \"c\", \"url\": \"/v1/completions\", \"body\": {\"prompt\": [4, 4], \"n\": "
    "2}}\n"
    "{\"prompt\": [1, 2, 3, 4], \"seed\": 5}";  // no newline at the end

JobOptions ids_job(const TempFolder& folder) {
  return {.input = folder.write("in", kIdsInput),
          .output = folder.path("out"),
          .defaults = {{"max_tokens", "3"}, {"temperature", "1"}}};
}

TEST(Job, BadLinesHaveTheirRecordInTheirPlace) {
  const TempFolder folder;
  const JobProgress progress = run_job(golden_model(), ids_job(folder));
  EXPECT_EQ(progress.done, 5);
  EXPECT_EQ(progress.failed, 1);
  const std::vector<std::string> records = lines_of(content_of(folder.path("out")));
  ASSERT_EQ(records.size(), 5u);
  const auto first = nlohmann::json::parse(records[0]);
  EXPECT_EQ(first.at("id"), "line-1");
  EXPECT_EQ(first.at("choices").at(0).at("token_ids").size(), 3u);
  EXPECT_GT(first.at("seed"), 0);
  EXPECT_EQ(nlohmann::json::parse(records[1]).at("id"), "line-3");
  EXPECT_TRUE(nlohmann::json::parse(records[1]).contains("error"));
  const auto enveloped = nlohmann::json::parse(records[3]);
  EXPECT_EQ(enveloped.at("custom_id"), "c");
  EXPECT_EQ(enveloped.at("response").at("status_code"), 200);
  EXPECT_EQ(enveloped.at("response").at("body").at("choices").size(), 2u);
  EXPECT_TRUE(enveloped.at("error").is_null());
  EXPECT_EQ(nlohmann::json::parse(records[4]).at("seed"), 5);
}

TEST(Job, TheSeedDecidesWhereLinesDoNot) {
  const TempFolder folder;
  JobOptions job = ids_job(folder);
  run_job(golden_model(), job);
  const std::vector<std::string> first = lines_of(content_of(job.output));
  job.output = folder.path("again");
  run_job(golden_model(), job);
  EXPECT_EQ(lines_of(content_of(job.output)), first);
  job.output = folder.path("other");
  job.seed = 1;
  run_job(golden_model(), job);
  const std::vector<std::string> other = lines_of(content_of(job.output));
  EXPECT_NE(other[0], first[0]);
  EXPECT_EQ(other[4], first[4]);  // has a seed of its own
}

TEST(Job, ResumesFromAJournalCutAnywhere) {
  const TempFolder folder;
  JobOptions job = ids_job(folder);
  run_job(golden_model(), job);
  const std::string output = content_of(job.output), journal = content_of(job.output + ".journal");
  job.resume = true;
  // At every byte of the last two records, and of the header.
  const size_t last = journal.rfind('\n', journal.size() - 2);
  const size_t last_two = journal.rfind('\n', last - 1);
  std::vector<size_t> sizes;
  for (size_t size = last_two; size <= journal.size(); ++size) sizes.push_back(size);
  for (size_t size = 0; size <= journal.find('\n') + 1; size += 7) sizes.push_back(size);
  for (const size_t size : sizes) {
    folder.write("out.journal", journal.substr(0, size));
    // Of an output that nothing is known about only an empty one is gone on with.
    folder.write("out", size <= journal.find('\n') ? "" : output.substr(0, output.size() / 2));
    const JobProgress progress = run_job(golden_model(), job);
    ASSERT_EQ(content_of(job.output), output) << size;
    ASSERT_EQ(progress.done, 5);
    ASSERT_EQ(progress.failed, 1);
    const auto kept =
        std::count(journal.begin(), journal.begin() + static_cast<ptrdiff_t>(size), '\n');
    ASSERT_EQ(progress.made, 5 - std::max<int64_t>(kept - 1, 0)) << "of " << size << " bytes";
  }
}

// A reader of the output, or a second crash, finds all that was there before.
TEST(Job, NeverShortensAnOutputThatIsRight) {
  const TempFolder folder;
  JobOptions job = ids_job(folder);
  run_job(golden_model(), job);
  const std::string output = content_of(job.output);
  job.resume = true;
  size_t looked = 0;
  job.on_progress = [&](const JobProgress&) {
    EXPECT_EQ(content_of(job.output), output);
    ++looked;
  };
  run_job(golden_model(), job);
  EXPECT_GT(looked, 0u);
  EXPECT_EQ(content_of(job.output), output);
}

TEST(Job, RepairsAnOutputCutAnywhere) {
  const TempFolder folder;
  JobOptions job = ids_job(folder);
  run_job(golden_model(), job);
  const std::string output = content_of(job.output), journal = content_of(job.output + ".journal");
  job.resume = true;
  const size_t last = output.rfind('\n', output.size() - 2);
  for (size_t size = output.rfind('\n', last - 1); size <= output.size(); ++size) {
    folder.write("out", output.substr(0, size));
    const JobProgress progress = run_job(golden_model(), job);
    ASSERT_EQ(content_of(job.output), output) << size;
    ASSERT_EQ(progress.tokens, 0) << "something was computed twice";
    ASSERT_EQ(content_of(job.output + ".journal"), journal);
  }
}

TEST(Job, ACancelledOneGoesOn) {
  const TempFolder folder;
  const std::string input = folder.write("in", mixed_input(24));
  run_job(fairytale(), {.input = input, .output = folder.path("whole")});
  JobOptions job{.input = input,
                 .output = folder.path("out"),
                 .resume = true,
                 .kv_memory = memory_of_mixed_input(24)};
  int runs = 0;
  for (int64_t done = 0; done < 24 && runs < 100; ++runs) {
    const CancelToken cancel;
    int steps = 0;
    job.on_progress = [&](const JobProgress&) {
      if (++steps == 25) cancel.cancel();
    };
    const JobProgress progress = run_job(fairytale(), job, cancel);
    // An answer waits for those of the lines before it.
    EXPECT_LE(lines_of(content_of(job.output)).size(), static_cast<size_t>(progress.done));
    done = progress.done;
  }
  EXPECT_GT(runs, 1);
  EXPECT_EQ(content_of(job.output), content_of(folder.path("whole")));
}

TEST(Job, OneWithoutOrderGoesOnWithWhatIsMissing) {
  const TempFolder folder;
  const std::string input = folder.write("in", mixed_input(24));
  run_job(fairytale(), {.input = input, .output = folder.path("whole")});
  JobOptions job{
      .input = input, .output = folder.path("out"), .resume = true, .as_completed = true};
  job.kv_memory = memory_of_mixed_input(24);
  const CancelToken cancel;
  int steps = 0;
  job.on_progress = [&](const JobProgress&) {
    if (++steps == 25) cancel.cancel();
  };
  const int64_t first = run_job(fairytale(), job, cancel).made;
  EXPECT_GT(first, 0);
  EXPECT_LT(first, 24);
  job.on_progress = {};
  EXPECT_EQ(run_job(fairytale(), job).made, 24 - first);
  std::vector<std::string> found = lines_of(content_of(job.output));
  std::vector<std::string> expected = lines_of(content_of(folder.path("whole")));
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(found, expected);
}

TEST(Job, AnotherJobsJournalIsRefused) {
  const TempFolder folder;
  JobOptions job = ids_job(folder);
  run_job(golden_model(), job);
  job.resume = true;
  const auto expect_refused = [&](const JobOptions& options, const char* differs) {
    expect_error(
        ErrorCode::kInvalidArgument, [&] { run_job(golden_model(), options); }, "another job's",
        differs);
  };
  JobOptions other = job;
  other.seed = 3;
  expect_refused(other, ": seed");
  other = job;
  other.defaults[0].second = "4";
  expect_refused(other, ": defaults");
  other = job;
  other.shards = 2;
  expect_refused(other, "shards");
  folder.write("in", std::string(kIdsInput) + "\n{}");
  expect_refused(job, "input");
  folder.write("in", kIdsInput);
  const Model model = Model::load(test::golden_path("deep-bf16"));
  expect_error(
      ErrorCode::kInvalidArgument, [&] { run_job(model, job); }, "model");
}

TEST(Job, AnExistingOutputIsRefused) {
  const TempFolder folder;
  JobOptions job = ids_job(folder);
  folder.write("out", "precious");
  expect_error(
      ErrorCode::kInvalidArgument, [&] { run_job(golden_model(), job); }, "exists");
  job.resume = true;
  expect_error(
      ErrorCode::kInvalidArgument, [&] { run_job(golden_model(), job); }, "without a journal");
  EXPECT_EQ(content_of(job.output), "precious");
  EXPECT_FALSE(std::filesystem::exists(job.output + ".journal"));
}

TEST(Job, AStaleJournalIsReplaced) {
  const TempFolder folder;
  const JobOptions job = ids_job(folder);
  folder.write("out.journal", "whatever");
  run_job(golden_model(), job);
  EXPECT_EQ(lines_of(content_of(job.output)).size(), 5u);
}

TEST(Job, CleanRemovesTheJournal) {
  const TempFolder folder;
  JobOptions job = ids_job(folder);
  job.clean = true;
  run_job(golden_model(), job);
  EXPECT_FALSE(std::filesystem::exists(job.output + ".journal"));
  EXPECT_EQ(lines_of(content_of(job.output)).size(), 5u);
}

TEST(Job, AsCompletedIsTheSameSet) {
  const TempFolder folder;
  const std::string input = folder.write("in", mixed_input(20));
  run_job(fairytale(), {.input = input, .output = folder.path("a")});
  JobOptions job{.input = input, .output = folder.path("b"), .as_completed = true};
  run_job(fairytale(), job);
  std::vector<std::string> a = lines_of(content_of(folder.path("a")));
  std::vector<std::string> b = lines_of(content_of(folder.path("b")));
  EXPECT_NE(a, b);
  const std::string before = content_of(folder.path("b"));
  job.resume = true;
  run_job(fairytale(), job);
  EXPECT_EQ(content_of(folder.path("b")), before);
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  EXPECT_EQ(a, b);
}

TEST(Job, ShardsMergeToTheWhole) {
  const TempFolder folder;
  JobOptions job = ids_job(folder);
  run_job(golden_model(), job);
  const std::string whole = content_of(job.output);
  std::vector<std::string> parts;
  job.shards = 3;
  for (job.shard = 0; job.shard < 3; ++job.shard) {
    job.output = folder.path("part" + std::to_string(job.shard));
    run_job(golden_model(), job);
    parts.insert(parts.begin(), job.output);
  }
  merge_job(parts, folder.path("merged"));
  EXPECT_EQ(content_of(folder.path("merged")), whole);
  expect_error(
      ErrorCode::kInvalidArgument, [&] { merge_job(parts, folder.path("merged")); }, "exists");
  expect_error(
      ErrorCode::kInvalidArgument,
      [&] {
        merge_job({parts[0], parts[2]}, folder.path("x"));
      },
      "shard 1 of 3");
  expect_error(
      ErrorCode::kInvalidArgument,
      [&] {
        merge_job({parts[0], parts[0]}, folder.path("x"));
      },
      "already");
  job.seed = 9;
  job.shard = 1;
  job.output = folder.path("stranger");
  run_job(golden_model(), job);
  expect_error(
      ErrorCode::kInvalidArgument,
      [&] {
        merge_job({parts[0], job.output, parts[2]}, folder.path("x"));
      },
      ": seed");
  const std::string journal = content_of(folder.path("part0.journal"));
  folder.write("part0.journal", journal.substr(0, journal.size() - 3));
  expect_error(
      ErrorCode::kInvalidArgument, [&] { merge_job(parts, folder.path("x")); }, "`resume`");
  EXPECT_FALSE(std::filesystem::exists(folder.path("x")));
}

TEST(Job, OptionsAreChecked) {
  const TempFolder folder;
  const JobOptions job = ids_job(folder);
  const auto expect_wrong = [&](ErrorCode code, auto change, const char* words) {
    JobOptions other = job;
    change(other);
    expect_error(
        code, [&] { check_job(other); }, words);
  };
  constexpr auto kWrong = ErrorCode::kInvalidArgument;
  expect_wrong(
      kWrong, [](JobOptions& j) { j.shard = 1; }, "shard");
  expect_wrong(
      kWrong, [](JobOptions& j) { j.shards = 0; }, "shard");
  expect_wrong(
      kWrong, [](JobOptions& j) { j.seed = -1; }, "seed");
  expect_wrong(
      kWrong, [](JobOptions& j) { j.defaults.emplace_back("seed", "1"); }, "seed");
  expect_wrong(
      kWrong, [](JobOptions& j) { j.defaults.emplace_back("topp", "1"); }, "topp");
  expect_wrong(
      kWrong, [](JobOptions& j) { j.output = j.input; }, "is the input");
  expect_wrong(
      ErrorCode::kNotFound, [](JobOptions& j) { j.input += "x"; }, "cannot open");
  expect_wrong(
      ErrorCode::kNotFound, [](JobOptions& j) { j.output = "/nowhere/out"; }, "folder");
  const auto resume = [](JobOptions& j) { j.resume = true; };
  expect_wrong(
      kWrong, [&](JobOptions& j) { resume(j), j.output = ""; }, "standard output");
  expect_wrong(
      kWrong, [&](JobOptions& j) { resume(j), j.input = ""; }, "standard input");
}

}  // namespace
}  // namespace gptj
