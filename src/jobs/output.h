// SPDX-License-Identifier: Apache-2.0
// Plain files and pipes, as jobs read and write them. All throw kIo.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gptj {

// "PATH: WHAT: No space left on device"
[[noreturn]] void fail_io(const std::string& path, const char* what);
void write_all(const std::string& path, int descriptor, std::string_view bytes);

// Lines of a file from where its descriptor stands. Looks at each byte once.
class LineReader {
 public:
  // A line of more than `longest` bytes is kBadFile, with its number.
  LineReader(std::string path, int descriptor, size_t longest = SIZE_MAX)
      : path_(std::move(path)), descriptor_(descriptor), longest_(longest) {}
  // The next line without its newline. False at the end.
  bool next(std::string& line);
  // Whether next() need not wait, at most so many milliseconds from now.
  bool wait(int milliseconds);
  bool ended_by_newline() const { return ended_by_newline_; }

 private:
  bool fill();
  void check_length(size_t bytes) const;
  // Where the next newline is in the buffer; npos.
  size_t find_newline();

  std::string path_;
  int descriptor_;
  size_t longest_;
  std::string buffer_;
  size_t begin_ = 0;     // of the next line in the buffer
  size_t searched_ = 0;  // so far there is no newline
  int64_t number_ = 1;   // of the next line
  bool ended_by_newline_ = false;
};

// A job's output: a file, or standard output for an empty path.
class OutputFile {
 public:
  // Empties a file of that name.
  explicit OutputFile(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write_line(std::string_view line);
  // All that was written has left this process; it is on disk once synced.
  void flush();
  void sync();

 private:
  std::string path_;
  int descriptor_;
  std::string buffer_;
};

}  // namespace gptj
