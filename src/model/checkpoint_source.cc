// SPDX-License-Identifier: Apache-2.0
#include "model/checkpoint.h"
#include "model/weight_source.h"

namespace gptj {
namespace {

class CheckpointSource : public WeightSource {
 public:
  explicit CheckpointSource(std::shared_ptr<const Checkpoint> checkpoint)
      : checkpoint_(std::move(checkpoint)) {}

  const ModelConfig& config() const override { return checkpoint_->config(); }
  const std::string& name() const override { return checkpoint_->folder(); }
  uint64_t total_bytes() const override {
    uint64_t total = 0;
    for (const TensorView& tensor : checkpoint_->tensors()) total += tensor.bytes.size();
    return total;
  }
  TensorView tensor(const std::string& canonical_name) override {
    return checkpoint_->tensor(canonical_name);
  }
  void done(const TensorView& tensor) override { checkpoint_->drop(tensor); }
  std::shared_ptr<const void> owner(const TensorView&) override { return checkpoint_; }

 private:
  std::shared_ptr<const Checkpoint> checkpoint_;
};

}  // namespace

std::unique_ptr<WeightSource> checkpoint_source(std::shared_ptr<const Checkpoint> checkpoint) {
  return std::make_unique<CheckpointSource>(std::move(checkpoint));
}

}  // namespace gptj
