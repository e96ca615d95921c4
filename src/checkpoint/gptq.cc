// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/gptq.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/checked_math.h"
#include "base/half.h"
#include "base/json_fields.h"
#include "checkpoint/checkpoint_tensor.h"
#include "checkpoint/tensor_names.h"

namespace gptj {
namespace {

constexpr size_t kMaxConfig = 16'000'000;
constexpr const char* kParts[] = {"qweight", "qzeros", "scales", "g_idx"};
enum Part { kQweight, kQzeros, kScales, kGroups };

// Biases of zeros that GPTQ-for-LLaMa adds to the projections of attention, which have no bias in
// GPT-J.
constexpr const char* kNoBias[] = {"attn.q_proj.bias", "attn.k_proj.bias", "attn.v_proj.bias",
                                   "attn.out_proj.bias"};

void refuse_other_methods(const FieldReader& json) {
  std::string method = json.string("quant_method").value_or("");
  if (json.has("load_in_8bit") || json.has("load_in_4bit")) method = "bitsandbytes";
  if (json.has("w_bit")) method = "awq";
  if (method.empty() || method == "gptq") return;
  const char* instead =
      method == "bitsandbytes"
          ? "; bitsandbytes rounds when a model is loaded: open the model that was quantized, and "
            "convert it with `weights` int8 or int4"
          : "; open the model that was quantized, or one quantized by GPTQ";
  fail(ErrorCode::kUnsupported, concat(json.file(), ": quant_method: expected \"gptq\", found ",
                                       json_excerpt(method), instead));
}

GptqFormat parse_format(const FieldReader& json) {
  refuse_other_methods(json);
  GptqFormat format;
  json.expect(json.has("bits"), "bits", "4 or 8");
  format.bits = static_cast<uint64_t>(*json.integer("bits", 1, 32));
  check(format.bits == 4 || format.bits == 8, ErrorCode::kUnsupported, json.file(),
        ": bits: expected 4 or 8, found ", format.bits,
        "; open the model that was quantized instead");
  if (json.found("group_size") != "-1") {
    json.expect(json.has("group_size"), "group_size", "a whole number above 0, or -1");
    format.group_size = static_cast<uint64_t>(*json.integer("group_size", 1, int64_t{1} << 24));
  }
  const std::string layout = json.string("checkpoint_format").value_or("gptq");
  check(layout == "gptq" || layout == "gptq_v2", ErrorCode::kUnsupported, json.file(),
        ": checkpoint_format: expected \"gptq\" or \"gptq_v2\", found ",
        json.found("checkpoint_format"), "; open the model that was quantized instead");
  format.zero_offset = layout == "gptq" ? 1 : 0;
  format.desc_act = json.boolean("desc_act").value_or(false);
  return format;
}

float load_scale(DType type, const std::byte* scales, uint64_t i) {
  if (type == DType::kF32) {
    float value;
    std::memcpy(&value, scales + i * sizeof value, sizeof value);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, scales + i * sizeof bits, sizeof bits);
  return type == DType::kF16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

uint32_t load_word(const std::byte* words, uint64_t i) {
  uint32_t word;
  std::memcpy(&word, words + i * sizeof word, sizeof word);
  return word;
}

// The tensors of one quantized matrix, checked against each other.
class QuantizedMatrix {
 public:
  QuantizedMatrix(std::string name, std::map<Part, CheckpointTensor> parts,
                  const GptqFormat& format, const CheckpointFiles& files)
      : name_(std::move(name)), format_(format), per_word_(32 / format.bits) {
    for (auto& [part, tensor] : parts) {
      parts_.emplace(part, with_map(std::move(tensor), files.files));
    }
    where_ = concat(parts_.begin()->second.file, ": ", name_);
    check(parts_.contains(kQweight) && parts_.contains(kQzeros) && parts_.contains(kScales),
          ErrorCode::kBadFile, where_, ": expected qweight, qzeros and scales, not all are there");
    check_shapes();
    read_groups();
  }

  // Returns the F32 tensor of the weight, which keeps `matrix` alive and is made from it.
  static CheckpointTensor dequantized(const std::shared_ptr<const QuantizedMatrix>& matrix) {
    const QuantizedMatrix& m = *matrix;
    CheckpointTensor tensor{{m.name_ + "weight", DType::kF32, {m.out_, m.in_}, {}},
                            m.source(kQweight).file};
    tensor.quantized = true;
    tensor.make = [matrix](std::span<std::byte> out) { matrix->write(out.data()); };
    return tensor;
  }

 private:
  const CheckpointTensor& source(Part part) const { return parts_.at(part); }
  void expect_shape(Part part, const std::vector<uint64_t>& shape) const {
    const CheckpointTensor& tensor = source(part);
    check(tensor.shape == shape, ErrorCode::kBadFile, where_, kParts[part], ": expected shape ",
          shape_text(shape), " with ", format_.bits, " bits and groups of ", group_size(),
          ", found ", shape_text(tensor.shape));
    const bool is_scale =
        tensor.type == DType::kF16 || tensor.type == DType::kBF16 || tensor.type == DType::kF32;
    const bool is_word = tensor.type == DType::kI32 || tensor.type == DType::kU32;
    check(part == kScales ? is_scale : is_word, ErrorCode::kBadFile, where_, kParts[part],
          ": expected ", part == kScales ? "F16" : "I32", ", found ", dtype_name(tensor.type));
  }
  uint64_t group_size() const { return format_.group_size == 0 ? in_ : format_.group_size; }

  void check_shapes() {
    const std::vector<uint64_t>& packed = source(kQweight).shape;
    check(packed.size() == 2 && packed[0] > 0 && packed[1] > 0, ErrorCode::kBadFile, where_,
          "qweight: expected two dimensions, found ", shape_text(packed));
    in_ = checked_multiply(packed[0], per_word_, where_);
    out_ = packed[1];
    checked_multiply(checked_multiply(in_, out_, where_), sizeof(float), where_);
    groups_ = in_ / group_size() + (in_ % group_size() != 0 ? 1 : 0);
    expect_shape(kQweight, {in_ / per_word_, out_});
    check(out_ % per_word_ == 0, ErrorCode::kBadFile, where_, "qweight: expected a multiple of ",
          per_word_, " outputs, found ", out_);
    expect_shape(kQzeros, {groups_, out_ / per_word_});
    expect_shape(kScales, {groups_, out_});
    if (parts_.contains(kGroups)) expect_shape(kGroups, {in_});
  }

  void read_groups() {
    group_of_.resize(in_);
    for (uint64_t i = 0; i < in_; ++i) group_of_[i] = static_cast<uint32_t>(i / group_size());
    if (!parts_.contains(kGroups)) {
      check(!format_.desc_act || groups_ == 1, ErrorCode::kBadFile, where_,
            "g_idx is missing, which desc_act needs");
      return;
    }
    const TensorBytes bytes(source(kGroups));
    for (uint64_t i = 0; i < in_; ++i) {
      group_of_[i] = load_word(bytes.data(), i);
      check(group_of_[i] < groups_, ErrorCode::kBadFile, where_, "g_idx: expected groups below ",
            groups_, ", found ", static_cast<int32_t>(group_of_[i]), " of input ", i);
    }
  }

  // Writes `weights`: [out, in] in F32. Reads columns of qweight in blocks as wide as a cache line.
  void write(std::byte* weights) const {
    constexpr uint64_t kBlock = 16;
    const TensorBytes packed(source(kQweight)), zeros(source(kQzeros)), scales(source(kScales));
    std::vector<float> scale(kBlock * groups_), zero(kBlock * groups_);
    for (uint64_t first = 0; first < out_; first += kBlock) {
      const uint64_t last = std::min(out_, first + kBlock);
      for (uint64_t o = first; o < last; ++o) {
        for (uint64_t g = 0; g < groups_; ++g) {
          scale[(o - first) * groups_ + g] =
              load_scale(source(kScales).type, scales.data(), g * out_ + o);
          zero[(o - first) * groups_ + g] = static_cast<float>(zero_point(zeros.data(), g, o));
        }
      }
      write_block(packed.data(), first, last, scale, zero, weights);
    }
  }
  uint64_t zero_point(const std::byte* zeros, uint64_t group, uint64_t output) const {
    const uint32_t word = load_word(zeros, group * (out_ / per_word_) + output / per_word_);
    return (word >> (output % per_word_ * format_.bits) & mask()) + format_.zero_offset;
  }
  uint32_t mask() const { return (1u << format_.bits) - 1; }

  void write_block(const std::byte* packed, uint64_t first, uint64_t last,
                   const std::vector<float>& scale, const std::vector<float>& zero,
                   std::byte* weights) const {
    constexpr uint64_t kRows = 16;  // rows of qweight at a time
    float run[8 * kRows];
    for (uint64_t row = 0; row < in_ / per_word_; row += kRows) {
      const uint64_t end = std::min(in_ / per_word_, row + kRows);
      for (uint64_t o = first; o < last; ++o) {
        const float* const scale_of = scale.data() + (o - first) * groups_;
        const float* const zero_of = zero.data() + (o - first) * groups_;
        float* next = run;
        for (uint64_t r = row; r < end; ++r) {
          uint32_t word = load_word(packed, r * out_ + o);
          for (uint64_t i = r * per_word_; i < (r + 1) * per_word_; ++i) {
            const uint32_t g = group_of_[i];
            *next++ = scale_of[g] * (static_cast<float>(word & mask()) - zero_of[g]);
            word >>= format_.bits;
          }
        }
        std::memcpy(weights + (o * in_ + row * per_word_) * sizeof(float), run,
                    static_cast<size_t>(next - run) * sizeof(float));
      }
    }
  }

  std::string name_, where_;
  GptqFormat format_;
  uint64_t per_word_, in_ = 0, out_ = 0, groups_ = 0;
  std::map<Part, CheckpointTensor> parts_;
  std::vector<uint32_t> group_of_;
};

// Returns "h.0.attn.q_proj." and kScales for "transformer.h.0.attn.q_proj.scales"; empty for names
// without such a part.
std::optional<std::pair<std::string, Part>> part_of(const std::string& name) {
  for (const Part part : {kQweight, kQzeros, kScales, kGroups}) {
    if (name.ends_with(std::string(".") + kParts[part])) {
      const size_t size = name.size() - std::string_view(kParts[part]).size();
      return std::pair(canonical_name(name.substr(0, size)), part);
    }
  }
  return {};
}

// Returns the matrix of this canonical name, or null.
const CheckpointTensor* find_matrix(const std::vector<CheckpointTensor>& tensors,
                                    const char* name) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const CheckpointTensor& tensor) {
        return canonical_name(tensor.name) == name && tensor.shape.size() == 2;
      });
  return found == tensors.end() ? nullptr : &*found;
}

// Returns the format that the shapes of h.0.attn.q_proj show, which has n_embd inputs; empty if
// they are not those of GPTQ.
std::optional<GptqFormat> format_of_shapes(const std::vector<CheckpointTensor>& tensors,
                                           uint64_t n_embd) {
  const CheckpointTensor* words = find_matrix(tensors, "h.0.attn.q_proj.qweight");
  const CheckpointTensor* scales = find_matrix(tensors, "h.0.attn.q_proj.scales");
  if (words == nullptr || scales == nullptr || scales->shape[0] == 0) return {};
  GptqFormat format;
  const bool is_whole = n_embd % scales->shape[0] == 0;
  for (const uint64_t bits : {uint64_t{4}, uint64_t{8}}) {
    if (words->shape[0] * (32 / bits) != n_embd || !is_whole) continue;
    // A single group of n_embd inputs means that a group is the whole row, unless the wider fc_out
    // has more than one group.
    const CheckpointTensor* wide = find_matrix(tensors, "h.0.mlp.fc_out.scales");
    const bool is_one = scales->shape[0] == 1 && (wide == nullptr || wide->shape[0] == 1);
    format.bits = bits;
    format.group_size = is_one ? 0 : n_embd / scales->shape[0];
    return format;
  }
  return {};
}

// Returns whether the tensor is one of kNoBias and all its bytes are zero.
bool is_needless_bias(const CheckpointTensor& tensor, const CheckpointFiles& files) {
  if (std::none_of(std::begin(kNoBias), std::end(kNoBias),
                   [&](const char* end) { return tensor.name.ends_with(end); })) {
    return false;
  }
  const uint64_t size = tensor.size();
  const CheckpointTensor source = with_map(tensor, files.files);
  const TensorBytes bytes(source);
  return std::all_of(bytes.data(), bytes.data() + size,
                     [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

std::optional<GptqFormat> gptq_format(const FieldReader& config, int64_t n_embd,
                                      const CheckpointFiles& files) {
  if (const auto inside = config.object("quantization_config")) return parse_format(*inside);
  const std::string path = beside(files.folder, "quantize_config.json");
  if (is_there(path)) return parse_format(FieldReader(read_text_file(path, kMaxConfig), path));
  return format_of_shapes(files.tensors, static_cast<uint64_t>(n_embd));
}

void dequantize_gptq(CheckpointFiles& files, const GptqFormat& format) {
  std::map<std::string, std::map<Part, CheckpointTensor>> matrices;
  std::vector<CheckpointTensor> tensors;
  for (CheckpointTensor& tensor : files.tensors) {
    if (const auto part = part_of(tensor.name)) {
      const auto [place, is_new] = matrices[part->first].emplace(part->second, std::move(tensor));
      check(is_new, ErrorCode::kBadFile, place->second.file, ": tensor ",
            lazy_excerpt(place->second.name), " is there twice");
    } else if (!is_needless_bias(tensor, files)) {
      tensors.push_back(std::move(tensor));
    }
  }
  for (auto& [name, parts] : matrices) {
    const auto matrix =
        std::make_shared<const QuantizedMatrix>(name, std::move(parts), format, files);
    tensors.push_back(QuantizedMatrix::dequantized(matrix));
  }
  files.tensors = std::move(tensors);
}

}  // namespace gptj
