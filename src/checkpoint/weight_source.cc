// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/weight_source.h"

#include <map>

#include "base/aligned_buffer.h"
#include "checkpoint/checkpoint.h"

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
    for (const CheckpointTensor& tensor : checkpoint_->tensors()) total += tensor.size();
    return total;
  }
  TensorView tensor(const std::string& canonical_name) override {
    const CheckpointTensor& stored = checkpoint_->tensor(canonical_name);
    TensorView view = stored;
    if (stored.make) view.bytes = made(stored);
    return view;
  }
  void done(const TensorView& tensor) override {
    if (made_.erase(tensor.name) == 0) checkpoint_->drop(tensor);
  }
  std::shared_ptr<const void> owner(const TensorView& tensor) override {
    const auto found = made_.find(tensor.name);
    if (found != made_.end()) return found->second;
    return checkpoint_;
  }

 private:
  using Buffer = AlignedBuffer<std::byte>;

  std::span<const std::byte> made(const CheckpointTensor& stored) {
    std::shared_ptr<Buffer>& buffer = made_[stored.name];
    if (!buffer) {
      buffer = std::make_shared<Buffer>(stored.size());
      stored.make(buffer->span());
    }
    return buffer->span();
  }

  std::map<std::string, std::shared_ptr<Buffer>> made_;
  std::shared_ptr<const Checkpoint> checkpoint_;
};

}  // namespace

std::unique_ptr<WeightSource> checkpoint_source(std::shared_ptr<const Checkpoint> checkpoint) {
  return std::make_unique<CheckpointSource>(std::move(checkpoint));
}

}  // namespace gptj
