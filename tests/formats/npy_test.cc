// SPDX-License-Identifier: Apache-2.0
#include "formats/npy.h"

#include <gtest/gtest.h>

#include "formats/zip.h"
#include "support/byte_writer.h"
#include "support/expect_error.h"

namespace gptj::test {
namespace {

std::string npy(const std::string& header, const std::string& data, char version = 1) {
  ByteWriter file;
  file.text("\x93NUMPY").little(version).little(char{0});
  if (version == 1) {
    file.little(static_cast<uint16_t>(header.size()));
  } else {
    file.little(static_cast<uint32_t>(header.size()));
  }
  return file.text(header).text(data).bytes;
}

const std::string kHeader = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }    \n";

struct Member {
  std::string name, data;
  bool zip64 = false;  // in its own header, as numpy.savez writes it
  uint16_t method = 0, flags = 0;
};

// What the directory says, where it is to differ from what there is.
struct Lies {
  uint32_t size = 0, offset = 0, entries = 0, directory = 0;
};

std::string zip(const std::vector<Member>& members, bool zip64_end = false, const Lies& lies = {},
                const std::string& comment = "") {
  ByteWriter file, directory;
  for (const Member& m : members) {
    const auto begin = static_cast<uint32_t>(file.bytes.size());
    const auto size = static_cast<uint32_t>(m.data.size());
    const uint32_t written = m.zip64 ? 0xffffffff : size;
    const auto name = static_cast<uint16_t>(m.name.size());
    file.little(0x04034b50u).little(uint16_t{45}).little(m.flags).little(m.method);
    file.little(0u).little(0u).little(written).little(written).little(name);
    file.little(uint16_t(m.zip64 ? 20 : 0)).text(m.name);
    if (m.zip64)
      file.little(uint16_t{1}).little(uint16_t{16}).little(uint64_t{size}).little(uint64_t{size});
    file.text(m.data);
    const uint32_t said = size + lies.size;
    directory.little(0x02014b50u).little(0u).little(m.flags).little(m.method).little(0u).little(0u);
    directory.little(said).little(said).little(name).little(uint16_t{0}).little(uint16_t{0});
    directory.little(0u).little(0u).little(begin + lies.offset).text(m.name);
  }
  const auto begin = static_cast<uint32_t>(file.bytes.size()) + lies.directory;
  const auto size = static_cast<uint32_t>(directory.bytes.size());
  const auto n = static_cast<uint16_t>(members.size() + lies.entries);
  file.text(directory.bytes);
  const uint64_t record = file.bytes.size();
  if (zip64_end) {
    file.little(0x06064b50u).little(uint64_t{44}).little(uint16_t{45}).little(uint16_t{45});
    file.little(0u).little(0u).little(uint64_t{n}).little(uint64_t{n});
    file.little(uint64_t{size}).little(uint64_t{begin});
    file.little(0x07064b50u).little(0u).little(record).little(1u);
  }
  file.little(0x06054b50u).little(0u).little(zip64_end ? uint16_t{0xffff} : n);
  file.little(zip64_end ? uint16_t{0xffff} : n).little(zip64_end ? 0xffffffffu : size);
  file.little(zip64_end ? 0xffffffffu : begin).little(static_cast<uint16_t>(comment.size()));
  return file.text(comment).bytes;
}

TEST(ZipTest, StoredMembersOfAllKinds) {
  for (const bool zip64 : {false, true}) {
    for (const bool zip64_end : {false, true}) {
      for (const char* comment : {"", "a comment"}) {
        const std::string file =
            zip({{"a/b", "first", zip64}, {"c", "", zip64}}, zip64_end, {}, comment);
        const auto entries = read_zip(bytes_of(file), "ZIP");
        ASSERT_EQ(entries.size(), 2u);
        EXPECT_EQ(entries[0].name, "a/b");
        EXPECT_EQ(std::memcmp(entries[0].bytes.data(), "first", 5), 0);
        EXPECT_EQ(entries[0].bytes.size(), 5u);
        EXPECT_TRUE(entries[1].bytes.empty());
      }
    }
  }
  EXPECT_TRUE(read_zip(bytes_of(zip({})), "ZIP").empty());
}

TEST(ZipTest, TruncatedAnywhere) {
  for (const bool zip64 : {false, true}) {
    const std::string file = zip({{"a", "first", zip64}, {"b", "second", zip64}}, zip64);
    for (size_t n = 0; n < file.size(); ++n) {
      EXPECT_FALSE(finishes([&] { read_zip(bytes_of(file.substr(0, n)), "ZIP"); })) << n;
      EXPECT_FALSE(finishes([&] { read_zip(bytes_of(file.substr(n + 1)), "ZIP"); })) << n;
    }
  }
}

TEST(ZipTest, DamagedAnywhere) {
  for (const bool zip64 : {false, true}) {
    const std::string file = zip({{"a", "first", zip64}, {"b", "second", zip64}}, zip64);
    for (size_t at = 0; at < file.size(); ++at) {
      for (int flip = 1; flip < 256; flip *= 2) {
        std::string damaged = file;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        finishes([&] { read_zip(bytes_of(damaged), "ZIP"); });
      }
    }
  }
}

template <class... Words>
void zip_refuses(ErrorCode code, const std::string& file, const Words&... words) {
  expect_error(
      code, [&] { read_zip(bytes_of(file), "ZIP"); }, "ZIP", words...);
}

TEST(ZipTest, WhatIsNotTaken) {
  zip_refuses(ErrorCode::kUnsupported, zip({{"a", "x", false, 8}}), "\"a\"", "compressed");
  zip_refuses(ErrorCode::kUnsupported, zip({{"a", "x", false, 0, 1}}), "\"a\"", "encrypted");
  zip_refuses(ErrorCode::kBadFile, zip({{"a", "x"}, {"a", "y"}}), "\"a\": is there twice");
  zip_refuses(ErrorCode::kBadFile, zip({{"a", "x"}}, false, {.size = 1}), "\"a\"",
              "disagrees with the directory");
  zip_refuses(ErrorCode::kBadFile, zip({{"a", "x"}}, false, {.offset = 1}),
              "expected the local header");
  zip_refuses(ErrorCode::kBadFile, zip({{"a", "x"}}, false, {.offset = 99}), "\"a\"",
              "local header");
  zip_refuses(ErrorCode::kBadFile, zip({{"a", "x"}}, false, {.entries = 1}), "directory");
  zip_refuses(ErrorCode::kBadFile, zip({{"a", "x"}}, false, {.directory = 1}),
              "the directory ends at");
  zip_refuses(ErrorCode::kBadFile, zip({{"a", "x"}, {"b", "y"}}, false, {.entries = 0xffff}),
              "directory");
  zip_refuses(ErrorCode::kBadFile, "not a zip", "without its directory");
}

TensorView read(const std::string& file) { return read_npy(bytes_of(file), "NPY"); }

template <class... Words>
void refuses(ErrorCode code, const std::string& file, const Words&... words) {
  expect_error(
      code, [&] { read(file); }, "NPY", words...);
}

TEST(NpyTest, Arrays) {
  for (const char version : {1, 2, 3}) {
    const std::string file = npy(kHeader, "12345678", version);
    const TensorView array = read(file);
    EXPECT_EQ(array.type, DType::kF32);
    EXPECT_EQ(array.shape, (std::vector<uint64_t>{1, 2}));
    EXPECT_EQ(std::memcmp(array.bytes.data(), "12345678", 8), 0);
  }
  const std::string scalar = npy("{'shape':(),'descr':'|V2','fortran_order':False}", "ab");
  EXPECT_EQ(read(scalar).type, DType::kBF16);
  EXPECT_TRUE(read(scalar).shape.empty());
  const std::string vector =
      npy("{'descr': '<V2', 'fortran_order': False, 'shape': (3,), }\n", "abcdef");
  EXPECT_EQ(read(vector).shape, std::vector<uint64_t>{3});
}

TEST(NpyTest, Truncated) {
  const std::string file = npy(kHeader, "12345678");
  for (size_t n = 0; n < file.size(); ++n) {
    EXPECT_FALSE(finishes([&] { read(file.substr(0, n)); })) << n;
  }
  refuses(ErrorCode::kBadFile, file + "9", "1 bytes more");
  for (size_t at = 0; at < file.size(); ++at) {
    for (int flip = 1; flip < 256; flip *= 2) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      finishes([&] { read(damaged); });
    }
  }
}

TEST(NpyTest, WhatIsNotTaken) {
  const auto with = [](const std::string& header, ErrorCode code, const char* word) {
    refuses(code, npy(header, "12345678"), word);
  };
  refuses(ErrorCode::kBadFile, "PK..........", "another file");
  refuses(ErrorCode::kUnsupported, npy(kHeader, "12345678", 4), "found 4");
  with("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }", ErrorCode::kUnsupported,
       "column-major");
  with("{'descr': '>f4', 'fortran_order': False, 'shape': (1, 2), }", ErrorCode::kUnsupported,
       "\">f4\"");
  with("{'descr': '|O', 'fortran_order': False, 'shape': (1, 2), }", ErrorCode::kUnsupported,
       "\"|O\"");
  with("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", ErrorCode::kBadFile,
       "expected");
  with("{'descr': '<f4', 'fortran_order': False, }", ErrorCode::kBadFile, "expected descr");
  with("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
       ErrorCode::kBadFile, "unexpected key \"descr\"");
  with("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", ErrorCode::kBadFile, "shape");
  with("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
       ErrorCode::kBadFile, "64 bits");
  with("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
       ErrorCode::kBadFile, "exceeds");
  with("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x", ErrorCode::kBadFile,
       "after the header");
  with("{'descr': '<f4", ErrorCode::kBadFile, "string");
  std::string many = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  for (int i = 0; i < 33; ++i) many += "1,";
  with(many + "), }", ErrorCode::kBadFile, "32 dimensions");
}

TEST(NpzTest, ArraysByNumber) {
  const std::string a = npy(kHeader, "aaaaaaaa"), b = npy(kHeader, "bbbbbbbb");
  const std::string file = zip({{"arr_1.npy", b}, {"arr_0.npy", a}});
  const auto arrays = read_npz(bytes_of(file), "NPZ");
  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(static_cast<char>(arrays[0].bytes[0]), 'a');
  const auto refused = [&](const std::vector<Member>& members, const char* word) {
    const std::string wrong = zip(members);
    expect_error(
        ErrorCode::kBadFile, [&] { read_npz(bytes_of(wrong), "NPZ"); }, "NPZ", word);
  };
  refused({{"arr_1.npy", a}}, "arr_1.npy");
  refused({{"arr_.npy", a}}, "arr_.npy");
  refused({{"arr_0.npy", a}, {"arr_00.npy", a}}, "arr_00.npy");
  refused({{"../arr_0.npy", a}}, "../arr_0.npy");
  refused({{"arr_18446744073709551616.npy", a}}, "arr_184");
  refused({{"arr_0.npy", "x"}}, "arr_0.npy");
}

}  // namespace
}  // namespace gptj::test
