// SPDX-License-Identifier: Apache-2.0
// Where weights come from while they are packed: one tensor at a time, under its canonical name.
#pragma once

#include <memory>
#include <string>

#include "base/thread_pool.h"
#include "gptj/checkpoint.h"
#include "tensor/tensor_view.h"

namespace gptj {

class Checkpoint;

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual const ModelConfig& config() const = 0;
  // What messages call it.
  virtual const std::string& name() const = 0;
  // Bytes of all tensors, for progress.
  virtual uint64_t total_bytes() const = 0;
  // F32, F16 or BF16, of the shape that the config says; valid until done(tensor), however often it
  // is asked for.
  virtual TensorView tensor(const std::string& canonical_name) = 0;
  // Has been read and will not be asked for again: its memory may go.
  virtual void done(const TensorView& tensor) = 0;
  // Keeps the bytes of a tensor valid beyond done() and beyond this object.
  virtual std::shared_ptr<const void> owner(const TensorView& tensor) = 0;
};

// Tensors mapped from files, whose pages are dropped behind.
std::unique_ptr<WeightSource> checkpoint_source(std::shared_ptr<const Checkpoint> checkpoint);

// Random weights of a sane scale, each tensor made when it is asked for: matrices uniform with
// variance 1 / inputs, LayerNorm gains about 1, small biases. A function of config, type and seed.
std::unique_ptr<WeightSource> synthetic_source(const ModelConfig& config, DType type, uint64_t seed,
                                               ThreadPool& pool);

}  // namespace gptj
