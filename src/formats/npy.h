// SPDX-License-Identifier: Apache-2.0
// Reads NumPy's files: an array (npy), and arrays in a zip archive (npz).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor_view.h"

namespace gptj {

// Returns the array of an npy file of version 1 to 3, which is all of `bytes`. Elements of type
// "V2" are bfloat16, because NumPy has no name for that type and JAX writes it as two bytes. The
// view is valid as long as the bytes, and has no name. `where` begins every message. Throws
// kBadFile, and kUnsupported for other elements, big-endian numbers and column-major arrays.
TensorView read_npy(std::span<const std::byte> bytes, const std::string& where);

// Returns the arrays of an npz file that numpy.savez wrote without names: arr_0, arr_1 and so on.
// Throws as read_npy() and read_zip() do.
std::vector<TensorView> read_npz(std::span<const std::byte> bytes, const std::string& where);

}  // namespace gptj
