// SPDX-License-Identifier: Apache-2.0
#include "formats/file_kind.h"

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
    {"version https://git-lfs"sv,
     "a Git LFS pointer in place of the file; fetch the file itself with `git lfs pull`"},
    {"<!doctype"sv, kHtml},
    {"<html"sv, kHtml},
    {"pk\x03\x04"sv, "a zip archive, as PyTorch checkpoints (.bin, .pt) are"},
    {"\x80\x02"sv, kPickle},
    {"\x80\x03"sv, kPickle},
    {"\x80\x04"sv, kPickle},
    {"\x80\x05"sv, kPickle},
    {"gguf"sv, "a GGUF file"},
    {"lmgg"sv, "a legacy ggml file"},
    {"tjgg"sv, "a legacy ggml (GGJT) file"},
    {"\x89hdf"sv, "an HDF5 file, as TensorFlow checkpoints (.h5) are"},
    {"\x93numpy"sv, "a NumPy file"},
    {"{"sv, "JSON text"},
};

char lower(std::byte b) { return static_cast<char>(std::tolower(std::to_integer<int>(b))); }

bool starts_with(std::span<const std::byte> bytes, std::string_view start) {
  return bytes.size() >= start.size() &&
         std::equal(start.begin(), start.end(), bytes.begin(),
                    [](char expected, std::byte found) { return expected == lower(found); });
}

}  // namespace

const char* recognise_file(std::span<const std::byte> bytes) {
  for (const Kind& kind : kKinds) {
    if (starts_with(bytes, kind.start)) return kind.description;
  }
  return nullptr;
}

bool is_safetensors(std::span<const std::byte> bytes) {
  uint64_t length = 0;
  if (bytes.size() <= sizeof length) return false;
  std::memcpy(&length, bytes.data(), sizeof length);
  return bytes[sizeof length] == std::byte{'{'} && length <= bytes.size() - sizeof length;
}

}  // namespace gptj
