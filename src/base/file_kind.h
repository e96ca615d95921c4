// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace gptj {

// Returns a description of a file that is not what its name says, judged by its first bytes, and
// often advice: "a Git LFS pointer ...", "a GGUF file of llama". Returns "" if no known kind of
// file matches.
std::string recognise_file(std::span<const std::byte> bytes);

// Returns whether the bytes begin like a safetensors file: a length, and the '{' of a header of
// that length.
bool is_safetensors(std::span<const std::byte> bytes);

}  // namespace gptj
