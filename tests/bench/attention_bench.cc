// SPDX-License-Identifier: Apache-2.0
// Attention of one head of the 6B's, by every fast instruction set and cache type, on one thread:
//   prompt: 1024 rows, causal operations (4 head_dim per visible key) over the set's f32 fma peak;
//   decode: one row after 1792 keys of a cache too large for the processor's, bytes over the speed
//   of reading.
// By thread CPU time, each against a burst next to it, so that other jobs disturb little.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "gptj/gptj.h"
#include "kernels/dispatch.h"

namespace gptj {
namespace {

constexpr size_t kDim = 256, kStride = 3 * 16 * kDim + kLanes;
constexpr size_t kPrompt = 1024, kKeys = 1792, kRuns = 9;
constexpr size_t kHeads = 64;

double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

float wave(size_t i) { return std::sin(0.37f * static_cast<float>(i % 10007)); }

// Pages of kHeads heads, all of which hold the same.
struct Cache {
  Cache(const KernelTable& set, Element element) : head_bytes(kv_head_bytes(element, kDim)) {
    for (size_t p = 0; p < kKeys / kPagePositions; ++p) {
      storage.emplace_back(kHeads * head_bytes);
      std::byte* page = storage.back().data();
      fill(set, element, page);
      for (size_t h = 1; h < kHeads; ++h) std::memcpy(page + h * head_bytes, page, head_bytes);
      pages.push_back(page);
    }
  }
  static void fill(const KernelTable& set, Element element, std::byte* page) {
    const size_t n = 2 * kDim * kPagePositions;
    std::vector<float> x(n);
    for (size_t i = 0; i < n; ++i) x[i] = wave(i);
    switch (element) {
      case Element::kF32: std::memcpy(page, x.data(), n * sizeof(float)); break;
      case Element::kF16: set.to_f16(x.data(), n, reinterpret_cast<uint16_t*>(page)); break;
      case Element::kBF16: set.to_bf16(x.data(), n, reinterpret_cast<uint16_t*>(page)); break;
      default:  // int8
        for (size_t i = 0; i < n; ++i) page[i] = static_cast<std::byte>(i * 7919 % 255);
        for (size_t i = 0; i < 2 * kPagePositions; ++i) {
          reinterpret_cast<float*>(page + kv_scales_offset(element, kDim))[i] = 0.01f;
        }
    }
  }
  size_t head_bytes;
  std::vector<AlignedBuffer<std::byte>> storage;
  std::vector<const void*> pages;
};

class Bench {
 public:
  Bench(const KernelTable& set, Element element)
      : set_(set),
        element_(element),
        cache_(set, element),
        q_(kPrompt * kStride),
        out_(kPrompt * kStride),
        scratch_(attention_scratch(kDim)) {
    for (size_t i = 0; i < q_.size(); ++i) q_[i] = wave(i);
  }

  void run() {
    if (!verified()) {
      std::printf("%-10s %-5s differs from portable\n", set_.isa, weight_type_name(element_));
      return;
    }
    std::vector<double> prompts, decodes;
    for (size_t i = 0; i < kRuns; ++i) prompts.push_back(prompt());
    for (size_t i = 0; i < kRuns; ++i) decodes.push_back(decode());
    std::printf("%-10s %-5s prompt %.3f of f32 peak, decode %.3f of read speed\n", set_.isa,
                weight_type_name(element_), median(prompts), median(decodes));
  }

 private:
  void attend(const KernelTable& set, size_t head, size_t row, size_t rows, size_t position) {
    for (size_t done = 0; done < rows; done += kAttentionRows) {
      const AttentionSpan span{std::min(kAttentionRows, rows - done), position + done,
                               cache_.pages.data()};
      set.attention[element_]({&q_[(row + done) * kStride], kStride, &out_[(row + done) * kStride],
                               kStride, &span, 1, 0, head * cache_.head_bytes, kDim, 0.0625f,
                               scratch_.data()});
    }
  }

  bool verified() {
    constexpr size_t kRows = 3;
    attend(set_, 0, 0, kPrompt, 0);
    std::vector<float> found;
    for (size_t r = kPrompt - kRows; r < kPrompt; ++r) {
      found.insert(found.end(), &out_[r * kStride], &out_[r * kStride] + kDim);
    }
    attend(select_kernels("portable"), 0, kPrompt - kRows, kRows, kPrompt - kRows);
    for (size_t r = 0; r < kRows; ++r) {
      const float* expected = &out_[(kPrompt - kRows + r) * kStride];
      if (std::memcmp(&found[r * kDim], expected, kDim * sizeof(float)) != 0) return false;
    }
    return true;
  }

  double prompt() {
    const double start = thread_seconds();
    const uint64_t burst = set_.product[Element::kF32].burst(1'000'000);
    const double middle = thread_seconds();
    attend(set_, 0, 0, kPrompt, 0);
    const double seconds = thread_seconds() - middle;
    const double operations = 4.0 * kDim * kPrompt * (kPrompt + 1) / 2;
    return operations / seconds / (static_cast<double>(burst) / (middle - start));
  }

  double decode() {
    const double start = thread_seconds();
    for (const auto& page : cache_.storage) sink_ += set_.read_streams(page.data(), page.size(), 4);
    const double middle = thread_seconds();
    for (size_t head = 0; head < kHeads; ++head) attend(set_, head, 0, 1, kKeys - 1);
    return (middle - start) / (thread_seconds() - middle);
  }

  const KernelTable& set_;
  Element element_;
  uint64_t sink_ = 0;  // or nothing would be read
  Cache cache_;
  AlignedBuffer<float> q_, out_, scratch_;
};

// The portable set is the norm, not fast.
void run_all(const std::string& only) {
  for (const std::string& isa : instruction_set_names()) {
    if (isa == "portable" || (!only.empty() && only != isa)) continue;
    for (const Element e : {Element::kF32, Element::kF16, Element::kBF16, Element::kInt8}) {
      Bench(select_kernels(isa), e).run();
    }
  }
}

}  // namespace
}  // namespace gptj

int main(int argc, char** argv) { gptj::run_all(argc > 1 ? argv[1] : ""); }
