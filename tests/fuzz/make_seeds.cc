// SPDX-License-Identifier: Apache-2.0
// make_seeds FOLDER: for each target that needs them, FOLDER/TARGET/... with small files as the
// tests and the engine itself write them.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/json_fields.h"
#include "checkpoint/config.h"
#include "fuzz/layouts.h"
#include "fuzz/models.h"
#include "gptj/convert.h"
#include "gptj/session.h"
#include "jobs/journal.h"
#include "support/pytorch_writer.h"
#include "support/temp_folder.h"
#include "support/tiny_checkpoint.h"
#include "tokenizer/small_tokenizer.h"
#ifdef GPTJ_SENTENCEPIECE
#include "support/trained_sentencepiece.h"
#endif

namespace gptj::test {
namespace {

namespace fs = std::filesystem;

class Seeds {
 public:
  explicit Seeds(fs::path folder) : folder_(std::move(folder)) {}

  void add(const std::string& target, const std::string& content) {
    fs::create_directories(folder_ / target);
    std::ofstream file(folder_ / target / std::to_string(count_++), std::ios::binary);
    file << content;
  }

 private:
  fs::path folder_;
  int count_ = 0;
};

std::vector<TestTensor> few_tensors() {
  return {counting_tensor("wte.weight", DType::kF32, {2, 3}),
          counting_tensor("h.0.attn.bias", DType::kBool, {1, 1, 2, 2}),
          counting_tensor("h.0.ln_1.bias", DType::kF16, {4})};
}

void add_torch(Seeds& seeds) {
  std::vector<TorchTensor> tensors = torch_tensors(few_tensors());
  tensors[0].strides = {1, 2};
  tensors[2].parameter = true;
  tensors.push_back({counting_tensor("shared", DType::kF16, {4}), "2"});
  tensors.back().tensor.shape = {2};
  tensors.back().offset = 1;
  for (const std::string& file : {torch_file(tensors), legacy_torch_file(tensors)}) {
    seeds.add("pytorch", file);
  }
  seeds.add("pickle", state_dict(tensors));
  const std::string protocol4 =
      "\x8c\x05torch\x94\x8c\x0c"
      "FloatStorage\x94\x93\x94(K\1e]a\x85.";
  seeds.add("pickle", "\x80\x04\x95" + std::string(8, '\0') + protocol4);
  seeds.add("zip", torch_file(tensors));
  for (const ZipOptions& options : {ZipOptions{}, ZipOptions{.zip64_entries = true}}) {
    seeds.add("zip", zip_file({{"arr_0.npy", "x"}, {"b", ""}}, options));
  }
}

void add_safetensors(Seeds& seeds) {
  seeds.add("safetensors", safetensors_file(few_tensors()));
  seeds.add("weight_index", R"({"metadata":{"total_size":6},"weight_map":{"a":"s1","b":"s2"}})");
  seeds.add("gptq", safetensors_file({counting_tensor("h.0.q.qweight", DType::kI32, {2, 16}),
                                      counting_tensor("h.0.q.qzeros", DType::kI32, {2, 2}),
                                      counting_tensor("h.0.q.scales", DType::kF16, {2, 16})}));
  TestTensor groups{"h.0.q.g_idx", DType::kI32, {16}, std::string(64, '\0')};
  seeds.add("gptq", safetensors_file({counting_tensor("h.0.q.qweight", DType::kI32, {2, 8}),
                                      counting_tensor("h.0.q.qzeros", DType::kI32, {2, 1}),
                                      counting_tensor("h.0.q.scales", DType::kF32, {2, 8}), groups,
                                      counting_tensor("h.0.attn.q_proj.bias", DType::kF16, {2})}));
}

void add_configs(Seeds& seeds) {
  const fs::path root = GPTJ_SOURCE_DIR;
  for (const char* folder : {"models/fairytale-8m", "tests/golden/codegen-f16"}) {
    seeds.add("config", content_of((root / folder / "config.json").string()));
  }
  seeds.add("config", R"({"model_type":"gptj","quantization_config":{"quant_method":"gptq",)"
                      R"("bits":4,"group_size":-1,"checkpoint_format":"gptq_v2"},"mp_num":8})");
  seeds.add("generation_config",
            content_of((root / "models/fairytale-8m/generation_config.json").string()));
  for (const fuzz::Layout& layout : fuzz::layouts()) {
    if (layout.config.contains("d_model")) seeds.add("mesh_config", layout.config.dump());
  }
  seeds.add("template",
            R"({"begin": "<START>\n", "turn": "You: {prompt}\nCharacter:", "end": "\n",)"
            R"("stop": ["\nYou:", "<START>"]})");
}

// A GPT-J's tensors, with q_proj quantized or q, k and v fused where the config says so.
std::vector<TestTensor> tensors_of(const nlohmann::json& config) {
  const bool fused = config["model_type"] == "codegen";
  const bool quantized = config.contains("quantization_config");
  const uint64_t width = config["n_embd"];
  std::vector<TestTensor> tensors;
  Warnings warnings;
  for (const TensorSpec& spec :
       tensor_specs(parse_config({config.dump(), "layouts.json"}, warnings))) {
    const std::string name = (is_lm_head(spec.name) ? "" : "transformer.") + spec.name;
    const std::string module = name.substr(0, name.rfind('.') + 1);
    const bool is_q = name.ends_with("q_proj.weight");
    if (quantized && is_q) {
      tensors.push_back(counting_tensor(module + "qweight", DType::kI32, {width / 8, width}));
      tensors.push_back(counting_tensor(module + "qzeros", DType::kI32, {1, width / 8}));
      tensors.push_back(counting_tensor(module + "scales", DType::kF16, {1, width}));
    } else if (fused && is_q) {
      const std::string attn = name.substr(0, name.rfind("q_proj"));
      tensors.push_back(counting_tensor(attn + "qkv_proj.weight", DType::kF16, {3 * width, width}));
    } else if (!fused || !(name.ends_with("k_proj.weight") || name.ends_with("v_proj.weight"))) {
      tensors.push_back(counting_tensor(name, DType::kF16, spec.shape));
    }
  }
  return tensors;
}

// The others are those of make_layout_seeds.py.
void add_checkpoints(Seeds& seeds) {
  const std::vector<fuzz::Layout> layouts = fuzz::layouts();
  for (size_t i = 0; i < layouts.size(); ++i) {
    const auto add = [&](const std::string& file) {
      seeds.add("checkpoint", static_cast<char>(i) + file);
    };
    if (layouts[i].files[0] == "pytorch_model.bin") {
      std::vector<TorchTensor> tensors = torch_tensors(tensors_of(layouts[i].config));
      for (TorchTensor& each : tensors) {  // a strided view, which is made
        if (each.tensor.name.ends_with("fc_in.weight")) each.strides = {1, each.tensor.shape[0]};
      }
      add(torch_file(tensors));
      add(legacy_torch_file(tensors));
    } else if (layouts[i].files[0] == "model.safetensors") {
      add(safetensors_file(tensors_of(layouts[i].config)));
    } else if (layouts[i].files[0] == "any") {
      add("version https://git-lfs.github.com/spec/v1\n");
      add("<!DOCTYPE html>");
      add("GGUF" + std::string(20, '\0') + "\x14" + std::string(7, '\0') +
          "general.architecture\x08" + std::string(3, '\0') + "\x04" + std::string(7, '\0') +
          "gptj");
    }
  }
}

// A field of a protocol buffer.
std::string field(int number, const std::string& bytes) {
  const size_t size = bytes.size();
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(size | 0x80),
                     static_cast<char>(size >> 7)} +
         bytes;
}

// Of a few pieces, with a table of one block of units whose root leads to the block itself.
std::string sentencepiece_model() {
  const auto piece = [](const std::string& text, char kind) {
    return field(1, field(1, text) + "\x15" + std::string("\0\0\x80\xbf", 4) + "\x18" + kind);
  };
  std::string table = le<uint32_t>(1024) + le<uint32_t>(1u << 10) + std::string(1020, '\0');
  table += std::string("x\0", 2);
  return piece("<unk>", 2) + piece("<s>", 3) + piece("\xe2\x96\x81t", 1) + piece("he", 1) +
         piece("<0x41>", 6) + field(3, field(2, table));
}

void add_tokenizers(Seeds& seeds) {
  const TokenizerFiles files = small_vocabulary_files();
  const std::string texts[] = {small_tokenizer_json().dump(),
                               files.texts.at("vocab.json"),
                               files.texts.at("merges.txt"),
                               R"({"<|x|>": 262})",
                               R"({"eos_token": "<|endoftext|>", "add_prefix_space": false})",
                               R"({"bos_token": {"content": "<|endoftext|>", "lstrip": true}})"};
  for (size_t i = 0; i < std::size(texts); ++i) {
    seeds.add("tokenizer", static_cast<char>(i) + texts[i]);
  }
  Json split = small_tokenizer_json(), around = split;
  split["pre_tokenizer"] = parse_json(R"({"type": "Sequence", "pretokenizers": [{"type": "Split",
      "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "use_regex": false}]})",
                                      "seed");
  split["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = kGpt2Regex;
  split["added_tokens"].push_back({{"id", 262},
                                   {"content", "\n<x>"},
                                   {"normalized", true},
                                   {"lstrip", true},
                                   {"rstrip", true},
                                   {"single_word", true}});
  seeds.add("tokenizer", '\0' + split.dump());
  around["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}}}};
  around["pre_tokenizer"]["add_prefix_space"] = true;
  around["post_processor"] = parse_json(R"({"type": "TemplateProcessing", "single":
      [{"SpecialToken": {"id": "<e>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
      "special_tokens": {"<e>": {"id": "<e>", "ids": [261], "tokens": ["<e>"]}}})",
                                        "seed");
  seeds.add("tokenizer", '\0' + around.dump());
  around["post_processor"] = {
      {"type", "RobertaProcessing"}, {"cls", {"a", 97}}, {"sep", {"b", 98}}};
  seeds.add("tokenizer", '\0' + around.dump());
  seeds.add("tokenizer", '\4' + std::string(R"({"add_bos_token": true, "add_eos_token": true,
      "add_prefix_space": true, "bos_token": "he", "additional_special_tokens": ["ab"],
      "added_tokens_decoder": {"262": {"content": "<x>", "normalized": false}}, "other": 1})"));
  seeds.add("sentencepiece", sentencepiece_model());
  seeds.add("sentencepiece", sentencepiece_model() + field(2, "\x18\x02"));  // BPE
  seeds.add("text", "e\u0301 \u1112\u1161\u11ab \n<x><x> a\u0307\u0323 <y>_<y>  \xff\u0301");
  seeds.add("text", "The abab's the\n  123 \xc3\xa9\xff<|endoftext|>");
}

void add_sentencepiece([[maybe_unused]] Seeds& seeds) {
#ifdef GPTJ_SENTENCEPIECE
  // The library's own rules of normalization are large.
  const TempFolder folder;
  const std::string rules = folder.write("rules.tsv", "41\t61\nFF21\t61\n2126\t3A9 20\n");
  for (const std::string& options :
       {std::string("--model_type=unigram --normalization_rule_name=identity"),
        std::string("--model_type=bpe --byte_fallback=true --normalization_rule_name=identity"),
        "--model_type=unigram --normalization_rule_tsv=" + rules}) {
    seeds.add("sentencepiece", trained(options));
  }
#endif
}

void add_jobs(Seeds& seeds) {
  seeds.add("completion_body", R"({"model": "m", "prompt": ["Once", "a"], "max_tokens": 4, "n": 2,)"
                               R"("stop": ["x", null], "logit_bias": {"5": 1}, "seed": -1})");
  seeds.add("completion_body",
            R"({"prompt": [[1, 2], [3]], "echo": true, "logprobs": 1, "top_k": -1,)"
            R"("stream": true, "stream_options": {"include_usage": true}})");
  seeds.add("kobold_body", R"({"prompt": "Once", "memory": "A", "max_length": 4, "rep_pen": 1.1,)"
                           R"("stop_sequence": ["x"], "max_context_length": 64, "sampler_seed": 3,)"
                           R"("banned_tokens": ["a"], "singleline": true, "genkey": "k"})");
  seeds.add("request_line", R"({"prompt": "Once", "max_tokens": 4, "id": "a", "stop": ["x"]})");
  seeds.add("request_line", R"({"custom_id": "1", "method": "POST", "url": "/v1/completions",)"
                            R"("body": {"prompt": [1, 2], "temperature": 0.5, "logprobs": 2}})");
  const TempFolder folder;
  Journal journal = Journal::create(folder.path("j"), R"({"job": "h"})");
  journal.append(2, "two");
  journal.append(1, "one");
  journal.flush();
  seeds.add("journal", content_of(folder.path("j")));
  std::string shards;
  for (int64_t shard = 0; shard < 2; ++shard) {
    Journal part = Journal::create(folder.path("part"),
                                   R"({"gptj_journal": 3, "shards": 2, "requests": 2, "shard": )" +
                                       std::to_string(shard) + "}");
    part.append(shard + 3, "three or four");
    part.append(shard + 1, "one or two", true);
    part.flush();
    shards += content_of(folder.path("part")) + (shard == 0 ? "\n" : "");
  }
  seeds.add("merge", shards);
}

void add_own_files(Seeds& seeds) {
  const TempFolder folder;
  TinyCheckpoint().write(folder);
  for (const WeightType type : {WeightType::kF16, WeightType::kInt4}) {
    const std::string path = folder.path("packed.safetensors");
    convert(folder.path(), path, {.weights = type, .threads = 1});
    seeds.add("packed_file", content_of(path));
  }
  const Model model = fuzz::small_model();
  Session session(model);
  const SequenceId sequence = session.add_sequence();
  const std::vector<TokenId> ids = {1, 2, 3};
  std::vector<Row> rows;
  for (const TokenId id : ids) {
    rows.push_back({id, sequence, static_cast<int64_t>(rows.size()), false});
  }
  session.forward(rows, [](size_t, std::span<const float>) {});
  session.save(sequence, ids, folder.path("session"));
  seeds.add("session_file", content_of(folder.path("session")));
}

}  // namespace
}  // namespace gptj::test

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    gptj::test::Seeds seeds(argv[1]);
    gptj::test::add_torch(seeds);
    gptj::test::add_safetensors(seeds);
    gptj::test::add_configs(seeds);
    gptj::test::add_checkpoints(seeds);
    gptj::test::add_tokenizers(seeds);
    gptj::test::add_sentencepiece(seeds);
    gptj::test::add_jobs(seeds);
    gptj::test::add_own_files(seeds);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
