// SPDX-License-Identifier: Apache-2.0
// The process as subcommands see it: signals, standard streams and exit codes.
#pragma once

#include <string>
#include <string_view>

#include "gptj/gptj.h"

namespace gptj::tool {

// Exit codes. kIncomplete: a batch has run to its end, and some of its records are errors.
inline constexpr int kDone = 0, kFailed = 1, kWrongUsage = 2, kIncomplete = 3, kInterrupted = 130;

// Prepares standard streams and signals; to be called before anything else. The descriptor of a
// closed standard stream is taken, so that no file that is opened later gets it. SIGPIPE and
// SIGXFSZ are ignored, so that writing to a pipe without a reader, or to a file that may not grow,
// is an error of the write.
void prepare_process();

// Returns the token that Ctrl-C and SIGTERM cancel. A second signal ends the program at once.
const CancelToken& interrupted();
// Forgets the signal, as if there had been none.
void clear_interrupt();
// Returns 130 or 143 after a signal, else kDone.
int exit_code();

enum class Input { kMore, kEnd, kCancelled };
// Waits for standard input and appends the bytes that come. Returns kCancelled after a signal.
// Throws kIo.
Input read_more(std::string& text);
// Returns the bytes of a file, or of standard input if the path is empty or "-". Throws kNotFound
// or kIo, and kCancelled if a signal ends the wait for standard input.
std::string read_input(const std::string& path);
// Returns plain_text() of read_input(). Also throws kUnsupported for UTF-16.
std::string read_text(const std::string& path);

// Writes to stdout without a buffer. Throws kIo. If stdout is a pipe whose reader has gone, writes
// nothing from then on and throws nothing: output_closed() returns true, and the caller ends
// quietly.
void print(std::string_view text);
bool output_closed();
// Returns whether standard output is a pipe that nobody reads any more.
bool output_has_no_reader();
// Prints a line on stderr, unless `quiet`.
void note(bool quiet, const std::string& line);
bool is_terminal(int descriptor);

}  // namespace gptj::tool
