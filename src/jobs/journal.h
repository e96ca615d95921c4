// SPDX-License-Identifier: Apache-2.0
// The records of a job in the order in which they are made, in a file that survives a crash.
//
// A journal is a text file. Its first line is a header, a JSON object that says which job it is.
// Every other line is the record of one line of the input: the number of that line, then a + or,
// for the record of an error, a -, then the record. Each line begins with 16 hexadecimal digits, a
// check of the rest of the line: <check> <header>, <check> <line> +|- <record>. Everything after
// the last whole line is dropped when the file is opened again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gptj {

// The version of the layout of the header and of the lines behind it. The header has it as
// "gptj_journal". Version 3 computes the checks otherwise than version 2.
inline constexpr int64_t kJournalVersion = 3;

// An open journal. One process at a time may write a journal. All functions throw kIo.
class Journal {
 public:
  // Returns a new journal, in place of any file of that name. Its header is on disk.
  static Journal create(const std::string& path, const std::string& header);
  // Returns the journal at `path`, to go on with or only to read. Returns none if there is no such
  // file, or if the file has no whole header. Throws kBadFile for a journal of another version.
  static std::optional<Journal> open(const std::string& path);
  static std::optional<Journal> open_to_read(const std::string& path);

  Journal(Journal&&) noexcept;
  Journal& operator=(Journal&&) = delete;
  ~Journal();

  const std::string& header() const { return header_; }
  bool has(int64_t line) const { return places_.contains(line); }
  // Returns whether the record of a line is an error. Throws if there is no such record.
  bool failed(int64_t line) const { return place(line).failed; }
  // Returns the size in bytes of the record of a line. Throws if there is no such record.
  uint64_t record_size(int64_t line) const { return place(line).size; }
  // Returns the record of a line. Throws if there is no such record. REQUIRES: the record was
  // flushed.
  std::string record(int64_t line) const;
  // Returns the numbers of the lines that have a record, in the order in which records were made.
  const std::vector<int64_t>& lines() const { return lines_; }

  // Adds the record of a line to those that flush() writes.
  void append(int64_t line, std::string_view record, bool failed = false);
  // Writes all appended records, and returns once they are on disk.
  void flush();

 private:
  // The place of a record in the file.
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
  std::string buffer_;  // lines that are not yet written
  uint64_t end_ = 0;    // size of the file once the buffer is written
};

}  // namespace gptj
