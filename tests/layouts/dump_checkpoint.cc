// SPDX-License-Identifier: Apache-2.0
// dump_checkpoint CHECKPOINT OUT.safetensors: every tensor as the loader finds or makes it, the
// config, what the loader would hold it in, and the logits of a prompt with f32 weights as the
// tensor "logits".
#include <cstdio>
#include <exception>

#include "base/aligned_buffer.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/config.h"
#include "formats/safetensors_writer.h"
#include "gptj/session.h"

namespace {

constexpr int64_t kPrompt = 16;

std::vector<float> logits_of(const std::string& path) {
  const auto model = gptj::Model::load(path, {.weights = gptj::WeightType::kF32, .threads = 1});
  gptj::Session session(model);
  std::vector<gptj::Row> rows;
  const gptj::SequenceId sequence = session.add_sequence();
  for (int64_t i = 0; i < kPrompt; ++i) {
    rows.push_back({(7 * i + 3) % model.config().vocab_size, sequence, i, true});
  }
  std::vector<float> all;
  session.forward(rows, [&](size_t, std::span<const float> logits) {
    all.insert(all.end(), logits.begin(), logits.end());
  });
  return all;
}

void dump(const std::string& path, const std::string& out) {
  const auto checkpoint = gptj::Checkpoint::open(path);
  const std::vector<float> logits = logits_of(path);
  std::vector<gptj::TensorDeclaration> tensors;
  for (const auto& tensor : checkpoint.tensors()) {
    tensors.push_back({tensor.name, tensor.type, tensor.shape});
  }
  tensors.push_back({"logits", gptj::DType::kF32, {logits.size()}});
  gptj::SafetensorsWriter writer(out, tensors,
                                 {{"config", gptj::config_json(checkpoint.config())},
                                  {"stored_type", gptj::weight_type_name(checkpoint.stored_type())},
                                  {"embedding", checkpoint.embedding().mapped ? "mapped" : "made"}},
                                 0);
  for (const auto& tensor : checkpoint.tensors()) {
    gptj::AlignedBuffer<std::byte> made(tensor.make ? tensor.size() : 0);
    if (tensor.make) tensor.make(made.span());
    writer.write(tensor.make ? made.span() : tensor.bytes);
  }
  writer.write(std::as_bytes(std::span(logits)));
  writer.write_header();
  writer.commit();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s CHECKPOINT OUT.safetensors\n", argv[0]);
    return 2;
  }
  try {
    dump(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
