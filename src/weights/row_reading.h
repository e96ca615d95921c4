// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "weights/weights.h"

namespace gptj {

// Returns the fastest way for single rows to read panels, measured on these weights, because the
// fastest way differs from machine to machine, by a third. Returns the default without measuring if
// the model is small enough to stay in caches.
RowReading fastest_reading(const Weights& weights, const KernelTable& kernels, ThreadPool& pool);

// One way to read panels, and the seconds that it took to read the weights.
struct TimedReading {
  RowReading reading;
  double seconds;
};
// Returns the fastest reading, or the default if that is nearly as fast. REQUIRES: the default is
// among `tried`.
RowReading choose_reading(std::span<const TimedReading> tried);

}  // namespace gptj
