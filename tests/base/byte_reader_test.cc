// SPDX-License-Identifier: Apache-2.0
#include "base/byte_reader.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

#include "support/expect_error.h"

namespace gptj {
namespace {

using test::expect_error;

constexpr std::array<unsigned char, 9> kBytes = {1, 2, 3, 4, 'a', 'b', 'c', 0, 1};

ByteReader reader() { return {std::as_bytes(std::span(kBytes)), "f.bin: header"}; }

TEST(ByteReader, ReadsFromFrontToBack) {
  ByteReader in = reader();
  EXPECT_EQ(in.little_endian<uint32_t>("n"), 0x04030201u);
  EXPECT_EQ(in.text(3, "name"), "abc");
  EXPECT_EQ(in.position(), 7u);
  EXPECT_EQ(in.big_endian<uint16_t>("m"), 1u);
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(in.take(0, "nothing").size(), 0u);
}

TEST(ByteReader, NeverReadsPastTheEnd) {
  ByteReader in = reader();
  in.take(6, "start");
  expect_error(
      ErrorCode::kBadFile, [&] { in.little_endian<uint32_t>("count"); },
      "f.bin: header: count: expected 4 bytes at 6, found 3");
  expect_error(
      ErrorCode::kBadFile, [&] { in.take(UINT64_MAX, "data"); }, "expected 18446744073709551615");
  EXPECT_EQ(in.remaining(), 3u);
}

}  // namespace
}  // namespace gptj
