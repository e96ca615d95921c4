// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/matrix_rows.h"

#include <algorithm>
#include <cstring>

namespace gptj {
namespace {

constexpr uint64_t kVisitedBytes = uint64_t{4} << 20;
constexpr uint64_t kTile = 32;  // rows and columns

// Transposes one tile of at most kTile rows and columns. It goes through a copy because rows whose
// length is a power of two all fall on the same few lines of a cache.
template <class Element>
void transpose_tile(const std::byte* in, uint64_t in_columns, uint64_t rows, uint64_t columns,
                    std::byte* out, uint64_t out_columns) {
  Element tile[kTile][kTile];
  for (uint64_t r = 0; r < rows; ++r) {
    std::memcpy(tile[r], in + r * in_columns * sizeof(Element), columns * sizeof(Element));
  }
  Element column[kTile];
  for (uint64_t c = 0; c < columns; ++c) {
    for (uint64_t r = 0; r < rows; ++r) column[r] = tile[r][c];
    std::memcpy(out + c * out_columns * sizeof(Element), column, rows * sizeof(Element));
  }
}

template <class Element>
void transpose_all(const std::byte* in, uint64_t rows, uint64_t columns, std::byte* out,
                   uint64_t out_columns) {
  for (uint64_t r = 0; r < rows; r += kTile) {
    for (uint64_t c = 0; c < columns; c += kTile) {
      transpose_tile<Element>(in + (r * columns + c) * sizeof(Element), columns,
                              std::min(kTile, rows - r), std::min(kTile, columns - c),
                              out + (c * out_columns + r) * sizeof(Element), out_columns);
    }
  }
}

}  // namespace

void visit_rows(const MappedMatrix& matrix, const VisitRows& visit) {
  const uint64_t row_bytes = matrix.row_bytes();
  const uint64_t tiles = kVisitedBytes / (row_bytes * kTile);
  const uint64_t step = std::max<uint64_t>(tiles, 1) * kTile;
  for (uint64_t row = 0; row < matrix.rows; row += step) {
    const uint64_t n = std::min(step, matrix.rows - row);
    const auto rows = matrix.bytes.subspan(row * row_bytes, n * row_bytes);
    visit(row, rows);
    matrix.file->drop(rows);
  }
  matrix.file->drop(matrix.bytes);  // also drops the pages that two visits shared
}

void transpose(const std::byte* in, uint64_t rows, uint64_t columns, size_t element, std::byte* out,
               uint64_t out_columns) {
  if (element == sizeof(uint16_t)) {
    transpose_all<uint16_t>(in, rows, columns, out, out_columns);
  } else {
    transpose_all<uint32_t>(in, rows, columns, out, out_columns);
  }
}

void transpose(const MappedMatrix& matrix, size_t element, std::byte* out, uint64_t out_columns) {
  const uint64_t columns = matrix.row_bytes() / element;
  visit_rows(matrix, [&](uint64_t first, std::span<const std::byte> rows) {
    transpose(rows.data(), rows.size() / matrix.row_bytes(), columns, element,
              out + first * element, out_columns);
  });
}

}  // namespace gptj
