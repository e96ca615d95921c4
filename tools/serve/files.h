// SPDX-License-Identifier: Apache-2.0
// Files of this folder that are part of the program; CMake writes their functions.
#pragma once

#include <string_view>

namespace gptj::serve {

std::string_view page_html();
std::string_view openapi_json();

}  // namespace gptj::serve
