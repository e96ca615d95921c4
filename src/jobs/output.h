// SPDX-License-Identifier: Apache-2.0
// Plain files and pipes, as jobs read and write them. All functions throw kIo.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gptj {

// Throws kIo with a message like "PATH: WHAT: No space left on device", from errno. An empty path
// is standard output.
[[noreturn]] void fail_io(const std::string& path, const char* what);
// Writes all bytes, in as many writes as the descriptor needs.
void write_all(const std::string& path, int descriptor, std::string_view bytes);

// The lines of a file, from the place where its descriptor stands. Looks at each byte once.
class LineReader {
 public:
  // The caller keeps `descriptor` open. next() and wait() throw kBadFile, with the line's number,
  // for a line of more than `longest` bytes.
  LineReader(std::string path, int descriptor, size_t longest = SIZE_MAX)
      : path_(std::move(path)), descriptor_(descriptor), longest_(longest) {}
  // Reads the next line, without its newline. Returns false at the end.
  bool next(std::string& line);
  // Returns whether next() can go on without waiting. Waits until then, but no longer than so many
  // milliseconds in all.
  bool wait(int milliseconds);
  bool ended_by_newline() const { return ended_by_newline_; }

 private:
  bool fill();
  void check_length(size_t bytes) const;
  // Returns the place of the next newline in the buffer; npos if there is none.
  size_t find_newline();

  std::string path_;
  int descriptor_;
  size_t longest_;
  std::string buffer_;
  size_t begin_ = 0;     // place of the next line in the buffer
  size_t searched_ = 0;  // there is no newline between begin_ and this place
  int64_t number_ = 1;   // number of the next line
  bool ended_by_newline_ = false;
};

// What an output file that exists means.
enum class Existing { kRefuse, kContinue };

// A job's output: a file, or standard output for an empty path.
class OutputFile {
 public:
  // Creates the file. One that exists is refused, or continued: as long as what is written equals
  // what the file holds, the file stays as it is, so a whole output never becomes a shorter one.
  OutputFile(const std::string& path, Existing existing);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write_line(std::string_view line);
  // Hands everything that was written to the system.
  void flush();
  // Flushes, and returns once the file is on disk.
  void sync();
  // Ends the file after what was written, and returns once it is on disk.
  void finish();

 private:
  // Removes from `bytes` what the file holds at the place of the next write. Cuts the file there
  // if it holds something else.
  void skip_equal(std::string_view& bytes);
  // Cuts the file at the place of the next write.
  void cut_here();

  std::string path_;
  int descriptor_;
  bool may_be_equal_ = false;  // the file may hold what the next write would put there
  uint64_t position_ = 0;      // place of the next write, while may_be_equal_
  std::string buffer_;
};

}  // namespace gptj
