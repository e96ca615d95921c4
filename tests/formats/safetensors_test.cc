// SPDX-License-Identifier: Apache-2.0
#include "formats/safetensors.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/check.h"
#include "support/expect_error.h"
#include "support/safetensors_writer.h"
#include "support/temp_folder.h"

namespace gptj::test {
namespace {

const std::string kTwo = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                         R"("b":{"dtype":"F16","shape":[1,3],"data_offsets":[8,14]}})";

class Safetensors : public ::testing::Test {
 protected:
  SafetensorsFile open(const std::string& content) {
    return SafetensorsFile(folder_.write("m.safetensors", content));
  }
  template <class... Words>
  void refuses(const std::string& content, const Words&... words) {
    expect_error(
        ErrorCode::kBadFile, [&] { open(content); }, "m.safetensors", words...);
  }
  // A file of one tensor "a" whose header entry is `entry`, with `data` bytes of data.
  static std::string one(const std::string& entry, size_t data) {
    return safetensors_file(R"({"a":)" + entry + "}", std::string(data, 'x'));
  }

  TempFolder folder_;
};

TEST_F(Safetensors, GivesNamesTypesShapesBytesAndMetadata) {
  const auto a = counting_tensor("a", DType::kBF16, {3, 5});
  const auto b = counting_tensor("b", DType::kBool, {1});
  const auto c = counting_tensor("c", DType::kF64, {});
  const auto d = counting_tensor("d", DType::kI64, {0, 7});
  const SafetensorsFile file = open(safetensors_file(std::vector{b, a, d, c}));
  EXPECT_EQ(file.metadata().at("format"), "pt");
  ASSERT_EQ(file.tensors().size(), 4u);
  size_t i = 0;
  for (const TestTensor& expected : {b, a, d, c}) {  // in the order of their bytes
    const TensorView& found = file.tensors()[i++];
    EXPECT_EQ(found.name, expected.name);
    EXPECT_EQ(found.type, expected.type);
    EXPECT_EQ(found.shape, expected.shape);
    ASSERT_EQ(found.bytes.size(), expected.bytes.size());
    EXPECT_TRUE(std::equal(found.bytes.begin(), found.bytes.end(),
                           std::as_bytes(std::span(expected.bytes)).begin()));
    EXPECT_TRUE(file.mapping()->owns(found.bytes));
    file.drop(found);
  }
  EXPECT_FALSE(file.mapping()->owns(std::as_bytes(std::span(a.bytes))));
}

TEST_F(Safetensors, TakesEveryTypeAndNoTensorsAtAll) {
  for (int i = 0; i <= static_cast<int>(DType::kF64); ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_EQ(open(safetensors_file({counting_tensor("t", type, {2, 3})})).tensors()[0].type, type);
  }
  EXPECT_TRUE(open(safetensors_file("{}", "")).tensors().empty());
  EXPECT_EQ(open(safetensors_file(kTwo + "   ", std::string(14, 'x'))).tensors().size(), 2u);
}

TEST_F(Safetensors, ViewsSurviveAMove) {
  SafetensorsFile first = open(safetensors_file(kTwo, std::string(14, 'x')));
  const TensorView& view = first.tensors()[1];
  const SafetensorsFile second = std::move(first);
  EXPECT_EQ(view.bytes[5], std::byte{'x'});
  EXPECT_TRUE(second.mapping()->owns(view.bytes));
}

TEST_F(Safetensors, NamesWhatIsNotSafetensors) {
  refuses("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "git lfs pull");
  refuses("<!DOCTYPE html><html></html>", "HTML page");
  refuses("<html><body>Access denied", "HTML page");
  refuses(std::string("PK\x03\x04", 4) + std::string(40, '\0'), "zip archive");
  refuses("\x80\x02}q\x01(X\x05\x01\x02\x03", "pickle");
  refuses("GGUF\x03\x01\x01\x01\x01\x01\x01\x01", "GGUF file");
  refuses("lmgg\x03\x01\x01\x01\x01\x01\x01\x01", "legacy ggml");
  refuses("{\"weight_map\": {}}", "JSON text");
  expect_error(
      ErrorCode::kNotFound, [&] { SafetensorsFile(folder_.path("none")); }, "none");
  expect_error(
      ErrorCode::kBadFile, [&] { SafetensorsFile(folder_.path()); }, "folder");
}

TEST_F(Safetensors, RefusesBadHeaderLengths) {
  refuses("", "only 0 bytes");
  refuses("1234567", "only 7 bytes");
  refuses(std::string(8, '\0'), "does not begin with '{'");
  refuses(safetensors_file("", "", 100'000'001), "at most 100000000", "100000001");
  refuses(safetensors_file("{}", "", std::numeric_limits<uint64_t>::max()), "18446744073709551615");
  refuses(safetensors_file("{}", "", std::numeric_limits<uint64_t>::max() - 7),
          "header of at most");
  refuses(safetensors_file("{}", "", 3), "takes 3 bytes, but only 2 follow", "download");
  refuses(safetensors_file("{}", "", 0), "does not begin with '{'");
  refuses(safetensors_file("{}", "", 1), "not valid JSON");
  refuses(safetensors_file(" {}", ""), "does not begin with '{'");
}

TEST_F(Safetensors, RefusesBadHeaders) {
  refuses(safetensors_file("{\"a\":", ""), "not valid JSON");
  refuses(safetensors_file(std::string("{}\0\0", 4), ""), "byte 2 is zero");
  refuses(safetensors_file("{\"a\":" + std::string(5000, '[') + "}", ""), "nested deeper");
  refuses(safetensors_file("{\"a\xff\":1}", ""), "not valid JSON");
  refuses(safetensors_file("{\"a\":1e999}", ""), "number overflow");
  refuses(safetensors_file(R"({"__metadata__":[]})", ""), "__metadata__", "object of strings");
  refuses(safetensors_file(R"({"__metadata__":{"n":1}})", ""), "__metadata__", "{\"n\":1}");
}

TEST_F(Safetensors, RefusesDuplicates) {
  const std::string a = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  refuses(safetensors_file("{" + a + "," + a + "}", "x"), R"(the key "a" is given twice)");
  refuses(one(R"({"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]})", 1), "\"dtype\"");
  refuses(safetensors_file(R"({"__metadata__":{"x":"1","x":"2"}})", ""), "\"x\" is given twice");
}

TEST_F(Safetensors, RefusesBadEntries) {
  refuses(one("[]", 0), R"(tensor "a": expected an object, found [])");
  refuses(one(R"({"shape":[1],"data_offsets":[0,1]})", 1), "dtype is missing");
  refuses(one(R"({"dtype":"U8","data_offsets":[0,1]})", 1), "shape is missing");
  refuses(one(R"({"dtype":"U8","shape":[1]})", 1), "data_offsets is missing");
  refuses(one(R"({"dtype":8,"shape":[1],"data_offsets":[0,1]})", 1), "dtype: expected a string");
  for (const char* type : {"F8_E4M3", "f32", "", "F4"}) {
    const std::string entry =
        concat(R"({"dtype":")", type, R"(","shape":[1],"data_offsets":[0,1]})");
    expect_error(
        ErrorCode::kUnsupported, [&] { open(one(entry, 1)); }, type, "not supported");
  }
  for (const char* shape : {"[-1]", "[1.0]", "[1e0]", "1", "null", "{}", "[[1]]", "[true]",
                            "[\"1\"]", "[18446744073709551616]", "[-0]"}) {
    refuses(one(concat(R"({"dtype":"U8","shape":)", shape, R"(,"data_offsets":[0,1]})"), 1),
            "shape: expected a list of whole numbers");
  }
  for (const char* offsets : {"[-1,1]", "[0,1.5]", "0", "[0,\"1\"]", "[0,18446744073709551616]"}) {
    refuses(one(concat(R"({"dtype":"U8","shape":[1],"data_offsets":)", offsets, "}"), 1),
            "data_offsets: expected a list of whole numbers");
  }
  for (const char* offsets : {"[]", "[0]", "[0,1,2]", "[1,0]"}) {
    refuses(one(concat(R"({"dtype":"U8","shape":[1],"data_offsets":)", offsets, "}"), 1),
            "expected begin and end");
  }
}

TEST_F(Safetensors, RefusesSizesThatDoNotAgree) {
  refuses(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,7]})", 7), "F32 [2] takes 8 bytes",
          "[0, 7] span 7");
  refuses(one(R"({"dtype":"U8","shape":[],"data_offsets":[0,0]})", 0), "U8 [] takes 1 bytes");
  refuses(one(R"({"dtype":"U8","shape":[9],"data_offsets":[0,9]})", 8), "ends at byte 9", "has 8",
          "download");
  refuses(
      one(R"({"dtype":"U8","shape":[1],"data_offsets":[18446744073709551614,18446744073709551615]})",
          1),
      "ends at byte 18446744073709551615");
  refuses(one(R"({"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]})", 0),
          "exceeds 64 bits");
  refuses(one(R"({"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]})", 0),
          "exceeds 64 bits");
  refuses(one(R"({"dtype":"U8","shape":[0,4294967296,4294967296,2],"data_offsets":[0,1]})", 1),
          "takes 0 bytes");
}

TEST_F(Safetensors, RefusesGapsOverlapsAndLeftovers) {
  const auto two = [](int a_begin, int b_begin) {
    return concat(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[)", a_begin, ",", a_begin + 4,
                  R"(]},"b":{"dtype":"U8","shape":[4],"data_offsets":[)", b_begin, ",", b_begin + 4,
                  "]}}");
  };
  EXPECT_EQ(open(safetensors_file(two(4, 0), std::string(8, 'x'))).tensors()[0].name, "b");
  refuses(safetensors_file(two(0, 5), std::string(9, 'x')), "\"b\" leaves a gap", "4", "5");
  refuses(safetensors_file(two(1, 5), std::string(9, 'x')), "\"a\" leaves a gap");
  refuses(safetensors_file(two(0, 3), std::string(8, 'x')), "\"b\" overlaps");
  refuses(safetensors_file(two(0, 0), std::string(8, 'x')), "\"b\" overlaps");
  refuses(safetensors_file(two(0, 4), std::string(9, 'x')), "end at byte 8 of the data",
          "file at 9");
  refuses(safetensors_file("{}", "x"), "end at byte 0 of the data");
}

TEST_F(Safetensors, NamesInMessagesAreMadeHarmless) {
  refuses(safetensors_file("{\"\\u001b[31m" + std::string(500, 'n') + "\":1}", ""), "\\u001b[31m",
          "n...");
}

TEST_F(Safetensors, EveryTruncationIsRefused) {
  const std::string whole = safetensors_file(kTwo, std::string(14, 'x'));
  for (size_t size = 0; size < whole.size(); ++size) refuses(whole.substr(0, size));
}

TEST_F(Safetensors, EveryFlippedHeaderByteIsRefusedOrReadsWithinTheFile) {
  const std::string whole = safetensors_file(kTwo, std::string(14, 'x'));
  for (size_t at = 0; at < whole.size() - 14; ++at) {
    for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      finishes([&] {
        const SafetensorsFile file = open(damaged);
        size_t bytes = 0;
        for (const TensorView& tensor : file.tensors()) {
          EXPECT_TRUE(file.mapping()->owns(tensor.bytes));
          bytes += tensor.bytes.size();
        }
        EXPECT_EQ(bytes, 14u);
      });
    }
  }
}

}  // namespace
}  // namespace gptj::test
