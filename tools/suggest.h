// SPDX-License-Identifier: Apache-2.0
// Suggestions for a mistyped command line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace gptj::tool {

// Returns the name nearest to `typed`, if at most one letter in three has to change; else empty.
std::string nearest(std::string_view typed, const std::vector<std::string>& names);

// Returns the arguments, with dashes in place of underscores in each option that is known with
// dashes.
std::vector<std::string> with_dashes(const CLI::App& app, std::vector<std::string> arguments);

// Returns a message about the first argument that was not expected, with the nearest name of a
// command or option if there is one.
std::string unexpected_argument(const CLI::App& app);

}  // namespace gptj::tool
