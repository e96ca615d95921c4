// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "weights/weights.h"

namespace gptj {

// How single rows should read panels, by trying it on these weights: what memory likes best differs
// from machine to machine by a third. Models that caches could hold are not measured.
RowReading fastest_reading(const Weights& weights, const KernelTable& kernels, ThreadPool& pool);

// What it took to read the same weights in some way.
struct TimedReading {
  RowReading reading;
  double seconds;
};
// The fastest of them, unless the default, which is among them, is nearly as fast.
RowReading choose_reading(std::span<const TimedReading> tried);

}  // namespace gptj
