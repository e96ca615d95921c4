// SPDX-License-Identifier: Apache-2.0
// What a mistyped command line was meant to say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace gptj::tool {

// Returns the name nearest to `typed`: at most one letter in three has to change. Empty: none.
std::string nearest(std::string_view typed, const std::vector<std::string>& names);

// Returns the arguments with dashes for the underscores of options that are known with dashes.
std::vector<std::string> with_dashes(const CLI::App& app, std::vector<std::string> arguments);

// Returns one line about the first argument that nothing expected, naming what was meant.
std::string unexpected_argument(const CLI::App& app);

}  // namespace gptj::tool
