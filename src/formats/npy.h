// SPDX-License-Identifier: Apache-2.0
// NumPy's files: an array (npy), and arrays in a zip archive (npz).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor_view.h"

namespace gptj {

// The array of an npy file, versions 1 to 3, which is all of `bytes`. "V2", an element of two bytes
// that NumPy has no name for, is what JAX's bfloat16 is written as. The view lives as long as the
// bytes and has no name. `where` begins every message. Throws kBadFile; kUnsupported for other
// elements, big-endian numbers and column-major arrays.
TensorView read_npy(std::span<const std::byte> bytes, const std::string& where);

// The arrays of an npz file that numpy.savez wrote without names: arr_0, arr_1 and so on.
std::vector<TensorView> read_npz(std::span<const std::byte> bytes, const std::string& where);

}  // namespace gptj
