// SPDX-License-Identifier: Apache-2.0
#include "base/atomic_file.h"

#include <gtest/gtest.h>

#include "support/byte_writer.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace gptj::test {
namespace {

class AtomicFileTest : public testing::Test {
 protected:
  bool has_partial() const { return std::filesystem::exists(path_ + ".partial"); }

  TempFolder folder_;
  const std::string path_ = folder_.write("file", "before");
};

TEST_F(AtomicFileTest, KeepsTheOldFileUntilTheNewOneIsWhole) {
  AtomicFile file(path_);
  file.write_at(0, bytes_of("after "));
  EXPECT_EQ(content_of(path_), "before");
  file.write_at(6, bytes_of("all"));
  EXPECT_EQ(content_of(path_), "before");
  file.commit();
  EXPECT_EQ(content_of(path_), "after all");
  EXPECT_FALSE(has_partial());
}

TEST_F(AtomicFileTest, LeavesTheOldFileWhereItIsNotCommitted) {
  {
    AtomicFile file(path_);
    file.write_at(0, bytes_of("after"));
    EXPECT_TRUE(has_partial());
  }
  EXPECT_EQ(content_of(path_), "before");
  EXPECT_FALSE(has_partial());
}

TEST_F(AtomicFileTest, HasOneWriterAtATime) {
  AtomicFile file(path_);
  file.write_at(0, bytes_of("after"));
  expect_error(
      ErrorCode::kIo, [&] { AtomicFile other(path_); },
      path_ + ".partial: another process is writing this file");
  file.commit();
  EXPECT_EQ(content_of(path_), "after");
}

TEST_F(AtomicFileTest, FollowsNoLink) {
  const std::string victim = folder_.write("victim", "precious");
  std::filesystem::create_symlink(victim, path_ + ".partial");
  expect_error(
      ErrorCode::kIo, [&] { AtomicFile other(path_); }, "cannot create");
  EXPECT_EQ(content_of(victim), "precious");
}

}  // namespace
}  // namespace gptj::test
