// SPDX-License-Identifier: Apache-2.0
#include "formats/msgpack.h"

#include <gtest/gtest.h>

#include "support/byte_writer.h"
#include "support/expect_error.h"

namespace gptj::test {
namespace {

std::string text(const std::string& word) {
  return std::string(1, static_cast<char>(0xa0 | word.size())) + word;
}

// An array of one dimension, as extension type 1.
std::string array(const std::string& type, uint8_t extent, const std::string& data) {
  ByteWriter payload;
  payload.text("\x93\x91").big(extent).text(text(type)).text("\xc4");
  payload.big(static_cast<uint8_t>(data.size())).text(data);
  ByteWriter out;
  out.text("\xc7").big(static_cast<uint8_t>(payload.bytes.size())).text("\x01");
  return out.text(payload.bytes).bytes;
}

const std::string kFile = "\x82" + text("a") + "\x81" + text("kernel") +
                          array("float32", 2, "12345678") + text("b") + "\xde" +
                          std::string("\x00\x01", 2) +
                          "\xd9\x01"
                          "c" +
                          array("bfloat16", 3, "abcdef");

std::vector<TensorView> read(const std::string& file) {
  return read_flax_arrays(bytes_of(file), "FILE");
}

template <class... Words>
void refuses(ErrorCode code, const std::string& file, const Words&... words) {
  expect_error(
      code, [&] { read(file); }, "FILE", words...);
}

TEST(MsgpackTest, ArraysOfATree) {
  const auto arrays = read(kFile);
  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(arrays[0].name, "a/kernel");
  EXPECT_EQ(arrays[0].type, DType::kF32);
  EXPECT_EQ(arrays[0].shape, std::vector<uint64_t>{2});
  EXPECT_EQ(std::memcmp(arrays[0].bytes.data(), "12345678", 8), 0);
  EXPECT_EQ(arrays[1].name, "b/c");
  EXPECT_EQ(arrays[1].type, DType::kBF16);
  EXPECT_TRUE(is_msgpack_map(bytes_of(kFile)));
}

TEST(MsgpackTest, WhatIsNoMap) {
  for (const char* other :
       {"", "\x80", "\x81", "\x80\x02", "\x89HDF", "{\"a\": 1}", "PK\x03\x04", "\x93NUMPY",
        "\x81\xa5"
        "ab",
        "GGUF", "lmgg"}) {
    EXPECT_FALSE(is_msgpack_map(bytes_of(other))) << other;
  }
}

TEST(MsgpackTest, TruncatedOrDamagedAnywhere) {
  for (size_t n = 0; n < kFile.size(); ++n) {
    EXPECT_FALSE(finishes([&] { read(kFile.substr(0, n)); })) << n;
  }
  refuses(ErrorCode::kBadFile, kFile + "x", "1 bytes follow");
  for (size_t at = 0; at < kFile.size(); ++at) {
    for (int other = 0; other < 256; ++other) {
      std::string damaged = kFile;
      damaged[at] = static_cast<char>(other);
      finishes([&] { read(damaged); });
      is_msgpack_map(bytes_of(damaged));
    }
  }
}

TEST(MsgpackTest, WhatIsNotTaken) {
  const std::string key = "\x81" + text("k");
  refuses(ErrorCode::kBadFile, "\x93", "expected a msgpack map");
  refuses(ErrorCode::kUnsupported, key + "\x07", "\"k\"", "expected an array");
  refuses(ErrorCode::kUnsupported, key + "\xd4\x03x", "\"k\"", "expected an array");
  refuses(ErrorCode::kBadFile, "\x81\x07\x07", "expected a key");
  refuses(ErrorCode::kBadFile, "\x81\xdb\xff\xff\xff\xff", "expected a key");
  refuses(ErrorCode::kUnsupported, key + array("complex64", 1, "12345678"), "\"complex64\"");
  refuses(ErrorCode::kBadFile, key + array("float32", 3, "12345678"), "takes 12 bytes, found 8");
  refuses(ErrorCode::kBadFile, key + "\xdf\xff\xff\xff\xff", "");
  refuses(ErrorCode::kBadFile, key + "\xc9\xff\xff\xff\xff\x01", "k: expected 4294967295");
  refuses(ErrorCode::kUnsupported,
          key + "\x82\xb9__msgpack_chunked_array__\xc3" + text("shape") + "\x80", "\"k\"",
          "cut into chunks");
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += key;
  refuses(ErrorCode::kBadFile, deep, "at most 16 maps");
  std::string nested;  // each array would keep the names of all maps around it
  for (int i = 0; i < 9; ++i) nested += "\x81" + text(std::string(31, 'm'));
  refuses(ErrorCode::kBadFile, nested + array("float32", 2, "12345678"),
          "expected a path of at most 256 bytes, found 287");
  // A shape whose product does not fit in 64 bits.
  const std::string large = "\xcf\xff\xff\xff\xff\xff\xff\xff\xff";
  const std::string payload =
      "\x93\x92" + large + large + text("float32") + "\xc4" + std::string(1, '\0');
  refuses(ErrorCode::kBadFile, key + "\xc7" + static_cast<char>(payload.size()) + "\x01" + payload,
          "exceeds 64 bits");
}

}  // namespace
}  // namespace gptj::test
