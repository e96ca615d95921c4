// SPDX-License-Identifier: Apache-2.0
// The files and pipes that jobs read and write.
#include "jobs/output.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace gptj {
namespace {

using test::content_of;
using test::expect_error;
using test::TempFolder;

TEST(OutputFile, IsMadeAnewAndNeverReplacesOneThatExists) {
  const TempFolder folder;
  {
    OutputFile file(folder.path("out"), Existing::kRefuse);
    file.write_line("first");
    file.finish();
  }
  EXPECT_EQ(content_of(folder.path("out")), "first\n");
  expect_error(
      ErrorCode::kIo, [&] { OutputFile(folder.path("out"), Existing::kRefuse); }, "File exists");
  EXPECT_EQ(content_of(folder.path("out")), "first\n");
}

// Whatever a file held before, it holds the lines afterwards; what is equal stays in its place.
TEST(OutputFile, ContinuesWhatItFinds) {
  const std::string whole = "one\ntwo\nthree\n";
  for (const std::string& before :
       {std::string(), std::string("one\nt"), whole, whole + "four\n",
        std::string("one\ntwi\nthree\n"), std::string("other"), std::string(1 << 20, 'x')}) {
    const TempFolder folder;
    const std::string path = folder.write("out", before);
    OutputFile file(path, Existing::kContinue);
    EXPECT_EQ(content_of(path), before);
    for (const char* line : {"one", "two", "three"}) {
      file.write_line(line);
      file.flush();
      const std::string now = content_of(path);
      EXPECT_GE(now.size(), before.starts_with(now) ? 4u : 1u);
      EXPECT_TRUE(now.starts_with("one\n")) << now;
      if (before.starts_with(whole)) {
        EXPECT_EQ(now, before);
      }
    }
    file.finish();
    EXPECT_EQ(content_of(path), whole);
  }
}

TEST(OutputFile, ContinuesAPipeByWriting) {
  OutputFile file("/dev/null", Existing::kContinue);
  file.write_line("text");
  file.finish();
}

// Bytes come all the time, and no newline: a wait ends nevertheless.
TEST(LineReader, WaitsNoLongerThanItSays) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::atomic<bool> waited = false;
  std::thread dribble([&] {
    while (!waited) {
      EXPECT_EQ(::write(ends[1], "x", 1), 1);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  LineReader reader("pipe", ends[0]);
  EXPECT_FALSE(reader.wait(50));
  waited = true;
  dribble.join();
  ::close(ends[1]);
  EXPECT_TRUE(reader.wait(0));
  std::string line;
  EXPECT_TRUE(reader.next(line));
  EXPECT_EQ(line.find_first_not_of('x'), std::string::npos);
  EXPECT_FALSE(reader.next(line));
  ::close(ends[0]);
}

}  // namespace
}  // namespace gptj
