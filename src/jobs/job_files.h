// SPDX-License-Identifier: Apache-2.0
// Checks and removals of the files of a job.
#pragma once

#include <string>

namespace gptj {

bool exists(const std::string& path);
bool is_folder(const std::string& path);
// Removes a file, if there is one. Throws kIo if the file cannot be removed.
void remove_file(const std::string& path);
// Throws kNotFound or kIo if no file of that name can be made.
void check_output_folder(const std::string& output);

}  // namespace gptj
