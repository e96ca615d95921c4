// SPDX-License-Identifier: Apache-2.0
// Provides weights while they are packed: one tensor at a time, under its canonical name.
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
  // Returns the name of the source in messages.
  virtual const std::string& name() const = 0;
  // Returns the bytes of all tensors, for progress.
  virtual uint64_t total_bytes() const = 0;
  // Returns the tensor: F32, F16 or BF16, of the shape that the config says. It is valid until
  // done(tensor), however often it is asked for.
  virtual TensorView tensor(const std::string& canonical_name) = 0;
  // Declares that the tensor has been read and will not be asked for again, so that its memory may
  // go.
  virtual void done(const TensorView& tensor) = 0;
  // Returns an owner that keeps the bytes of the tensor valid beyond done() and beyond this object.
  virtual std::shared_ptr<const void> owner(const TensorView& tensor) = 0;
};

// Returns a source of the tensors of `checkpoint`. done() lets the system drop the pages of a
// mapped tensor, and frees a made one.
std::unique_ptr<WeightSource> checkpoint_source(std::shared_ptr<const Checkpoint> checkpoint);

// Returns a source of random weights of a sane scale, each made when it is asked for: matrices
// uniform with variance 1 / inputs, LayerNorm gains about 1, small biases. They are a function of
// config, type and seed alone.
std::unique_ptr<WeightSource> synthetic_source(const ModelConfig& config, DType type, uint64_t seed,
                                               ThreadPool& pool);

}  // namespace gptj
