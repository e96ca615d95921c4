// SPDX-License-Identifier: Apache-2.0
#include "formats/zip.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <tuple>
#include <utility>

#include "base/byte_reader.h"
#include "base/checked_math.h"
#include "formats/json_text.h"

namespace gptj {
namespace {

using Bytes = std::span<const std::byte>;

constexpr uint32_t kLocalHeader = 0x04034b50, kCentralHeader = 0x02014b50, kEnd = 0x06054b50,
                   kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr uint64_t kEndBytes = 22, kEnd64LocatorBytes = 20, kMaxComment = 65535;
constexpr uint64_t kMaxEntries = 1 << 20;
constexpr uint16_t kZip64Field = 1;
constexpr uint32_t kIn64 = 0xffffffff;   // the value stands in the zip64 field
constexpr uint16_t kIn64Count = 0xffff;  // likewise
constexpr uint16_t kEncrypted = 1 << 0, kSizesFollow = 1 << 3;  // flags

struct Directory {
  uint64_t begin = 0, bytes = 0, entries = 0;
};

// What the directory says of a member, or its own header.
struct Member {
  std::string name;
  uint16_t flags = 0, method = 0;
  uint64_t compressed = 0, size = 0, header = 0;
};

class Archive {
 public:
  Archive(Bytes file, const std::string& where) : file_(file), where_(where) {}

  std::vector<ZipEntry> read() {
    const Directory directory = find_directory();
    ByteReader reader(file_.subspan(directory.begin, directory.bytes), where_ + ": directory");
    std::vector<ZipEntry> entries;
    std::set<std::string> names;
    for (uint64_t i = 0; i < directory.entries; ++i) {
      const Member member = read_central(reader);
      check(names.insert(member.name).second, ErrorCode::kBadFile, where_, ": member ",
            json_excerpt(member.name), " is there twice");
      entries.push_back({member.name, data_of(member, directory.begin)});
    }
    check(reader.at_end(), ErrorCode::kBadFile, where_, ": the directory has ", reader.remaining(),
          " bytes more than its ", directory.entries, " entries");
    check_disjoint();
    return entries;
  }

 private:
  ByteReader reader_at(uint64_t begin, const char* what) const {
    check(begin <= file_.size(), ErrorCode::kBadFile, where_, ": ", what, ": expected at byte ",
          begin, " of a file of ", file_.size(), "; is the download complete?");
    return ByteReader(file_.subspan(begin), concat(where_, ": ", what));
  }

  void expect_signature(ByteReader& reader, uint32_t expected) const {
    const auto found = reader.little_endian<uint32_t>("signature");
    check(found == expected, ErrorCode::kBadFile, reader.where(), ": expected signature ", expected,
          ", found ", found);
  }

  // The end record is last, but for a comment whose length it says.
  uint64_t find_end() const {
    for (uint64_t comment = 0; comment <= kMaxComment; ++comment) {
      if (file_.size() < kEndBytes + comment) break;
      const uint64_t at = file_.size() - kEndBytes - comment;
      ByteReader reader(file_.subspan(at), where_);
      if (reader.little_endian<uint32_t>("end") != kEnd) continue;
      reader.take(kEndBytes - 6, "end");
      if (reader.little_endian<uint16_t>("end") == comment) return at;
    }
    fail(ErrorCode::kBadFile,
         where_ + ": no end of a zip archive was found; is the download complete?");
  }

  Directory find_directory() const {
    const uint64_t end = find_end();
    ByteReader reader = reader_at(end, "end record");
    expect_signature(reader, kEnd);
    const auto disk = reader.little_endian<uint16_t>("disk");
    const auto directory_disk = reader.little_endian<uint16_t>("disk");
    const auto here = reader.little_endian<uint16_t>("entries");
    Directory directory;
    directory.entries = reader.little_endian<uint16_t>("entries");
    directory.bytes = reader.little_endian<uint32_t>("size");
    directory.begin = reader.little_endian<uint32_t>("offset");
    check(disk == directory_disk && here == directory.entries, ErrorCode::kUnsupported, where_,
          ": expected an archive in one file, found a part of one");
    const bool in_64 =
        directory.entries == kIn64Count || directory.bytes == kIn64 || directory.begin == kIn64;
    uint64_t limit = end;
    if (in_64) std::tie(directory, limit) = find_directory64(end);
    const uint64_t directory_end = checked_add(directory.begin, directory.bytes, where_);
    check(directory_end <= limit && directory.entries <= kMaxEntries, ErrorCode::kBadFile, where_,
          ": a directory of ", directory.entries, " entries in ", directory.bytes, " bytes at ",
          directory.begin, " does not fit in the file");
    return directory;
  }

  // And where its record begins, which the directory precedes.
  std::pair<Directory, uint64_t> find_directory64(uint64_t end) const {
    check(end >= kEnd64LocatorBytes, ErrorCode::kBadFile, where_,
          ": the zip64 end record is missing");
    ByteReader locator = reader_at(end - kEnd64LocatorBytes, "zip64 locator");
    expect_signature(locator, kEnd64Locator);
    locator.take(4, "disk");
    const auto begin = locator.little_endian<uint64_t>("offset");
    ByteReader reader = reader_at(begin, "zip64 end record");
    expect_signature(reader, kEnd64);
    reader.take(8 + 2 + 2 + 4 + 4, "record");
    const auto here = reader.little_endian<uint64_t>("entries");
    Directory directory;
    directory.entries = reader.little_endian<uint64_t>("entries");
    directory.bytes = reader.little_endian<uint64_t>("size");
    directory.begin = reader.little_endian<uint64_t>("offset");
    check(here == directory.entries, ErrorCode::kUnsupported, where_,
          ": expected an archive in one file, found a part of one");
    return {directory, begin};
  }

  Member read_central(ByteReader& reader) const {
    expect_signature(reader, kCentralHeader);
    Member member;
    reader.take(4, "versions");
    member.flags = reader.little_endian<uint16_t>("flags");
    member.method = reader.little_endian<uint16_t>("method");
    reader.take(4 + 4, "time and checksum");
    member.compressed = reader.little_endian<uint32_t>("size");
    member.size = reader.little_endian<uint32_t>("size");
    const auto name_length = reader.little_endian<uint16_t>("name");
    const auto extra_length = reader.little_endian<uint16_t>("extra fields");
    const auto comment_length = reader.little_endian<uint16_t>("comment");
    reader.take(2 + 2 + 4, "attributes");
    member.header = reader.little_endian<uint32_t>("offset");
    member.name = reader.text(name_length, "name");
    read_zip64(reader.take(extra_length, "extra fields"), member);
    reader.take(comment_length, "comment");
    return member;
  }

  Member read_local(ByteReader& reader) const {
    expect_signature(reader, kLocalHeader);
    Member member;
    reader.take(2, "version");
    member.flags = reader.little_endian<uint16_t>("flags");
    member.method = reader.little_endian<uint16_t>("method");
    reader.take(4 + 4, "time and checksum");
    member.compressed = reader.little_endian<uint32_t>("size");
    member.size = reader.little_endian<uint32_t>("size");
    const auto name_length = reader.little_endian<uint16_t>("name");
    const auto extra_length = reader.little_endian<uint16_t>("extra fields");
    member.name = reader.text(name_length, "name");
    read_zip64(reader.take(extra_length, "extra fields"), member);
    return member;
  }

  // Puts the values that did not fit into 32 bits, in the format's order.
  void read_zip64(Bytes extra, Member& member) const {
    ByteReader fields(extra, concat(where_, ": member ", json_excerpt(member.name)));
    while (fields.remaining() >= 4) {
      const auto kind = fields.little_endian<uint16_t>("extra field");
      const auto length = fields.little_endian<uint16_t>("extra field");
      ByteReader field(fields.take(length, "extra field"), fields.where() + ": zip64 field");
      if (kind != kZip64Field) continue;
      for (uint64_t* value : {&member.size, &member.compressed, &member.header}) {
        if (*value == kIn64) *value = field.little_endian<uint64_t>("size or offset");
      }
    }
  }

  // The member's bytes, all before the directory.
  Bytes data_of(const Member& member, uint64_t directory) {
    const std::string where = concat(where_, ": member ", json_excerpt(member.name));
    check(member.header < directory, ErrorCode::kBadFile, where, ": expected before byte ",
          directory, ", found at ", member.header);
    ByteReader reader(file_.subspan(member.header, directory - member.header), where);
    const Member local = read_local(reader);
    check(member.method == 0 && local.method == 0 && member.size == member.compressed,
          ErrorCode::kUnsupported, where, ": compressed; expected it stored as it is");
    check(((member.flags | local.flags) & kEncrypted) == 0, ErrorCode::kUnsupported, where,
          ": encrypted");
    check(local.name == member.name, ErrorCode::kBadFile, where, ": its own header names it ",
          json_excerpt(local.name));
    const bool sized = (local.flags & kSizesFollow) == 0;
    check(!sized || (local.size == member.size && local.compressed == member.compressed),
          ErrorCode::kBadFile, where, ": ", member.size, " bytes in the directory, ", local.size,
          " in its own header");
    const Bytes data = reader.take(member.size, "data");
    ranges_.push_back({member.header, member.header + reader.position(), member.name});
    return data;
  }

  void check_disjoint() {
    std::sort(ranges_.begin(), ranges_.end(),
              [](const Range& a, const Range& b) { return a.begin < b.begin; });
    for (size_t i = 1; i < ranges_.size(); ++i) {
      check(ranges_[i - 1].end <= ranges_[i].begin, ErrorCode::kBadFile, where_, ": the members ",
            json_excerpt(ranges_[i - 1].name), " and ", json_excerpt(ranges_[i].name), " overlap");
    }
  }

  struct Range {
    uint64_t begin, end;
    std::string name;
  };

  Bytes file_;
  const std::string& where_;
  std::vector<Range> ranges_;
};

}  // namespace

std::vector<ZipEntry> read_zip(Bytes file, const std::string& where) {
  return Archive(file, where).read();
}

}  // namespace gptj
