// SPDX-License-Identifier: Apache-2.0
// What the formats that store matrices otherwise than as rows of outputs need to turn them round.
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

// Calls `visit` with the number of the first of some whole rows and their bytes, first to last, a
// few MB each time, and then lets go of their pages.
using VisitRows = std::function<void(uint64_t first_row, std::span<const std::byte> rows)>;
void visit_rows(const MappedMatrix& matrix, const VisitRows& visit);

// out[column * out_columns + row] = in[row][column] for `rows` rows of `columns` elements of
// `element` bytes, 2 or 4, at any address.
void transpose(const std::byte* in, uint64_t rows, uint64_t columns, size_t element, std::byte* out,
               uint64_t out_columns);

// Transposes `matrix` of elements of `element` bytes into `out`, whose rows are `out_columns` long.
void transpose(const MappedMatrix& matrix, size_t element, std::byte* out, uint64_t out_columns);

}  // namespace gptj
