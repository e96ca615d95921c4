// SPDX-License-Identifier: Apache-2.0
#include "formats/ggml.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/byte_writer.h"
#include "support/expect_error.h"

namespace gptj::test {
namespace {

constexpr size_t kSizes = 7;

struct Header {
  int32_t n_vocab = 3, file_type = 0, count = 3;
};

ByteWriter ggml(const Header& header = {}) {
  ByteWriter file;
  file.text("lmgg").little(header.n_vocab);
  for (const int32_t size : {8, 4, 2, 1, 2}) file.little(size);
  file.little(header.file_type).little(header.count);
  for (const char* token : {"", "a", "bc"}) {
    file.little(static_cast<uint32_t>(std::strlen(token))).text(token);
  }
  return file;
}

ByteWriter ggjt(uint32_t version, int32_t file_type) {
  ByteWriter file;
  file.text("tjgg").little(version);
  for (const int32_t size : {1, 8, 4, 2, 1, 2}) file.little(size);
  file.little(file_type).little(int32_t{1}).little(uint32_t{1}).text("x").little(-1.5f);
  return file;
}

void add_tensor(ByteWriter& file, const std::string& name, uint32_t type,
                const std::vector<uint32_t>& reversed_shape, const std::string& data) {
  file.little(static_cast<int32_t>(reversed_shape.size()));
  file.little(static_cast<int32_t>(name.size())).little(type);
  for (const uint32_t extent : reversed_shape) file.little(extent);
  file.text(name).text(data);
}

GgmlFile read(const std::string& file) { return read_ggml(bytes_of(file), "FILE", kSizes); }

template <class... Words>
void refuses(ErrorCode code, const std::string& file, const Words&... words) {
  expect_error(
      code, [&] { read(file); }, "FILE", words...);
}

TEST(GgmlTest, TensorsToTheEndOfTheFile) {
  ByteWriter file = ggml();
  add_tensor(file, "matrix", 0, {3, 2}, std::string(24, 'm'));
  add_tensor(file, "vector", 1, {2}, "half");
  const GgmlFile found = read(file.bytes);
  EXPECT_EQ(found.sizes, (std::vector<int32_t>{3, 8, 4, 2, 1, 2, 0}));
  EXPECT_EQ(found.quantization, 0);
  ASSERT_EQ(found.tensors.size(), 2u);
  EXPECT_EQ(found.tensors[0].name, "matrix");
  EXPECT_EQ(found.tensors[0].shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(found.tensors[1].type, GgmlType::kF16);
  EXPECT_EQ(found.tensors[1].bytes.data(), bytes_of(file.bytes).data() + file.bytes.size() - 4);
}

TEST(GgmlTest, GgjtAlignsTensorsAndHasVersions) {
  for (const uint32_t version : {1, 2, 3}) {
    ByteWriter file = ggjt(version, 0);
    add_tensor(file, "n", 0, {1}, "");
    file.bytes.resize((file.bytes.size() + 31) / 32 * 32);
    file.text("data");
    const GgmlFile found = read(file.bytes);
    EXPECT_EQ(found.quantization, static_cast<int>(version) - 1);
    EXPECT_EQ(std::memcmp(found.tensors.at(0).bytes.data(), "data", 4), 0);
  }
  EXPECT_EQ(read(ggjt(1, 2002).bytes).quantization, 2);
  refuses(ErrorCode::kUnsupported, ggjt(4, 0).bytes, "version 1 to 3", "version 4");
}

TEST(GgmlTest, TruncatedAnywhere) {
  ByteWriter file = ggml();
  const size_t header = file.bytes.size();
  add_tensor(file, "matrix", 8, {32, 2}, std::string(72, 'm'));
  for (size_t n = 0; n < file.bytes.size(); ++n) {
    if (n == header) continue;  // no tensors: the model will miss them
    EXPECT_FALSE(finishes([&] { read(file.bytes.substr(0, n)); })) << n;
  }
}

TEST(GgmlTest, DamagedAnywhere) {
  ByteWriter file = ggml();
  add_tensor(file, "matrix", 2, {32, 2}, std::string(40, 'm'));
  for (size_t at = 0; at < file.bytes.size(); ++at) {
    for (int flip = 1; flip < 256; flip *= 2) {
      std::string damaged = file.bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      finishes([&] { read(damaged); });
    }
  }
}

TEST(GgmlTest, OtherFiles) {
  refuses(ErrorCode::kBadFile, "GGUF....", "expected a legacy ggml file");
  refuses(ErrorCode::kBadFile, ggml({.count = 2}).bytes, "given as 3 and as 2", "another kind");
  refuses(ErrorCode::kBadFile, ggml({.n_vocab = -1, .count = -1}).bytes, "vocabulary");
  constexpr int32_t kTooMany = (1 << 24) + 1;
  refuses(ErrorCode::kBadFile, ggml({.n_vocab = kTooMany, .count = kTooMany}).bytes,
          "expected a vocabulary of at most 16777216 tokens, found 16777217");
  refuses(ErrorCode::kUnsupported, ggml({.file_type = 3002}).bytes, "0 to 2", "3002");
  refuses(ErrorCode::kUnsupported, ggml({.file_type = -2}).bytes, "-2");
  ByteWriter neural_speed;
  neural_speed.text("tjgg");
  for (const int32_t value : {1, 50400, 4096, 256, 16, 0, 28, 64, 1, 0, 0, 0}) {
    neural_speed.little(value);
  }
  refuses(ErrorCode::kBadFile, neural_speed.bytes, "neural-speed");
  EXPECT_TRUE(is_ggml(bytes_of("lmgg")));
  EXPECT_TRUE(is_ggml(bytes_of("tjgg")));
  EXPECT_FALSE(is_ggml(bytes_of("lmg")));
}

TEST(GgmlTest, TensorsThatAreNone) {
  const auto with = [](uint32_t type, const std::vector<uint32_t>& shape, size_t data,
                       ErrorCode code, const char* word, const char* found) {
    ByteWriter file = ggml();
    add_tensor(file, "T", type, shape, std::string(data, '\0'));
    refuses(code, file.bytes, word, found);
  };
  with(12, {32}, 99, ErrorCode::kUnsupported, "\"T\": expected f32", "found q4_K");
  with(4, {32}, 99, ErrorCode::kUnsupported, "\"T\"", "found q4_2");
  with(99, {32}, 99, ErrorCode::kBadFile, "\"T\"", "found type 99");
  with(2, {48}, 99, ErrorCode::kBadFile, "multiple of 32", "[48]");
  with(0, {0, 4}, 0, ErrorCode::kBadFile, "not empty", "[4, 0]");
  with(0, {4, 0}, 0, ErrorCode::kBadFile, "not empty", "[0, 4]");
  with(0, {0xffffffff, 0xffffffff, 0xffffffff}, 9, ErrorCode::kBadFile, "\"T\"", "exceeds");
  with(0, {0xffffffff, 2}, 9, ErrorCode::kBadFile, "\"T\"", "found 9");
  with(0, {}, 9, ErrorCode::kBadFile, "1 to 4 dimensions", "found 0");
  with(0, std::vector<uint32_t>(5, 1), 9, ErrorCode::kBadFile, "1 to 4 dimensions", "found 5");
  ByteWriter file = ggml();
  file.little(int32_t{0x7fffffff}).little(int32_t{1}).little(0u).text("more");
  refuses(ErrorCode::kBadFile, file.bytes, "dimensions", "2147483647");
  file = ggml();
  file.little(1).little(-1).little(0u).text("more");
  refuses(ErrorCode::kBadFile, file.bytes, "a name of at most", "-1");
}

// A block of each type by hand: integers 0, 1, 2 ... (as many bits as it has), scale 0.5.
TEST(GgmlBlocksTest, OneOfEach) {
  const auto floats = [](GgmlType type, int quantization, const ByteWriter& block) {
    EXPECT_EQ(block.bytes.size(), ggml_row_bytes(type, quantization, 32));
    std::vector<float> out(32);
    dequantize_ggml(type, quantization, bytes_of(block.bytes), out);
    return out;
  };
  constexpr uint16_t kHalf = 0x3800, kTwo = 0x4000;  // 0.5 and 2 as f16
  for (const int version : {0, 1, 2}) {
    const auto scale = [&](ByteWriter& block, bool half, float value) {
      if (half) {
        block.little(value == 2 ? kTwo : kHalf);
      } else {
        block.little(value);
      }
    };
    std::string nibbles;
    for (int i = 0; i < 16; ++i) {
      const int low = version == 0 ? (2 * i) % 16 : i;
      const int high = version == 0 ? (2 * i + 1) % 16 : i;
      nibbles += static_cast<char>(low | (high << 4));
    }
    ByteWriter q4_0, q4_1, q5_0, q5_1, q8_0;
    scale(q4_0, version == 2, 0.5f);
    q4_0.text(nibbles);
    scale(q4_1, version == 2, 0.5f);
    scale(q4_1, version == 2, 2);
    q4_1.text(nibbles);
    q5_0.little(kHalf).little(0xffff0000u).text(nibbles);
    q5_1.little(kHalf).little(kTwo).little(0xffff0000u).text(nibbles);
    scale(q8_0, version == 2, 0.5f);
    for (int i = 0; i < 32; ++i) q8_0.little(static_cast<int8_t>(i - 16));
    for (int i = 0; i < 32; ++i) {
      const auto at = static_cast<size_t>(i);
      EXPECT_EQ(floats(GgmlType::kQ4_0, version, q4_0)[at], 0.5f * static_cast<float>(i % 16 - 8));
      EXPECT_EQ(floats(GgmlType::kQ4_1, version, q4_1)[at], 0.5f * static_cast<float>(i % 16) + 2);
      EXPECT_EQ(floats(GgmlType::kQ5_0, version, q5_0)[at], 0.5f * static_cast<float>(i - 16));
      EXPECT_EQ(floats(GgmlType::kQ5_1, version, q5_1)[at], 0.5f * static_cast<float>(i) + 2);
      EXPECT_EQ(floats(GgmlType::kQ8_0, version, q8_0)[at], 0.5f * static_cast<float>(i - 16));
    }
  }
}

}  // namespace
}  // namespace gptj::test
