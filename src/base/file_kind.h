// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace gptj {

// What a file that is not what its name says seems to be, judged by its first bytes, and what to do
// about it: "a Git LFS pointer ...", "a GGUF file of llama". Empty where nothing known matches.
std::string recognise_file(std::span<const std::byte> bytes);

// Whether they begin like a safetensors file: a length, and '{' of a header of that length.
bool is_safetensors(std::span<const std::byte> bytes);

}  // namespace gptj
