// SPDX-License-Identifier: Apache-2.0
// Copies tensors whose elements do not lie in row-major order. Strides are in elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gptj {

// Returns whether the strides are those of row-major order. The stride of an extent of 1 does not
// matter.
bool is_row_major(std::span<const uint64_t> shape, std::span<const uint64_t> strides);

// Writes the elements, of `element_size` 1, 2, 4 or 8 bytes, to `out` in row-major order. `in` is
// the first element. REQUIRES: the tensor has more than one element.
void gather(const std::byte* in, std::span<const uint64_t> shape, std::span<const uint64_t> strides,
            size_t element_size, std::byte* out);

}  // namespace gptj
