// SPDX-License-Identifier: Apache-2.0
// Walks and transposes matrices in mapped files, for formats that store a matrix otherwise than as
// rows of outputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/mapped_file.h"

namespace gptj {

// A row-major matrix inside a mapped file, at any address.
struct MappedMatrix {
  std::shared_ptr<const MappedFile> file;
  std::span<const std::byte> bytes;
  uint64_t rows = 0;

  uint64_t row_bytes() const { return bytes.size() / rows; }
};

// Calls `visit` for blocks of whole rows, first to last, a few MB each, with the number of the
// first row and the bytes of the rows. Drops the pages of each block afterwards.
using VisitRows = std::function<void(uint64_t first_row, std::span<const std::byte> rows)>;
void visit_rows(const MappedMatrix& matrix, const VisitRows& visit);

// Sets out[column * out_columns + row] = in[row][column] for `rows` rows of `columns` elements.
// `element` is the size of an element in bytes, 2 or 4. `in` and `out` may lie at any address.
void transpose(const std::byte* in, uint64_t rows, uint64_t columns, size_t element, std::byte* out,
               uint64_t out_columns);

// Transposes `matrix`, whose elements have `element` bytes, into `out`, whose rows are
// `out_columns` elements long.
void transpose(const MappedMatrix& matrix, size_t element, std::byte* out, uint64_t out_columns);

}  // namespace gptj
