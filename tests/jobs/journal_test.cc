// SPDX-License-Identifier: Apache-2.0
#include "jobs/journal.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace gptj {
namespace {

using test::content_of;
using test::expect_error;
using test::TempFolder;

const std::string kHeader = R"({"job": "h"})";

std::string write_three(const std::string& path) {
  Journal journal = Journal::create(path, kHeader);
  journal.append(5, "five");
  journal.append(2, "two two");
  journal.flush();
  journal.append(9, "nine");
  journal.flush();
  EXPECT_EQ(journal.record(2), "two two");
  return content_of(path);
}

TEST(Journal, GivesBackWhatWasAppended) {
  const TempFolder folder;
  const std::string path = folder.path("j");
  write_three(path);
  std::optional<Journal> journal = Journal::open(path);
  ASSERT_TRUE(journal);
  EXPECT_EQ(journal->header(), kHeader);
  EXPECT_EQ(journal->lines(), (std::vector<int64_t>{5, 2, 9}));
  EXPECT_EQ(journal->record(5), "five");
  EXPECT_EQ(journal->record(9), "nine");
  EXPECT_FALSE(journal->has(1));
  journal->append(1, "one");
  journal->flush();
  EXPECT_EQ(journal->record(1), "one");
}

// A journal as version 2 wrote it: the checks of its lines are another hash's.
TEST(Journal, AnotherVersionIsRefusedAndLeftAlone) {
  const TempFolder folder;
  const std::string older =
      "0123456789abcdef {\"arithmetic\":\"1\",\"gptj_journal\":2,\"requests\":1}\n"
      "fedcba9876543210 1 + {}\n";
  const std::string path = folder.write("older", older);
  for (const auto open : {&Journal::open, &Journal::open_to_read}) {
    expect_error(
        ErrorCode::kBadFile, [&] { open(path); }, path, "gptj_journal: expected version 3, found 2",
        "finish its job with the program that began it");
  }
  EXPECT_EQ(content_of(path), older);
}

// A crash may leave any part of it.
TEST(Journal, TruncatedAnywhereKeepsTheWholeLines) {
  const TempFolder folder;
  const std::string whole = write_three(folder.path("j"));
  std::vector<size_t> ends;  // of lines
  for (size_t i = 0; i < whole.size(); ++i) {
    if (whole[i] == '\n') ends.push_back(i + 1);
  }
  ASSERT_EQ(ends.size(), 4u);
  for (size_t size = 0; size <= whole.size(); ++size) {
    const std::string path = folder.write("t", whole.substr(0, size));
    std::optional<Journal> journal = Journal::open(path);
    const auto lines = static_cast<size_t>(
        std::count_if(ends.begin(), ends.end(), [&](size_t end) { return end <= size; }));
    ASSERT_EQ(journal.has_value(), lines > 0) << size;
    if (!journal) continue;
    ASSERT_EQ(journal->lines().size(), lines - 1) << size;
    journal->append(7, "seven");
    journal->flush();
    ASSERT_EQ(journal->record(7), "seven");
    ASSERT_FALSE(Journal::open_to_read(path + "x"));
  }
}

TEST(Journal, DamagedBytesEndIt) {
  const TempFolder folder;
  const std::string whole = write_three(folder.path("j"));
  const size_t second = whole.find("two two");
  std::string damaged = whole;
  damaged[second] = 'T';
  const std::optional<Journal> journal = Journal::open(folder.write("d", damaged));
  ASSERT_TRUE(journal);
  EXPECT_EQ(journal->lines(), (std::vector<int64_t>{5}));
}

TEST(Journal, BelongsToOneProcess) {
  const TempFolder folder;
  const Journal journal = Journal::create(folder.path("j"), kHeader);
  expect_error(
      ErrorCode::kIo, [&] { Journal::open(folder.path("j")); }, "another process");
  expect_error(
      ErrorCode::kIo, [&] { Journal::create(folder.path("j"), "{}"); }, "another process");
  EXPECT_EQ(content_of(folder.path("j")).substr(17), kHeader + "\n");
}

}  // namespace
}  // namespace gptj
