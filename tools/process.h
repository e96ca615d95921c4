// SPDX-License-Identifier: Apache-2.0
// What the subcommands see of the process: signals, standard streams, exit codes.
#pragma once

#include <string>
#include <string_view>

#include "gptj/gptj.h"

namespace gptj::tool {

// kIncomplete: a batch has run to its end, and some of its lines are error records.
inline constexpr int kDone = 0, kFailed = 1, kWrongUsage = 2, kIncomplete = 3, kInterrupted = 130;

// To be called first: what a closed standard stream leaves free must not become a file of ours.
// SIGPIPE and SIGXFSZ are ignored: a pipe that nobody reads and a file that may not grow are errors
// of the write.
void prepare_process();

// Ctrl-C and SIGTERM set it; a second one ends the program at once.
const CancelToken& interrupted();
// As if there had been none.
void clear_interrupt();
// 130 or 143 after a signal, else kDone.
int exit_code();

// Waits for standard input and appends what comes. Throws kIo.
enum class Input { kMore, kEnd, kCancelled };
Input read_more(std::string& text);
// The bytes of a file, or of standard input for an empty path or "-". Throws kNotFound or kIo.
std::string read_input(const std::string& path);
// The same as plain_text(), which throws kUnsupported for UTF-16.
std::string read_text(const std::string& path);

// Writes to stdout and flushes. Throws kIo; where whoever read it has gone, nothing is written any
// more, and output_closed() says so: then there is nothing more to do, and nothing to complain
// about.
void print(std::string_view text);
bool output_closed();
// Whether standard output is a pipe that nobody reads any more.
bool output_has_no_reader();
// A line on stderr, unless quiet.
void note(bool quiet, const std::string& line);
bool is_terminal(int descriptor);

}  // namespace gptj::tool
