// SPDX-License-Identifier: Apache-2.0
// A host may make any locale the global one: numbers in messages and files stay as they are.
#include <gtest/gtest.h>

#include <clocale>
#include <locale>

#include "base/cgroup.h"
#include "base/check.h"
#include "base/fingerprint.h"
#include "base/json.h"
#include "base/memory.h"
#include "support/temp_folder.h"

namespace gptj {
namespace {

// 1.234.567,5
class German : public std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
  std::string do_truename() const override { return "wahr"; }
};

// The C++ locale, and that of C where the system has a German one.
class HostsLocale : public testing::Test {
 protected:
  HostsLocale() : before_(std::locale::global(std::locale(std::locale::classic(), new German))) {
    std::setlocale(LC_ALL, "de_DE.UTF-8");
  }
  ~HostsLocale() override {
    std::setlocale(LC_ALL, "C");
    std::locale::global(before_);
  }

 private:
  std::locale before_;
};

TEST_F(HostsLocale, IsNotThatOfMessages) {
  EXPECT_EQ(concat(1234567, " ", 1234.5, " ", uint64_t{1} << 40), "1234567 1234.5 1099511627776");
  EXPECT_EQ(gigabytes(1'234'567'890'123), "1234.57 GB");
  EXPECT_EQ(size_text(12'345'678), "12.35 MB");
  EXPECT_EQ(size_text(9'999), "9999 bytes");
  EXPECT_EQ(hexadecimal(1234567), "000000000012d687");
}

TEST_F(HostsLocale, IsNotThatOfJson) {
  const Json json = parse_json(R"([1234567, 1234.5, 1e-3, true])", "text");
  EXPECT_EQ(json[1].get<double>(), 1234.5);
  EXPECT_EQ(dump_text(json), "[1234567,1234.5,0.001,true]");
}

TEST_F(HostsLocale, IsNotThatOfWhatTheKernelSays) {
  const test::TempFolder root;
  std::filesystem::create_directories(root.path("proc/self"));
  std::filesystem::create_directories(root.path("sys/fs/cgroup"));
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/memory.max", "12345678\n");
  root.write("sys/fs/cgroup/memory.current", "2345678\n");
  root.write("sys/fs/cgroup/cpu.max", "250000 100000\n");
  EXPECT_EQ(cgroup_memory_left(root.path()), 10'000'000u);
  EXPECT_EQ(cgroup_cpus(root.path()), 2.5);
}

}  // namespace
}  // namespace gptj
