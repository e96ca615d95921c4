// SPDX-License-Identifier: Apache-2.0
// Plain files and pipes, as jobs read and write them. All throw kIo.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gptj {

// "PATH: WHAT: No space left on device"
[[noreturn]] void fail_io(const std::string& path, const char* what);
void write_all(const std::string& path, int descriptor, std::string_view bytes);

// Lines of a file from where its descriptor stands.
class LineReader {
 public:
  LineReader(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  // The next line without its newline. False at the end.
  bool next(std::string& line);
  // Whether next() need not wait, at most so many milliseconds from now.
  bool wait(int milliseconds);
  bool ended_by_newline() const { return ended_by_newline_; }

 private:
  bool fill();

  std::string path_;
  int descriptor_;
  std::string buffer_;
  size_t begin_ = 0;
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
