// SPDX-License-Identifier: Apache-2.0
#include "base/file_kind.h"

#include <gtest/gtest.h>

#include "support/pytorch_writer.h"

namespace gptj::test {
namespace {

std::string kind(const std::string& content) {
  return recognise_file(std::as_bytes(std::span(content)));
}
std::string gguf(const std::string& key, const std::string& value) {
  return "GGUF" + le<uint32_t>(3) + std::string(16, '\0') + le<uint64_t>(key.size()) + key +
         le<uint32_t>(8) + le<uint64_t>(value.size()) + value;
}

TEST(FileKind, SaysWhatAFileIsAndWhatToDo) {
  const auto expect = [](const std::string& content, const char* words) {
    EXPECT_NE(kind(content).find(words), std::string::npos) << kind(content);
  };
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, '0') +
      "\nsize 24207819307\n";
  EXPECT_EQ(kind(pointer),
            "a Git LFS pointer: " + std::to_string(pointer.size()) +
                " bytes of text in place of the file; download the file itself (`git lfs pull`)");
  expect("<!DOCTYPE html>", "HTML page");
  expect("\x89HDF\r\n\x1a\n", "use pytorch_model.bin");
  expect("\x93NUMPY", "NumPy file");
  expect("\x1f\x8b\x08", "gzip");
  expect("7z\xbc\xaf\x27\x1c", "7-Zip");
  expect("lmgg", "legacy ggml");
  expect("tjgg", "GGJT");
  expect(std::string(257, '\0') + "ustar", "tar archive");
  expect("PK\x03\x04", "zip archive");
  EXPECT_EQ(kind("anything else"), "");
  EXPECT_EQ(kind(""), "");
}

TEST(FileKind, GgufHasAnArchitecture) {
  const std::string key = "general.architecture";
  const std::string instead = "; open the Hugging Face checkpoint that it was made from";
  EXPECT_EQ(kind(gguf(key, "llama")), "a GGUF file of llama" + instead);
  EXPECT_EQ(kind(gguf(key, "gptj")), "a GGUF file of gptj" + instead);
  EXPECT_EQ(kind(gguf("general.name", "llama")), "a GGUF file" + instead);
  EXPECT_EQ(kind(gguf(key, "\x1b[31m")), "a GGUF file" + instead);
  EXPECT_EQ(kind(gguf(key, std::string(500, 'x'))),
            "a GGUF file of " + std::string(32, 'x') + instead);
  const std::string whole = gguf(key, "llama");
  for (size_t size = 4; size < whole.size(); ++size) {
    EXPECT_EQ(kind(whole.substr(0, size)).substr(0, 11), "a GGUF file");
  }
}

}  // namespace
}  // namespace gptj::test
