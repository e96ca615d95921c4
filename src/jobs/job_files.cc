// SPDX-License-Identifier: Apache-2.0
#include "jobs/job_files.h"

#include <unistd.h>

#include <filesystem>

#include "base/check.h"
#include "base/durable.h"

namespace gptj {

namespace fs = std::filesystem;

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}
bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}
void remove_file(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
  check(!error, ErrorCode::kIo, path, ": cannot remove: ", error.message());
}

void check_output_folder(const std::string& output) {
  const std::string folder = folder_of(output);
  check(is_folder(folder), ErrorCode::kNotFound, folder,
        ": expected a folder for the output, found none");
  check(::access(folder.c_str(), W_OK) == 0, ErrorCode::kIo, folder,
        ": nothing can be written there");
  check(!is_folder(output), ErrorCode::kIo, output, ": expected a file, found a folder");
}

}  // namespace gptj
