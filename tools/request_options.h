// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gptj/gptj.h"

namespace CLI {
class App;
}

namespace gptj::tool {

// Where a prompt comes from: argument, --file, --ids, else standard input.
struct PromptOptions {
  std::string argument, file, ids;
  bool has_argument = false, has_file = false, has_ids = false;

  // A file's or pipe's one final newline is dropped.
  TextOrIds read() const;
};
void add_prompt_options(CLI::App& command, PromptOptions& options);

// Every field of a request as an option of the same name, dashes for underscores.
struct RequestOptions {
  std::map<std::string, std::vector<std::string>> values;  // by field, as typed
  std::string speculate = "auto";

  // The fields that were given, with their JSON values. Throws kInvalidArgument naming the option.
  std::vector<std::pair<std::string, std::string>> fields() const;
  Request build() const;
};
void add_request_options(CLI::App& command, RequestOptions& options);

// Says so, where a stop string was probably meant to be a newline.
void mention_backslash(const RequestOptions& options, bool quiet);

// Throws kInvalidArgument where the request cannot go on from what a session file keeps.
void check_session(const Request& request, const std::string& session);

// --template, --template-file
struct TemplateOptions {
  std::string name, file;

  // Empty where neither is given.
  std::optional<PromptTemplate> read() const;
};
void add_template_options(CLI::App& command, TemplateOptions& options);
// The request asks as the template says: its stop strings come first.
void add_stops(const PromptTemplate& format, Request& request);

}  // namespace gptj::tool
