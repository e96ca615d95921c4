// SPDX-License-Identifier: Apache-2.0
#include "formats/zip.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/pytorch_writer.h"

namespace gptj::test {
namespace {

const std::vector<ZipFileEntry> kThree = {
    {"a/data.pkl", "first"}, {"a/empty", ""}, {"../x", "second"}};

std::vector<ZipEntry> read(const std::string& file) {
  return read_zip(std::as_bytes(std::span(file)), "z.zip");
}
template <class... Words>
void refuses(const std::string& file, const Words&... words) {
  expect_error(
      ErrorCode::kBadFile, [&] { read(file); }, "z.zip: ", words...);
}
template <class... Words>
void does_not_support(const std::string& file, const Words&... words) {
  expect_error(
      ErrorCode::kUnsupported, [&] { read(file); }, "z.zip: ", words...);
}
std::string text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string replaced(std::string file, const std::string& from, const std::string& to,
                     size_t skip = 0) {
  size_t at = file.find(from);
  while (skip-- > 0) at = file.find(from, at + 1);
  return file.replace(at, from.size(), to);
}

TEST(Zip, GivesEveryEntryWhoeverWroteIt) {
  for (const ZipOptions& options :
       {ZipOptions{}, ZipOptions{.zip64_end = true, .sizes_follow = true},
        ZipOptions{.zip64_entries = true}, ZipOptions{.comment = "PK\x05\x06 or so"}}) {
    const std::string file = zip_file(kThree, options);
    EXPECT_TRUE(is_zip(std::as_bytes(std::span(file))));
    const auto entries = read(file);
    ASSERT_EQ(entries.size(), kThree.size());
    for (size_t i = 0; i < entries.size(); ++i) {
      EXPECT_EQ(entries[i].name, kThree[i].name);
      EXPECT_EQ(text(entries[i].bytes), kThree[i].bytes);
    }
  }
  EXPECT_TRUE(read(zip_file({})).empty());
}

TEST(Zip, RefusesWhatCannotBeMapped) {
  does_not_support(zip_file(kThree, {.method = 8}), "entry \"a/data.pkl\"", "zip method 8",
                   "save the model again");
  does_not_support(zip_file(kThree, {.flags = 1}), "is encrypted");
}

TEST(Zip, RefusesHeadersThatDisagree) {
  const std::string file = zip_file({{"aa", "first"}, {"bb", "other"}});
  refuses(replaced(file, "aa", "xx"), "entry \"aa\"", "disagrees with the directory");
  refuses(replaced(file, "aa", "xx", 1), "entry \"xx\"", "disagrees with the directory");
  const std::string five = le<uint32_t>(5) + le<uint32_t>(5),
                    six = le<uint32_t>(6) + le<uint32_t>(6);
  refuses(replaced(file, five, six), "disagrees");
  refuses(replaced(replaced(file, five, six), five, six, 1), "two of the 2 entries overlap");
  refuses(replaced(file, five, le<uint32_t>(5) + le<uint32_t>(4), 2),
          "stored in 5 bytes, but has 4");
  refuses(replaced(file, "PK\x03\x04", "PK\x03\x05", 1), "expected the local header");
  refuses(replaced(file, "PK\x01\x02", "PK\x03\x05", 1), "expected the header of an entry");
  refuses(replaced(zip_file({{"aa", "x"}}, {.zip64_entries = true}),
                   le<uint16_t>(1) + le<uint16_t>(16), le<uint16_t>(2) + le<uint16_t>(16)),
          "without its zip64 field");
}

TEST(Zip, RefusesEntriesThatAreNotOnes) {
  refuses(zip_file({{"aa", "1"}, {"aa", "2"}}), "\"aa\": is there twice");
  refuses(zip_file({{"", "1"}}), "expected names of 1 to 1024");
  refuses(zip_file({{std::string(1025, 'n'), "1"}}), "expected names of 1 to 1024");
  refuses(zip_file({{std::string("a\0b", 3), "1"}}), "found \"a\\u0000b\"");
  // Both directory entries point at the first local header.
  std::string file = zip_file({{"aa", "first"}, {"aa", "other"}});
  refuses(replaced(file, le<uint32_t>(37), le<uint32_t>(0)), "is there twice");
}

TEST(Zip, RefusesDirectoriesThatAreElsewhere) {
  const std::string file = zip_file(kThree), end = "PK\x05\x06";
  const auto with_end = [&](uint16_t entries, uint32_t size, uint32_t offset) {
    std::string copy = file;
    const size_t at = copy.find(end);
    return copy.replace(at + 8, 12, le(entries) + le(entries) + le(size) + le(offset));
  };
  refuses(with_end(3, 0xfffffffe, 0), "the directory ends at 4294967294");
  refuses(with_end(3, 0, 0), "the directory ends at 0");
  refuses(with_end(0xffff, 1, 1), "expected the zip64 locator");
  refuses(with_end(2, 0, 0), "the directory ends at");
  const auto begin = static_cast<uint32_t>(file.find("PK\x01\x02"));
  const auto size = static_cast<uint32_t>(file.find(end) - begin);
  refuses(with_end(2, size, begin), "bytes after its last entry");
  refuses(with_end(9, size, begin), "has room for", "not for 9");
  refuses(file + "x", "without its directory");
  refuses("", "without its directory");
  const std::string big = zip_file(kThree, {.zip64_end = true});
  const size_t record = big.find("PK\x06\x06");
  for (const uint64_t value : {uint64_t{0}, uint64_t{1} << 40, ~uint64_t{0}}) {
    for (const size_t field : {24, 32, 40, 48, 56 + 8}) {
      std::string copy = big;
      copy.replace(record + field, 8, le(value));
      if (field == 24) {
        read(copy);  // the entries of this disk, which nobody reads
      } else {
        refuses(copy);
      }
    }
  }
}

TEST(Zip, EveryTruncationIsRefusedAndEveryFlipReadsWithinTheFile) {
  for (const ZipOptions& options :
       {ZipOptions{}, ZipOptions{.zip64_end = true, .sizes_follow = true},
        ZipOptions{.zip64_entries = true}}) {
    const std::string whole = zip_file(kThree, options);
    for (size_t size = 0; size < whole.size(); ++size) refuses(whole.substr(0, size));
    for (size_t at = 0; at < whole.size(); ++at) {
      for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        finishes([&] {
          for (const ZipEntry& entry : read(damaged))
            EXPECT_LE(text(entry.bytes).size(), whole.size());
        });
      }
    }
  }
}

}  // namespace
}  // namespace gptj::test
