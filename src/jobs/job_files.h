// SPDX-License-Identifier: Apache-2.0
// Questions about the files of a job.
#pragma once

#include <string>

namespace gptj {

bool exists(const std::string& path);
bool is_folder(const std::string& path);
// Throws kIo. No such file is no error.
void remove_file(const std::string& path);
// Throws kNotFound or kIo where no file of that name can be made.
void check_output_folder(const std::string& output);

}  // namespace gptj
