// SPDX-License-Identifier: Apache-2.0
#include "base/cgroup.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temp_folder.h"

namespace gptj {
namespace {

class CgroupTest : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(folder_.path(path)).parent_path());
    folder_.write(path, text);
  }
  uint64_t memory() { return cgroup_memory_left(folder_.path()); }
  double cpus() { return cgroup_cpus(folder_.path()); }

  test::TempFolder folder_;
};

constexpr uint64_t kNone = uint64_t{1} << 62;

TEST_F(CgroupTest, WithoutGroupsThereIsNoLimit) {
  EXPECT_EQ(memory(), kNone);
  EXPECT_EQ(cpus(), 1e9);
  write("proc/self/cgroup", "0::/a/b\nnot a line\n");
  EXPECT_EQ(memory(), kNone);
  EXPECT_EQ(cpus(), 1e9);
}

TEST_F(CgroupTest, OfVersion2TheTightestAboveCounts) {
  write("proc/self/cgroup", "0::/slurm/job/step\n");
  write("sys/fs/cgroup/slurm/job/step/memory.max", "max\n");
  write("sys/fs/cgroup/slurm/job/step/memory.current", "1000\n");
  write("sys/fs/cgroup/slurm/job/memory.max", "8000\n");
  write("sys/fs/cgroup/slurm/job/memory.current", "3000\n");
  write("sys/fs/cgroup/slurm/job/memory.stat", "anon 1500\ninactive_file 500\nactive_file 700\n");
  write("sys/fs/cgroup/slurm/memory.max", "90000\n");
  write("sys/fs/cgroup/slurm/memory.current", "5000\n");
  EXPECT_EQ(memory(), 6200u);
  write("sys/fs/cgroup/slurm/job/step/cpu.max", "max 100000\n");
  EXPECT_EQ(cpus(), 1e9);
  write("sys/fs/cgroup/slurm/cpu.max", "250000 100000\n");
  EXPECT_EQ(cpus(), 2.5);
  write("sys/fs/cgroup/slurm/job/cpu.max", "150000 100000\n");
  EXPECT_EQ(cpus(), 1.5);
}

TEST_F(CgroupTest, OfVersion1EachControllerHasItsOwnGroup) {
  write("proc/self/cgroup", "4:memory:/job\n3:cpuset:/\n2:cpu,cpuacct:/batch\n0::/\n");
  write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "4000\n");
  write("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "5000\n");
  write("sys/fs/cgroup/memory/job/memory.stat",
        "active_file 9\ntotal_inactive_file 1800\ntotal_active_file 600\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "50000\n");
  EXPECT_EQ(memory(), 1400u);
  write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1000\n");
  EXPECT_EQ(memory(), 0u);
  write("sys/fs/cgroup/cpu/batch/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/batch/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpus(), 1e9);
  write("sys/fs/cgroup/cpu/batch/cpu.cfs_quota_us", "50000\n");
  EXPECT_EQ(cpus(), 0.5);
}

// A container that sees its own group as the root, under the name that it has outside.
TEST_F(CgroupTest, ContainersSeeTheirGroupAtTheRoot) {
  write("proc/self/cgroup", "0::/docker/0123\n");
  write("sys/fs/cgroup/memory.max", "700\n");
  write("sys/fs/cgroup/memory.current", "100\n");
  write("sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_EQ(memory(), 600u);
  EXPECT_EQ(cpus(), 4);
}

}  // namespace
}  // namespace gptj
