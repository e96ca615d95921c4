// SPDX-License-Identifier: Apache-2.0
// The records of a job, as they are made: what survives a crash.
//
// A text file. The first line is a header, an object of JSON that says which job it is; every other
// is a record behind its line number and a + or, for the record of an error, a -. Each begins with
// 16 hexadecimal digits that check the rest of it: <check> <header>, <check> <line> +|- <record>.
// Whatever follows the last whole line is dropped when the file is opened again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gptj {

// One process at a time. All throw kIo.
class Journal {
 public:
  // A new one, its header on disk, in place of whatever had the name.
  static Journal create(const std::string& path, const std::string& header);
  // To go on with; or only to look at. Empty where there is no whole header.
  static std::optional<Journal> open(const std::string& path);
  static std::optional<Journal> open_to_read(const std::string& path);

  Journal(Journal&&) noexcept;
  Journal& operator=(Journal&&) = delete;
  ~Journal();

  const std::string& header() const { return header_; }
  bool has(int64_t line) const { return places_.contains(line); }
  // Of a line that it has: whether its record is an error, and the record's size in bytes.
  bool failed(int64_t line) const { return place(line).failed; }
  uint64_t record_size(int64_t line) const { return place(line).size; }
  // The record of a line that it has, once flushed.
  std::string record(int64_t line) const;
  // In the order in which they were made.
  const std::vector<int64_t>& lines() const { return lines_; }

  void append(int64_t line, std::string_view record, bool failed = false);
  // All that was appended is on disk afterwards.
  void flush();

 private:
  struct Place {
    uint64_t offset;
    uint64_t size;
    bool failed;
  };
  Journal(std::string path, int flags);
  bool scan();
  const Place& place(int64_t line) const;
  void note(int64_t line, const Place& place);

  std::string path_;
  int descriptor_ = -1;
  std::string header_;
  std::map<int64_t, Place> places_;
  std::vector<int64_t> lines_;
  std::string buffer_;  // not yet written
  uint64_t end_ = 0;    // of the file with the buffer
};

}  // namespace gptj
