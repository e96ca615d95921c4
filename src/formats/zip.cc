// SPDX-License-Identifier: Apache-2.0
#include "formats/zip.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <string_view>

#include "base/byte_reader.h"
#include "base/checked_math.h"
#include "base/json.h"

namespace gptj {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

using Bytes = std::span<const std::byte>;
using std::string_view_literals::operator""sv;

constexpr auto kLocalHeader = "PK\x03\x04"sv;
constexpr auto kCentralHeader = "PK\x01\x02"sv;
constexpr auto kEnd = "PK\x05\x06"sv;
constexpr auto kEnd64 = "PK\x06\x06"sv;
constexpr auto kEnd64Locator = "PK\x06\x07"sv;
constexpr uint64_t kEndBytes = 22, kEnd64Bytes = 56, kLocatorBytes = 20;
constexpr uint64_t kCentralBytes = 46;  // without name, extra fields and comment
constexpr uint64_t kMaxComment = 65535;
constexpr uint64_t kMaxName = 1024;
constexpr uint16_t kZip64Field = 1;
constexpr uint32_t kIn64 = 0xffffffff;  // stands for a number that the zip64 field or record has
constexpr uint16_t kEncrypted = 1, kSizesFollow = 8;

struct Directory {
  uint64_t begin = 0, end = 0;  // in the file
  uint64_t entries = 0;
};

// The fields that the local and the central header of an entry share.
struct Header {
  uint16_t flags = 0, method = 0;
  uint64_t stored_size = 0, size = 0;
  uint64_t local_header = 0;  // its offset; 0 in a local header
  std::string name;
};

bool has_signature(Bytes file, uint64_t at, std::string_view signature) {
  return at <= file.size() && file.size() - at >= signature.size() &&
         std::memcmp(file.data() + at, signature.data(), signature.size()) == 0;
}

void expect_signature(ByteReader& reader, std::string_view signature, const char* what) {
  check(reader.text(signature.size(), what) == signature, ErrorCode::kBadFile, reader.where(),
        ": expected the ", what, " at ", reader.position() - signature.size(),
        ", found other bytes");
}

// Returns a reader of the bytes from an offset on. The offset comes from the file, so it is
// checked.
ByteReader reader_at(Bytes file, uint64_t at, const std::string& where) {
  check(at <= file.size(), ErrorCode::kBadFile, where, ": points at byte ", at, ", but has only ",
        file.size());
  return {file.subspan(at), where};
}

// Returns the offset of the end record: the last one whose comment ends exactly with the file.
uint64_t find_end(Bytes file, const std::string& where) {
  const uint64_t last = file.size() < kEndBytes ? 0 : file.size() - kEndBytes;
  const uint64_t first = last - std::min(last, kMaxComment);
  for (uint64_t at = last;; --at) {
    if (has_signature(file, at, kEnd) && file.size() - at >= kEndBytes) {
      uint16_t comment = 0;
      std::memcpy(&comment, file.data() + at + kEndBytes - sizeof comment, sizeof comment);
      if (comment == file.size() - at - kEndBytes) return at;
    }
    if (at == first) break;
  }
  fail(ErrorCode::kBadFile,
       concat(where,
              ": a zip archive without its directory, which is at the end; is the download "
              "complete?"));
}

Directory read_end64(Bytes file, uint64_t end, const std::string& where) {
  check(end >= kLocatorBytes, ErrorCode::kBadFile, where, ": no zip64 locator before byte ", end);
  ByteReader locator = reader_at(file, end - kLocatorBytes, where);
  expect_signature(locator, kEnd64Locator, "zip64 locator");
  locator.take(4, "disk");
  const auto at = locator.little_endian<uint64_t>("offset of the zip64 end record");
  check(at <= end - kLocatorBytes && end - kLocatorBytes - at >= kEnd64Bytes, ErrorCode::kBadFile,
        where, ": the zip64 end record at ", at, " does not lie before its locator at ",
        end - kLocatorBytes);
  ByteReader record = reader_at(file, at, where);
  expect_signature(record, kEnd64, "zip64 end record");
  record.take(28, "zip64 end record");
  Directory directory;
  directory.entries = record.little_endian<uint64_t>("number of entries");
  const auto size = record.little_endian<uint64_t>("size of the directory");
  directory.begin = record.little_endian<uint64_t>("offset of the directory");
  directory.end = checked_add(directory.begin, size, where);
  check(directory.end == at, ErrorCode::kBadFile, where, ": the directory ends at ", directory.end,
        ", its zip64 end record is at ", at);
  return directory;
}

Directory find_directory(Bytes file, const std::string& where) {
  const uint64_t end = find_end(file, where);
  ByteReader record = reader_at(file, end, where);
  record.take(10, "end record");
  const auto entries = record.little_endian<uint16_t>("number of entries");
  const auto size = record.little_endian<uint32_t>("size of the directory");
  const auto begin = record.little_endian<uint32_t>("offset of the directory");
  if (entries == 0xffff || size == kIn64 || begin == kIn64) return read_end64(file, end, where);
  Directory directory{begin, uint64_t{begin} + size, entries};
  // PyTorch writes the zip64 records even if they are not needed.
  const bool also64 =
      end >= kLocatorBytes && has_signature(file, end - kLocatorBytes, kEnd64Locator);
  if (also64) return read_end64(file, end, where);
  check(directory.end == end, ErrorCode::kBadFile, where, ": the directory ends at ", directory.end,
        ", the end record is at ", end);
  return directory;
}

// Replaces the `saturated` numbers by those of the zip64 field, which has them in the same order.
void apply_zip64(Bytes extra, std::span<uint64_t* const> saturated, const std::string& where) {
  if (saturated.empty()) return;
  ByteReader fields(extra, where);
  while (!fields.at_end()) {
    const auto id = fields.little_endian<uint16_t>("extra field");
    const auto size = fields.little_endian<uint16_t>("extra field");
    ByteReader field(fields.take(size, "extra field"), where);
    if (id != kZip64Field) continue;
    for (uint64_t* number : saturated) *number = field.little_endian<uint64_t>("zip64 field");
    return;
  }
  fail(ErrorCode::kBadFile, concat(where, ": a zip64 entry without its zip64 field"));
}

Header read_header(ByteReader& reader, bool central) {
  Header header;
  reader.take(central ? 4 : 2, "versions");
  header.flags = reader.little_endian<uint16_t>("flags");
  header.method = reader.little_endian<uint16_t>("method");
  reader.take(8, "time and checksum");
  header.stored_size = reader.little_endian<uint32_t>("size");
  header.size = reader.little_endian<uint32_t>("size");
  const auto name = reader.little_endian<uint16_t>("length of the name");
  const auto extra = reader.little_endian<uint16_t>("length of the extra fields");
  uint16_t comment = 0;
  if (central) {
    comment = reader.little_endian<uint16_t>("length of the comment");
    reader.take(8, "attributes");
    header.local_header = reader.little_endian<uint32_t>("offset of the local header");
  }
  header.name = reader.text(name, "name");
  std::vector<uint64_t*> saturated;
  for (uint64_t* number : {&header.size, &header.stored_size, &header.local_header}) {
    if (*number == kIn64) saturated.push_back(number);
  }
  apply_zip64(reader.take(extra, "extra fields"), saturated, reader.where());
  reader.take(comment, "comment");
  return header;
}

Header read_central_header(ByteReader& directory) {
  expect_signature(directory, kCentralHeader, "header of an entry");
  Header header = read_header(directory, /*central=*/true);
  check(!header.name.empty() && header.name.size() <= kMaxName &&
            header.name.find('\0') == std::string::npos,
        ErrorCode::kBadFile, directory.where(), ": expected names of 1 to ", kMaxName,
        " characters, found ", lazy_excerpt(header.name));
  const std::string where = concat(directory.where(), ": entry ", json_excerpt(header.name));
  check((header.flags & kEncrypted) == 0, ErrorCode::kUnsupported, where, ": is encrypted");
  check(header.method == 0, ErrorCode::kUnsupported, where, ": is compressed (zip method ",
        header.method,
        "); PyTorch and numpy.savez store entries as they are, and only then can "
        "they be mapped: unpack the archive, and save the model again");
  check(header.stored_size == header.size, ErrorCode::kBadFile, where, ": is stored in ",
        header.stored_size, " bytes, but has ", header.size);
  return header;
}

// Returns the offset of the entry's bytes, which follow its local header. Proves that the local
// header agrees with the central one.
uint64_t prove_local_header(Bytes file, const Header& central, const std::string& where) {
  ByteReader reader = reader_at(file, central.local_header, where);
  expect_signature(reader, kLocalHeader, "local header");
  const Header local = read_header(reader, /*central=*/false);
  const bool sizes_follow = (local.flags & kSizesFollow) != 0 && local.stored_size == 0;
  check(local.name == central.name && local.method == central.method &&
            (local.flags & kEncrypted) == 0 &&
            (sizes_follow ||
             (local.size == central.size && local.stored_size == central.stored_size)),
        ErrorCode::kBadFile, where, ": the local header at ", central.local_header,
        " disagrees with the directory");
  return central.local_header + reader.position();
}

void check_overlaps(const std::vector<ZipEntry>& entries,
                    std::vector<std::pair<uint64_t, uint64_t>> ranges, const std::string& where) {
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) {
    check(ranges[i - 1].second <= ranges[i].first, ErrorCode::kBadFile, where, ": two of the ",
          entries.size(), " entries overlap at byte ", ranges[i].first);
  }
}

}  // namespace

bool is_zip(std::span<const std::byte> file) { return has_signature(file, 0, kLocalHeader); }

std::vector<ZipEntry> read_zip(std::span<const std::byte> file, const std::string& where) {
  const Directory directory = find_directory(file, where);
  const uint64_t most = (directory.end - directory.begin) / kCentralBytes;
  check(directory.end <= file.size() && directory.entries <= most, ErrorCode::kBadFile, where,
        ": the directory has room for ", most, " entries, not for ", directory.entries);
  ByteReader reader(file.subspan(directory.begin, directory.end - directory.begin), where);
  std::vector<ZipEntry> entries;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;  // begin and end, local headers included
  std::set<std::string> names;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    const Header header = read_central_header(reader);
    const std::string entry = concat(where, ": entry ", json_excerpt(header.name));
    const uint64_t begin = prove_local_header(file, header, entry);
    check(begin <= directory.begin && header.size <= directory.begin - begin, ErrorCode::kBadFile,
          entry, ": its ", header.size, " bytes from ", begin, " on exceed the file");
    check(names.insert(header.name).second, ErrorCode::kBadFile, entry, ": is there twice");
    ranges.emplace_back(header.local_header, begin + header.size);
    entries.push_back({header.name, file.subspan(begin, header.size)});
  }
  check(reader.at_end(), ErrorCode::kBadFile, where, ": the directory has ", reader.remaining(),
        " bytes after its last entry");
  check_overlaps(entries, std::move(ranges), where);
  return entries;
}

}  // namespace gptj
