// SPDX-License-Identifier: Apache-2.0
#include "base/file_kind.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace gptj {
namespace {

using std::string_view_literals::operator""sv;

struct Kind {
  std::string_view start;  // lower case
  const char* description;
};
constexpr const char* kHtml =
    "an HTML page; the download saved a web page (of a login or an error?) in place of the file";
constexpr const char* kPickle = "a Python pickle, as old PyTorch checkpoints are";
constexpr Kind kKinds[] = {
    {"<!doctype"sv, kHtml},
    {"<html"sv, kHtml},
    {"pk\x03\x04"sv, "a zip archive, as PyTorch checkpoints (.bin, .pt) are"},
    {"\x80\x02"sv, kPickle},
    {"\x80\x03"sv, kPickle},
    {"\x80\x04"sv, kPickle},
    {"\x80\x05"sv, kPickle},
    {"lmgg"sv, "a legacy ggml file"},
    {"tjgg"sv, "a legacy ggml (GGJT) file"},
    {"\x89hdf"sv,
     "an HDF5 file, as TensorFlow checkpoints (tf_model.h5) are; use pytorch_model.bin"},
    {"\x1f\x8b"sv, "a gzip archive; unpack it first"},
    {"7z\xbc\xaf"sv, "a 7-Zip archive; unpack it first"},
    {"\x93numpy"sv, "a NumPy file"},
    {"{"sv, "JSON text"},
};

// Whatever the host's locale is.
char lower(std::byte b) {
  const char letter = static_cast<char>(b);
  return 'A' <= letter && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool starts_with(std::span<const std::byte> bytes, std::string_view start) {
  return bytes.size() >= start.size() &&
         std::equal(start.begin(), start.end(), bytes.begin(),
                    [](char expected, std::byte found) { return expected == lower(found); });
}

// Returns " of llama" for a GGUF file of llama, or "" if the file does not say. A GGUF file begins
// with magic, version and two counts (24 bytes). Then come key and value of its first field, which
// was general.architecture in every file seen.
std::string architecture(std::span<const std::byte> bytes) {
  constexpr size_t kFields = 24, kLongest = 32;
  constexpr auto kKey = "\x14\0\0\0\0\0\0\0general.architecture\x08\0\0\0"sv;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  uint64_t size = 0;
  constexpr size_t kName = kFields + kKey.size() + sizeof size;
  if (text.size() < kName || text.substr(kFields, kKey.size()) != kKey) return {};
  std::memcpy(&size, bytes.data() + kName - sizeof size, sizeof size);
  const std::string_view name = text.substr(kName, std::min<uint64_t>(size, kLongest));
  const bool is_word = std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  });
  return is_word ? " of " + std::string(name) : std::string();
}

}  // namespace

std::string recognise_file(std::span<const std::byte> bytes) {
  constexpr size_t kTarMagic = 257;
  if (starts_with(bytes, "version https://git-lfs"sv)) {
    return "a Git LFS pointer: " + std::to_string(bytes.size()) +
           " bytes of text in place of the file; download the file itself (`git lfs pull`)";
  }
  if (starts_with(bytes, "gguf"sv)) {
    return "a GGUF file" + architecture(bytes) +
           "; open the Hugging Face checkpoint that it was made from";
  }
  if (bytes.size() > kTarMagic && starts_with(bytes.subspan(kTarMagic), "ustar"sv)) {
    return "a tar archive, as the first versions of PyTorch wrote; unpack it, or save it again";
  }
  for (const Kind& kind : kKinds) {
    if (starts_with(bytes, kind.start)) return kind.description;
  }
  return {};
}

bool is_safetensors(std::span<const std::byte> bytes) {
  uint64_t length = 0;
  if (bytes.size() <= sizeof length) return false;
  std::memcpy(&length, bytes.data(), sizeof length);
  return bytes[sizeof length] == std::byte{'{'} && length <= bytes.size() - sizeof length;
}

}  // namespace gptj
