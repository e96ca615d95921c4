// SPDX-License-Identifier: Apache-2.0
#include "gptj/convert.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/float_environment.h"
#include "base/json.h"
#include "base/memory.h"
#include "checkpoint/config.h"
#include "checkpoint/tensor_names.h"
#include "convert/calibration.h"
#include "convert/source.h"
#include "engine/model_state.h"
#include "kernels/dispatch.h"
#include "weights/packed_file.h"
#include "weights/smoothing.h"
#include "weights/weight_type.h"

namespace gptj {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kEvaluationWindow = 512, kEvaluationWindows = 16;  // tokens; windows at most
constexpr size_t kMaxCalibrationTokens = 65536;
constexpr size_t kReportRoom = 4096;  // bytes of header kept for the report

ordered_json fidelity_json(const std::optional<Fidelity>& f) {
  if (!f) return nullptr;
  return {{"tokens", f->tokens},         {"mean_kl", f->mean_kl},
          {"p99_kl", f->p99_kl},         {"top1_agreement", f->top1_agreement},
          {"perplexity", f->perplexity}, {"reference_perplexity", f->reference_perplexity}};
}

class Conversion {
 public:
  Conversion(const std::string& source, const std::string& target, const ConvertOptions& options)
      : path_(source),
        source_(source),
        target_(target),
        options_(options),
        weights_(options.weights.value_or(source_.stored_type())),
        packing_(packing_of(weights_, options.head)) {
    check_target();
    check_threads(options.threads);
    report_.weights = weights_;
    report_.head = packing_.head;
    needs_ = memory_needs(source_.config(), {.weights = weights_, .head = report_.head});
    report_.bits_per_weight = needs_.bits_per_weight;
    check_fits(source_.packing_bytes(packing_), "converting", "use a smaller `weights` type");
    check_calibration();
    check_evaluation();
  }

  ConversionReport run() {
    SafetensorsWriter writer(target_,
                             packed_tensors(source_.config(), packing_, source_.embedding().type),
                             metadata(), kReportRoom);
    report_.file_bytes = writer.file_bytes();
    write_tensors(writer);
    writer.set_metadata(packed::kReport, conversion_report_json(report_));
    writer.write_header();
    if (!options_.evaluation.empty()) {
      report_.fidelity = evaluate(writer.partial_path());
      writer.set_metadata(packed::kReport, conversion_report_json(report_));
      writer.write_header();
    }
    writer.commit();
    return report_;
  }

 private:
  void check_target() const {
    check_param(target_.ends_with(".safetensors"), "target",
                "expected a name that ends in .safetensors, found ", target_);
    std::error_code ignored;
    for (const MappedFile* file : source_.files()) {
      for (const std::string& written : {target_, target_ + ".partial"}) {
        check_param(!std::filesystem::equivalent(file->path(), written, ignored), "target",
                    "expected another file than the source's own, found ", written);
      }
    }
  }

  // Throws kOutOfMemory if `need` bytes are not available. The check comes first because converting
  // may take hours.
  void check_fits(uint64_t need, const std::string& what, const char* instead) const {
    const uint64_t available = available_memory();
    check(need <= available, ErrorCode::kOutOfMemory, path_, ": ", what, " needs ", gigabytes(need),
          ", found ", gigabytes(available), " available; ", instead);
  }

  std::span<const TokenId> calibration_ids() const {
    return std::span(options_.calibration)
        .first(std::min(options_.calibration.size(), kMaxCalibrationTokens));
  }

  uint64_t calibration_steps() const {
    return Calibration::steps(source_.config(), calibration_ids().size());
  }

  void check_ids(const char* option, std::span<const TokenId> ids) const {
    const int64_t vocabulary = source_.config().vocab_size;
    for (const TokenId id : ids) {
      check_param(0 <= id && id < vocabulary, option, "expected token ids below ", vocabulary,
                  ", found ", id);
    }
  }

  void check_calibration() {
    const std::span<const TokenId> ids = calibration_ids();
    if (ids.empty()) return;
    check_param(is_quantized(packing_.layers) && is_quantized(packing_.head), "calibration",
                "expected weights of int8 or int4, which are rounded for a text; found ",
                weight_type_name(packing_.layers), ", head ", weight_type_name(packing_.head));
    check_ids("calibration", ids);
    const uint64_t need = source_.kept_bytes() + Calibration::bytes(source_.config(), ids.size());
    check_fits(need, concat("calibrating on ", ids.size(), " tokens"), "use a shorter text");
    report_.calibration_tokens = static_cast<int64_t>(ids.size());
  }

  void check_evaluation() const {
    if (options_.evaluation.empty()) return;
    check_ids("evaluation", options_.evaluation);
    const int64_t window = evaluation_window();
    check_param(static_cast<int64_t>(options_.evaluation.size()) >= window, "evaluation",
                "expected a text of at least ", window, " tokens, found ",
                options_.evaluation.size());
    const MemoryNeeds reference = memory_needs(
        source_.config(), {.weights = reference_type(), .embedding = source_.embedding()});
    const uint64_t need = needs_.weights + needs_.kv_cache_full_context + reference.weights +
                          2 * reference.kv_cache_full_context;
    check_fits(need, "comparing both models", "convert without the evaluation");
  }

  int64_t evaluation_window() const {
    return std::min(kEvaluationWindow, source_.config().n_positions);
  }

  SafetensorsWriter::Metadata metadata() const {
    SafetensorsWriter::Metadata m;
    if (options_.on_warning) {
      for (const std::string& warning : source_.warnings()) options_.on_warning(warning);
    }
    if (const auto chosen =
            choose_tokenizer(source_.tokenizer_hints(), options_.tokenizer, options_.on_warning)) {
      m = chosen->files.texts;
    }
    m[packed::kLayout] = std::string(packed::kLayoutVersion);
    m[packed::kWeights] = weight_type_name(weights_);
    m[packed::kHead] = weight_type_name(packing_.head);
    m[packed::kConfig] = config_json(source_.config());
    if (!source_.generation_config().empty()) {
      m[packed::kGenerationConfig] = source_.generation_config();
    }
    ordered_json origin;
    origin["name"] = source_.name();
    for (const MappedFile* file : source_.files()) {
      origin["files"].push_back({{"name", std::filesystem::path(file->path()).filename().string()},
                                 {"bytes", file->bytes().size()}});
    }
    origin["type"] = weight_type_name(source_.stored_type());
    // dump_text() is needed because names of files need not be UTF-8.
    m[packed::kSource] = dump_text(origin);
    return m;
  }

  // Writes all tensors in the order of packed_tensors().
  void write_tensors(SafetensorsWriter& writer) const {
    const auto tensors = smoothed_source(source_.tensors(), packing_.layers);
    ThreadPool pool(options_.threads);
    const KernelTable& kernels = select_kernels(options_.isa);
    const bool calibrated = report_.calibration_tokens > 0;
    WeightPacker packer(*tensors, calibrated ? Packing{Element::kF32, Element::kF32} : packing_,
                        kernels, pool, [&](uint64_t done, uint64_t total) {
                          if (!calibrated) show("converting", done, total);
                        });
    const Embedding embedding = packer.embedding();
    std::optional<Calibration> calibration;
    if (calibrated) {
      calibration.emplace(source_.config(), packing_, kernels, pool, embedding, calibration_ids(),
                          [this, done = uint64_t{0}]() mutable {
                            show("calibrating", ++done, calibration_steps());
                          });
    }

    std::vector<std::pair<std::string, AlignedBuffer<float>>> vectors;
    const auto put = [&](const MatrixSpec& spec, PackedMatrix m) {
      writer.write(m.panels);
      const std::vector<std::byte> padding(round_up(m.bytes(), 64) - m.bytes());
      writer.write(padding);
      if (!spec.bias.empty()) vectors.emplace_back(spec.bias, std::move(m.bias));
    };
    const auto keep = [&](const std::string& name, LayerNorm norm) {
      vectors.emplace_back(name + ".weight", std::move(norm.weight));
      vectors.emplace_back(name + ".bias", std::move(norm.bias));
    };
    const ModelConfig& config = source_.config();
    for (int64_t i = 0; i < config.n_layer; ++i) {
      Layer layer = packer.layer(i);
      if (calibration) layer = calibration->layer(i, std::move(layer));
      const auto specs = layer_matrices(config, i);
      for (size_t m = 0; m < specs.size(); ++m) put(specs[m], std::move(*layer.matrices()[m]));
      keep(layer_tensor_name(i, "ln_1"), std::move(layer.ln_1));
    }
    LayerNorm final_norm = packer.final_norm();
    PackedMatrix head = packer.head();
    if (calibration) head = calibration->head(final_norm, std::move(head));
    put(head_matrix(config), std::move(head));
    keep("ln_f", std::move(final_norm));
    writer.write(embedding.bytes);
    write_vectors(vectors, writer);
  }

  void write_vectors(const std::vector<std::pair<std::string, AlignedBuffer<float>>>& vectors,
                     SafetensorsWriter& writer) const {
    for (const TensorSpec& spec : tensor_specs(source_.config())) {
      if (spec.shape.size() != 1) continue;
      const auto found = std::find_if(vectors.begin(), vectors.end(),
                                      [&](const auto& v) { return v.first == spec.name; });
      writer.write(std::as_bytes(found->second.span().first(spec.shape[0])));
    }
  }

  // Returns the type in which the reference is loaded. f16 and f32 weights are multiplied exactly
  // as they are. Others become f32, because products of bf16 may round activations.
  WeightType reference_type() const {
    const WeightType stored = source_.stored_type();
    const bool exact = stored == WeightType::kF32 || stored == WeightType::kF16;
    return exact ? stored : WeightType::kF32;
  }
  Fidelity evaluate(const std::string& file) const {
    LoadOptions load;
    load.threads = options_.threads;
    load.isa = options_.isa;
    load.tokenizer = options_.tokenizer;  // metadata() passed on its warnings already
    load.on_progress = [&](uint64_t done, uint64_t total) {
      show("loading", done, total);
      return Progress::kContinue;
    };
    const Model model = Model::load(file, load);
    load.weights = reference_type();
    load.kv_cache = WeightType::kF32;
    const Model reference = Model::load(path_, load);
    const int64_t window = evaluation_window();
    const auto whole = static_cast<int64_t>(options_.evaluation.size()) / window;
    return fidelity(model, reference, options_.evaluation,
                    {.window = window,
                     .windows = std::min(kEvaluationWindows, whole),
                     .on_progress = [&](int64_t done, int64_t total) {
                       show("evaluating", static_cast<uint64_t>(done),
                            static_cast<uint64_t>(total));
                       return Progress::kContinue;
                     }});
  }

  void show(const char* what, uint64_t done, uint64_t total) const {
    check(!options_.on_progress || options_.on_progress(what, done, total) == Progress::kContinue,
          ErrorCode::kCancelled, "converting was cancelled");
  }

  std::string path_;
  ConversionSource source_;
  std::string target_;
  const ConvertOptions& options_;
  WeightType weights_;
  Packing packing_;
  MemoryNeeds needs_;
  ConversionReport report_;
};

}  // namespace

std::string conversion_report_json(const ConversionReport& report) {
  ordered_json json;
  json["weights"] = weight_type_name(report.weights);
  json["head"] = weight_type_name(report.head);
  json["file_bytes"] = report.file_bytes;
  json["bits_per_weight"] = report.bits_per_weight;
  json["calibration_tokens"] = report.calibration_tokens;
  json["fidelity"] = fidelity_json(report.fidelity);
  return dump_text(json);
}

ConversionReport convert(const std::string& source, const std::string& target,
                         const ConvertOptions& options) {
  const DefaultFloatEnvironment environment;
  return Conversion(source, target, options).run();
}

}  // namespace gptj
