// SPDX-License-Identifier: Apache-2.0
#include "formats/weight_index.h"

#include <gtest/gtest.h>

#include "formats/safetensors.h"
#include "support/expect_error.h"
#include "support/safetensors_writer.h"
#include "support/temp_folder.h"

namespace gptj::test {
namespace {

const std::string kIndex = R"({"metadata":{"total_size":6},)"
                           R"("weight_map":{"a":"s1.safetensors","b":"s2.safetensors"}})";

class Index : public ::testing::Test {
 protected:
  Index() {
    write_shard("s1.safetensors", {"a"});
    write_shard("s2.safetensors", {"b"});
  }
  void write_shard(const std::string& shard, const std::vector<std::string>& names) {
    std::vector<TestTensor> tensors;
    for (const std::string& name : names) {
      tensors.push_back(counting_tensor(name, DType::kU8, {3}));
    }
    folder_.write(shard, safetensors_file(tensors));
  }
  static std::vector<SafetensorsFile> open_path(const std::string& index) {
    std::vector<SafetensorsFile> files;
    open_shards(index, [&](const std::string& path) {
      std::vector<std::string> names;
      for (const TensorView& tensor : files.emplace_back(path).tensors()) {
        names.push_back(tensor.name);
      }
      return names;
    });
    return files;
  }
  auto open(const std::string& index) { return open_path(folder_.write("i.json", index)); }
  template <class... Words>
  void refuses(const std::string& index, const Words&... words) {
    expect_error(
        ErrorCode::kBadFile, [&] { open(index); }, words...);
  }

  TempFolder folder_;
};

TEST_F(Index, OpensEachShardOnce) {
  write_shard("s1.safetensors", {"a", "c"});
  const auto files = open(R"({"weight_map":{"a":"s1.safetensors","b":"s2.safetensors",)"
                          R"("c":"s1.safetensors"}})");
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].tensors().size(), 2u);
  EXPECT_EQ(files[1].path(), folder_.path("s2.safetensors"));
}

TEST_F(Index, RefusesNamesThatLeaveTheFolder) {
  for (const char* shard : {"", ".", "..", "../s1.safetensors", "/etc/passwd", "x/s1.safetensors",
                            "..\\\\s1.safetensors", "s1\\u0000.safetensors", "s1\\n"}) {
    refuses(std::string(R"({"weight_map":{"a":")") + shard + "\"}}", "weight_map: \"a\"",
            "a file beside the index");
  }
  refuses(R"({"weight_map":{"a":7}})", "found 7");
}

TEST_F(Index, RefusesWhatIsNoIndex) {
  refuses("{}", "weight_map", "found nothing");
  refuses(R"({"weight_map":{}})", "found {}");
  refuses(R"({"weight_map":["a"]})", "expected an object from tensor to shard");
  refuses("[]", "expected a JSON object, found []");
  refuses(R"({"weight_map":{"a":"s1.safetensors","a":"s2.safetensors"}})", "\"a\" is given twice");
  refuses("version https://git-lfs.github.com/spec/v1\n", "expected JSON", "git lfs pull");
  expect_error(
      ErrorCode::kNotFound, [&] { open_path(folder_.path("none")); }, "none");
}

TEST_F(Index, NamesAMissingShard) {
  expect_error(
      ErrorCode::kNotFound,
      [&] { open(R"({"weight_map":{"a":"s1.safetensors","b":"s9.safetensors"}})"); },
      "s9.safetensors: missing", "names 2 shards");
}

TEST_F(Index, RefusesShardsThatDisagree) {
  refuses(R"({"weight_map":{"a":"s1.safetensors","z":"s1.safetensors"}})", "i.json",
          "tensor \"z\" is not in s1.safetensors");
  refuses(R"({"weight_map":{"a":"s1.safetensors","b":"s1.safetensors"}})",
          "tensor \"b\" is not in");
  write_shard("s1.safetensors", {"a", "extra"});
  refuses(kIndex, "s1.safetensors", "tensor \"extra\" is not in the index");
  write_shard("s1.safetensors", {"a", "b"});
  refuses(kIndex, "s1.safetensors", "tensor \"b\" should be in s2.safetensors");
  folder_.write("s1.safetensors", "version https://git-lfs.github.com/spec/v1\n");
  refuses(kIndex, "s1.safetensors", "git lfs pull");
}

TEST_F(Index, DamageIsRefused) {
  for (size_t size = 0; size < kIndex.size(); ++size) refuses(kIndex.substr(0, size));
  for (size_t at = 0; at < kIndex.size(); ++at) {
    for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
      std::string damaged = kIndex;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      finishes([&] { open(damaged); });
    }
  }
}

}  // namespace
}  // namespace gptj::test
