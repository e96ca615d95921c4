// SPDX-License-Identifier: Apache-2.0
#include "gptj/convert.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "convert/source.h"
#include "formats/safetensors.h"
#include "gptj/generate.h"
#include "support/expect_error.h"
#include "support/golden.h"
#include "support/pytorch_writer.h"
#include "support/temp_folder.h"
#include "support/tiny_checkpoint.h"
#include "weights/packed_file.h"

#ifdef GPTJ_SENTENCEPIECE
#include <sentencepiece_trainer.h>
#endif

namespace gptj {
namespace {

using test::content_of;
using test::expect_error;
using test::golden_path;
using test::TempFolder;

const std::string kFairytale = GPTJ_SOURCE_DIR "/models/fairytale-8m";

std::vector<std::vector<float>> logits_of(const Model& model) {
  const std::vector<TokenId> ids = {1, 5, 2, 2, 6, 3};
  Session session(model);
  return test::forward(session, test::rows_of(ids, session.add_sequence(), 0));
}

// Sizes that are no multiple of a panel or a group among them.
const std::vector<std::string> kModels = {"big-head-f16", "deep-bf16", "rotary-full-odd-ffn-f16",
                                          "rotary-partial-f32"};

TEST(Convert, AFileGivesTheSameBitsAsItsSourcePackedWhileLoading) {
  const TempFolder folder;
  const std::string target = folder.path("model.safetensors");
  for (const std::string& name : kModels) {
    for (const WeightType type : kWeightTypes) {
      SCOPED_TRACE(name + " as " + weight_type_name(type));
      convert(golden_path(name), target, {.weights = type});
      const Model loaded = Model::load(golden_path(name), {.weights = type});
      const Model mapped = Model::load(target);
      EXPECT_EQ(mapped.weight_type(), type);
      EXPECT_EQ(mapped.kv_cache_type(), loaded.kv_cache_type());
      EXPECT_EQ(mapped.weight_bytes(), loaded.weight_bytes());
      EXPECT_EQ(logits_of(mapped), logits_of(loaded));
    }
  }
}

TEST(Convert, AHeadOfItsOwnTypeIsKept) {
  const TempFolder folder;
  const std::string target = folder.path("model.safetensors");
  const LoadOptions options = {.weights = WeightType::kInt4, .head = WeightType::kInt4};
  convert(kFairytale, target, {.weights = options.weights, .head = options.head});
  EXPECT_EQ(logits_of(Model::load(target)), logits_of(Model::load(kFairytale, options)));
}

TEST(Convert, FilesOfWholeNumbersArePackedAnew) {
  const TempFolder folder;
  const std::string stored = folder.path("stored.safetensors");
  for (const std::string& name : kModels) {
    convert(golden_path(name), stored);
    for (const WeightType type : {WeightType::kF32, WeightType::kInt8, WeightType::kInt4}) {
      SCOPED_TRACE(name + " as " + weight_type_name(type));
      const std::string again = folder.path("again.safetensors");
      convert(stored, again, {.weights = type});
      const auto expected = logits_of(Model::load(golden_path(name), {.weights = type}));
      EXPECT_EQ(logits_of(Model::load(stored, {.weights = type})), expected);
      EXPECT_EQ(logits_of(Model::load(again)), expected);
    }
  }
}

TEST(Convert, QuantizedFilesRefuseAnotherType) {
  const TempFolder folder;
  const std::string target = folder.path("model.safetensors");
  for (const WeightType type : {WeightType::kInt8, WeightType::kInt4}) {
    convert(golden_path("deep-bf16"), target, {.weights = type});
    for (const WeightType other : kWeightTypes) {
      if (other == type) continue;
      expect_error(
          ErrorCode::kUnsupported, [&] { Model::load(target, {.weights = other}); }, target,
          weight_type_name(type), "gptj convert");
    }
    expect_error(
        ErrorCode::kUnsupported,
        [&] { convert(target, folder.path("other.safetensors"), {.weights = WeightType::kF16}); },
        "gptj convert");
  }
}

TEST(Convert, TheFileIsAllThatAModelIs) {
  const TempFolder folder;
  const std::string target = folder.path("fairy.safetensors");
  const ConversionReport report = convert(kFairytale, target, {.weights = WeightType::kInt8});
  const CheckpointInfo source = inspect(kFairytale), info = inspect(target);
  EXPECT_EQ(info.stored_type, WeightType::kInt8);
  EXPECT_EQ(info.parameters, source.parameters);
  EXPECT_EQ(info.tokenizer_size, source.tokenizer_size);
  EXPECT_EQ(info.config.eos_token_ids, source.config.eos_token_ids);
  EXPECT_EQ(info.config.bos_token_id, source.config.bos_token_id);
  EXPECT_EQ(info.config.layer_norm_epsilon, source.config.layer_norm_epsilon);
  EXPECT_EQ(info.file_bytes, report.file_bytes);
  EXPECT_EQ(info.file_bytes, std::filesystem::file_size(target));
  EXPECT_EQ(info.report, conversion_report_json(report));
  EXPECT_NE(info.source.find("\"fairytale-8m\""), std::string::npos) << info.source;

  // Nothing but the file is needed: text in, the same text out.
  Request request;
  request.prompt = "Once upon a time";
  request.max_tokens = 20;
  request.seed = 5;
  const Model loaded = Model::load(kFairytale, {.weights = WeightType::kInt8});
  EXPECT_EQ(complete(Model::load(target), request).choices[0].text,
            complete(loaded, request).choices[0].text);
  EXPECT_EQ(load_tokenizer(target).encode("A king"), loaded.tokenizer()->encode("A king"));
}

#ifdef GPTJ_SENTENCEPIECE
TEST(Convert, KeepsASentencePieceModel) {
  const TempFolder folder;
  test::TinyCheckpoint().write(folder);
  folder.write("corpus.txt", "the cat and the hat\nof the cat\n");
  const auto status = sentencepiece::SentencePieceTrainer::Train(
      "--vocab_size=20 --hard_vocab_limit=false --minloglevel=3 --input=" +
      folder.path("corpus.txt") + " --model_prefix=" + folder.path("spiece"));
  ASSERT_TRUE(status.ok()) << status.ToString();
  const std::string target = folder.path("packed/model.safetensors");
  std::filesystem::create_directory(folder.path("packed"));
  convert(folder.path(), target);
  const Tokenizer source = load_tokenizer(folder.path()), kept = load_tokenizer(target);
  EXPECT_EQ(kept.fingerprint(), source.fingerprint());
  EXPECT_EQ(kept.encode("the hat of the cat"), source.encode("the hat of the cat"));
  EXPECT_EQ(inspect(target).tokenizer_size, source.size());
}
#endif

TEST(Convert, WithoutATokenizerThereIsNone) {
  const TempFolder folder;
  const std::string target = folder.path("model.safetensors");
  convert(golden_path("deep-bf16"), target);
  EXPECT_EQ(Model::load(target).tokenizer(), nullptr);
  EXPECT_FALSE(inspect(target).tokenizer_size.has_value());
  expect_error(
      ErrorCode::kNotFound, [&] { load_tokenizer(target); }, target, "no tokenizer");
}

TEST(Convert, TheSameSourceGivesTheSameBytes) {
  const TempFolder folder;
  for (const WeightType type : {WeightType::kBF16, WeightType::kInt4}) {
    convert(kFairytale, folder.path("a.safetensors"), {.weights = type, .threads = 1});
    convert(kFairytale, folder.path("b.safetensors"),
            {.weights = type, .threads = 3, .isa = "portable"});
    EXPECT_EQ(content_of(folder.path("a.safetensors")), content_of(folder.path("b.safetensors")));
  }
}

TEST(Convert, TheReportMeasuresTheFile) {
  const TempFolder folder;
  const std::string target = folder.path("model.safetensors");
  std::vector<TokenId> text;
  for (TokenId id = 0; id < 1100; ++id) text.push_back(id * 37 % 4096);
  const ConversionReport report =
      convert(kFairytale, target, {.weights = WeightType::kInt4, .evaluation = text});
  ASSERT_TRUE(report.fidelity.has_value());
  const Fidelity expected =
      fidelity(Model::load(target), Model::load(kFairytale, {.kv_cache = WeightType::kF32}), text,
               {.window = 512, .windows = 2});
  EXPECT_EQ(report.fidelity->tokens, 1024);
  EXPECT_EQ(report.fidelity->mean_kl, expected.mean_kl);
  EXPECT_GT(report.fidelity->mean_kl, 0);
  EXPECT_EQ(inspect(target).report, conversion_report_json(report));
  text.resize(511);
  expect_error(
      ErrorCode::kInvalidArgument, [&] { convert(kFairytale, target, {.evaluation = text}); },
      "at least 512", "511");
  text[3] = 4096;
  expect_error(
      ErrorCode::kInvalidArgument, [&] { convert(kFairytale, target, {.evaluation = text}); },
      "evaluation", "below 4096");
}

TEST(Convert, WarnsOfATokenizerOnce) {
  const TempFolder folder;
  nlohmann::json other = nlohmann::json::parse(content_of(kFairytale + "/tokenizer.json"));
  std::swap(other["model"]["merges"][0], other["model"]["merges"][1]);
  folder.write("tokenizer.json", other.dump());
  std::vector<std::string> warnings;
  convert(kFairytale, folder.path("model.safetensors"),
          {.evaluation = std::vector<TokenId>(512, 7),
           .tokenizer = folder.path(),
           .on_warning = [&](const std::string& warning) { warnings.push_back(warning); }});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("not the one that the model came with"), std::string::npos);
}

// 7 ids, width 4, 2 layers, feed-forward 3.
TEST(Convert, KnowsItsNeedsBeforeReading) {
  const TempFolder folder;
  test::TinyCheckpoint tiny;
  tiny.write(folder);
  const ConversionSource plain(folder.path());
  const uint64_t vectors = (2 * (3 * 4 + 3) + 2 * 4 + 7) * 4;
  EXPECT_EQ(plain.kept_bytes(), vectors);
  // Panels of 16 outputs: q, k and v in one, fc_in, out_proj, and fc_out of 3 inputs.
  const uint64_t panel = 4 * 16 * 4, layer = 3 * panel + 3 * 16 * 4;
  const Packing f32{Element::kF32, Element::kF32};
  EXPECT_EQ(plain.packing_bytes(f32), vectors + layer);
  // Weights of int8 may be smoothed: 48 numbers of q, k and v, in f32.
  const Packing int8{Element::kInt8, Element::kInt8};
  const size_t panels =
      3 * panel_bytes(Element::kInt8, 4, 128) + panel_bytes(Element::kInt8, 3, 128);
  EXPECT_EQ(plain.packing_bytes(int8), vectors + panels + 48 * 4);
  // Where lm_head is more than a layer, it counts.
  const ConversionSource fairytale(kFairytale);
  EXPECT_EQ(fairytale.packing_bytes(f32), fairytale.kept_bytes() + 4096 * 256 * 4);

  // A packed file's matrices are made plain rows again, of q, k and v at once.
  convert(folder.path(), folder.path("packed.safetensors"), {.weights = WeightType::kF32});
  EXPECT_EQ(ConversionSource(folder.path("packed.safetensors")).packing_bytes(f32),
            vectors + layer + panel);

  // Tensors that lie column by column are made too; the embedding stays.
  auto tensors = test::torch_tensors(tiny.tensors);
  for (test::TorchTensor& each : tensors) {
    if (each.tensor.name == "transformer.wte.weight") each.strides = {1, 7};
    if (each.tensor.name == "transformer.h.1.attn.k_proj.weight") each.strides = {1, 4};
  }
  const std::string turned = folder.write("pytorch_model.bin", test::torch_file(tensors));
  EXPECT_EQ(ConversionSource(turned).kept_bytes(), vectors + 7 * 4 * 2);
  EXPECT_EQ(ConversionSource(turned).packing_bytes(f32), vectors + 7 * 4 * 2 + layer + 4 * 4 * 2);
}

TEST(Convert, NamesNeedNotBeUtf8) {
  const TempFolder folder;
  const std::string target = folder.path("model.safetensors"), odd = folder.path("\xff\xfe");
  std::filesystem::create_directory_symlink(golden_path("deep-bf16"), odd);
  convert(odd, target);
  EXPECT_NE(inspect(target).source.find("\"type\":\"bf16\""), std::string::npos);
  expect_error(ErrorCode::kNotFound, [&] { convert("", target); });
}

TEST(Convert, TheTargetIsWholeOrAsBefore) {
  const TempFolder folder;
  const std::string target = folder.write("model.safetensors", "precious");
  const auto untouched = [&] {
    return content_of(target) == "precious" && !std::filesystem::exists(target + ".partial");
  };
  int calls = 0;
  const auto cancel_later = [&](const char*, uint64_t done, uint64_t total) {
    EXPECT_LE(done, total);
    return ++calls == 20 ? Progress::kCancel : Progress::kContinue;
  };
  expect_error(
      ErrorCode::kCancelled, [&] { convert(kFairytale, target, {.on_progress = cancel_later}); },
      "cancelled");
  EXPECT_TRUE(untouched());
  expect_error(
      ErrorCode::kUnsupported,
      [&] { convert(golden_path("big-head-f16") + "/cases.json", target); }, "cases.json");
  EXPECT_TRUE(untouched());
  convert(kFairytale, target);
  EXPECT_EQ(Model::load(target).name(), "model.safetensors");
}

TEST(Convert, WrongTargetsAreRefused) {
  const TempFolder folder;
  const std::string own = folder.path("own.safetensors");
  convert(golden_path("deep-bf16"), own);
  const auto refused = [](const std::string& source, const std::string& target, const char* word) {
    expect_error(
        ErrorCode::kInvalidArgument, [&] { convert(source, target); }, "target", word);
  };
  refused(kFairytale, folder.path("model.bin"), ".safetensors");
  refused(own, own, "source's own");
  // What a conversion that was killed may leave: whole, and about to be written over.
  std::filesystem::copy_file(own, own + ".partial");
  refused(own + ".partial", own, "source's own");
  EXPECT_EQ(std::filesystem::file_size(own + ".partial"), std::filesystem::file_size(own));
  refused(kFairytale, kFairytale + "/model.safetensors", "source's own");
  expect_error(
      ErrorCode::kIo, [&] { convert(kFairytale, folder.path("none/model.safetensors")); },
      "none/model.safetensors.partial");
}

// A packed file of the smallest model, to be damaged.
class PackedFileDamage : public testing::Test {
 protected:
  PackedFileDamage() {
    const TempFolder source;
    test::TinyCheckpoint().write(source);
    path_ = folder_.path("tiny.safetensors");
    convert(source.path(), path_, {.weights = WeightType::kInt4});
    bytes_ = content_of(path_);
    uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), 8);
    header_ = nlohmann::ordered_json::parse(bytes_.substr(8, length));
    data_ = bytes_.substr(8 + length);
  }

  template <class Change>
  void expect_refused(ErrorCode code, const Change& change, const char* word) {
    nlohmann::ordered_json header = header_;
    change(header);
    std::string text = header.dump();
    text.resize((text.size() + 8 + 4095) / 4096 * 4096 - 8, ' ');
    folder_.write("tiny.safetensors", test::safetensors_file(text, data_));
    expect_error(
        code, [&] { Model::load(path_); }, path_, word);
  }

  TempFolder folder_;
  std::string path_, bytes_, data_;
  nlohmann::ordered_json header_;
};

TEST_F(PackedFileDamage, IsNamed) {
  using Json = nlohmann::ordered_json;
  const auto without = [](const char* key) {
    return [key](Json& h) { h["__metadata__"].erase(key); };
  };
  const auto with = [](const char* key, const char* value) {
    return [key, value](Json& h) { h["__metadata__"][key] = value; };
  };
  for (const char* key : {packed::kWeights, packed::kHead, packed::kConfig}) {
    expect_refused(ErrorCode::kBadFile, without(key), key);
  }
  expect_refused(ErrorCode::kUnsupported, with(packed::kLayout, "2"), "expected 1, found \"2\"");
  expect_refused(ErrorCode::kBadFile, with(packed::kWeights, "int3"), "int3");
  expect_refused(ErrorCode::kBadFile, with(packed::kWeights, "int8"), "expected U8");
  expect_refused(ErrorCode::kBadFile, with(packed::kConfig, "{"), packed::kConfig);
  expect_refused(ErrorCode::kBadFile, with(packed::kGenerationConfig, "[]"),
                 packed::kGenerationConfig);
  expect_refused(ErrorCode::kBadFile, with("tokenizer.json", "["), "tokenizer.json");
  const std::string deep(300000, '[');
  expect_refused(ErrorCode::kBadFile, with(packed::kReport, deep.c_str()), packed::kReport);
  expect_refused(ErrorCode::kBadFile, with(packed::kSource, "none"), packed::kSource);
  expect_refused(ErrorCode::kBadFile, without(packed::kSource), packed::kSource);
  expect_refused(
      ErrorCode::kBadFile,
      [](Json& h) {
        h["other"] = h["lm_head.packed"];
        h.erase("lm_head.packed");
      },
      "lm_head.packed");
  expect_refused(
      ErrorCode::kBadFile, [](Json& h) { h["ln_f.bias"]["dtype"] = "I32"; }, "ln_f.bias");
  expect_refused(
      ErrorCode::kBadFile, [](Json& h) { h["wte.weight"]["dtype"] = "I16"; }, "wte.weight");
}

TEST_F(PackedFileDamage, OfPlacesIsFound) {
  // All data one byte later, so that no matrix begins at a multiple of 64.
  nlohmann::ordered_json header = header_;
  std::string text = header.dump();
  text.resize((text.size() + 8 + 4095) / 4096 * 4096 - 7, ' ');
  folder_.write("tiny.safetensors", test::safetensors_file(text, data_));
  expect_error(
      ErrorCode::kBadFile, [&] { Model::load(path_); }, "multiple of 64");
}

TEST_F(PackedFileDamage, ByCuttingAnywhereIsAnError) {
  for (size_t size = 0; size < bytes_.size(); size += size < 4200 ? 7 : 1021) {
    folder_.write("tiny.safetensors", std::string_view(bytes_).substr(0, size));
    EXPECT_FALSE(test::finishes([&] { Model::load(path_); })) << size;
  }
}

TEST_F(PackedFileDamage, OfAnyHeaderByteNeverCrashes) {
  const size_t length = header_.dump().size();
  for (size_t i = 0; i < 8 + length; i += 3) {
    std::string damaged = bytes_;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x11);
    folder_.write("tiny.safetensors", damaged);
    test::finishes([&] { inspect(path_); });
  }
}

// Whatever the bytes of packed numbers are, nothing overflows and nothing is read beyond them.
TEST_F(PackedFileDamage, OfWeightsGivesOtherLogitsOrAnError) {
  const auto whole = logits_of(Model::load(path_));
  const size_t begin = bytes_.size() - data_.size();
  for (const char byte : {'\0', '\xff', '\x7c', '\x80'}) {
    std::string damaged = bytes_;
    std::fill(damaged.begin() + static_cast<std::ptrdiff_t>(begin), damaged.end(), byte);
    folder_.write("tiny.safetensors", damaged);
    std::vector<std::vector<float>> logits;
    if (!test::finishes([&] { logits = logits_of(Model::load(path_)); })) continue;
    EXPECT_EQ(logits.size(), whole.size());
    EXPECT_NE(logits, whole);
  }
}

}  // namespace
}  // namespace gptj
