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

// The options that say where a prompt comes from: argument, --file, --ids, else standard input.
struct PromptOptions {
  std::string argument, file, ids;
  bool has_argument = false, has_file = false, has_ids = false;

  // Returns the prompt. One newline at the end of a file or pipe is dropped.
  TextOrIds read() const;
};
void add_prompt_options(CLI::App& command, PromptOptions& options);

// The fields of a request as options of the same names, with dashes for underscores.
struct RequestOptions {
  std::map<std::string, std::vector<std::string>> values;  // by field, as typed
  std::string speculate = "auto";

  // Returns the fields that were given, with their JSON values. Throws kInvalidArgument, naming the
  // option.
  std::vector<std::pair<std::string, std::string>> fields() const;
  // Returns a request with these fields, without a prompt.
  Request build() const;
};
void add_request_options(CLI::App& command, RequestOptions& options);

// Prints a hint on stderr if a stop string has a backslash and an n, and was probably meant to have
// a newline.
void mention_backslash(const RequestOptions& options, bool quiet);

// Throws kInvalidArgument if there is a session file and the request cannot go on from it.
void check_session(const Request& request, const std::string& session);

// The options --template and --template-file.
struct TemplateOptions {
  std::string name, file;

  // Returns the template; none if neither option is given.
  std::optional<PromptTemplate> read() const;
};
void add_template_options(CLI::App& command, TemplateOptions& options);
// Puts the template's stop strings before those of the request.
void add_stops(const PromptTemplate& format, Request& request);

}  // namespace gptj::tool
