// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "model/weights.h"

namespace gptj {

// How single rows should read panels, by trying it on these weights: what memory likes best differs
// from machine to machine by a third. Models that caches could hold are not measured.
RowReading fastest_reading(const Weights& weights, const KernelTable& kernels, ThreadPool& pool);

}  // namespace gptj
