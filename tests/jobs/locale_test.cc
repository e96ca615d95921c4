// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <locale>

#include "generate/models.h"
#include "support/temp_folder.h"

namespace gptj {
namespace {

class Grouped : public std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\1"; }
};

// Output and journal, of sampled logprobs, wrong lines and numbers of several digits.
std::string bytes_of_a_job() {
  const test::TempFolder folder;
  std::string input;
  for (int i = 0; i < 12; ++i) {
    input +=
        "{\"prompt\": [11, 12], \"max_tokens\": 3, \"temperature\": 1.25, \"logprobs\": 2}\n"
        "{\"prompt\": [11, 12], \"max_tokens\": 123456}\n";
  }
  JobOptions job{.input = folder.write("in", input), .output = folder.path("out")};
  job.defaults = {{"top_p", "0.875"}};
  run_job(test::golden_model(), job);
  return test::content_of(job.output) + test::content_of(job.output + ".journal");
}

TEST(Job, IsTheSameInEveryLocale) {
  const std::string expected = bytes_of_a_job();
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Grouped));
  const std::string found = bytes_of_a_job();
  std::locale::global(before);
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace gptj
