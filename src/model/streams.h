// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "model/weights.h"

namespace gptj {

// Never far behind the best: for 4 bits, whose steps take longer, one stream less.
constexpr size_t default_streams(Element element) { return element == Element::kInt4 ? 3 : 4; }

// How many panels a single row's products should walk at once (Product::streams), by trying them on
// these weights: what memory likes best differs from machine to machine by a third. It is a matter
// of speed alone. Models that caches could hold are not measured.
size_t fastest_streams(const Weights& weights, const KernelTable& kernels, ThreadPool& pool);

}  // namespace gptj
