// SPDX-License-Identifier: Apache-2.0
// The tables of src/checkpoint/README.md against the code: every field is set in a small model, and
// what comes is what its row says.
#include "checkpoint/known_fields.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "generate/models.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace gptj::test {
namespace {

using nlohmann::json;
using Ids = std::vector<TokenId>;

struct TableRow {
  std::string field, effect;
  json value;
};

std::vector<TableRow> table(const std::string& file) {
  const std::string page = content_of(GPTJ_SOURCE_DIR "/src/checkpoint/README.md");
  const size_t begin = page.find("\n## " + file);
  std::istringstream lines(page.substr(begin, page.find("\n## ", begin + 1) - begin));
  std::vector<TableRow> rows;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    for (size_t at = 0; (at = line.find("| ", at)) != std::string::npos; at += 2) {
      cells.push_back(line.substr(at + 2, line.find(" |", at + 2) - at - 2));
    }
    const auto code = [](const std::string& cell) { return cell.substr(1, cell.size() - 2); };
    rows.push_back({code(cells[0]), cells[1], json::parse(code(cells[2]))});
  }
  return rows;
}

const char* effect_name(FieldEffect effect) {
  switch (effect) {
    case FieldEffect::kHonoured: return "honoured";
    case FieldEffect::kNone: return "no effect";
    case FieldEffect::kWarned: return "warned of";
    case FieldEffect::kRefused: return "refused";
  }
  return "";
}

void expect_rows_of(std::span<const KnownField> fields, const std::string& file) {
  const std::vector<TableRow> rows = table(file);
  ASSERT_EQ(rows.size(), fields.size()) << file;
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].field, fields[i].name);
    EXPECT_EQ(rows[i].effect, effect_name(fields[i].effect)) << fields[i].name;
  }
}

TEST(KnownFields, TheReadmeHasThoseOfTheCode) {
  expect_rows_of(kConfigFields, "config.json");
  expect_rows_of(kGenerationFields, "generation_config.json");
}

// The golden model of 131 ids with other settings beside it.
class KnownFieldsModel : public testing::Test {
 protected:
  void SetUp() override {
    const std::string golden = golden_path("rotary-partial-f32");
    std::filesystem::create_symlink(golden + "/model.safetensors",
                                    folder_.path("model.safetensors"));
    config_ = read_json(golden + "/config.json");
  }

  Model load() {
    folder_.write("config.json", config_.dump());
    if (!generation_.is_null()) folder_.write("generation_config.json", generation_.dump());
    warnings_.clear();
    LoadOptions options{.threads = 1};
    options.on_warning = [&](const std::string& warning) { warnings_.push_back(warning); };
    return Model::load(folder_.path(), options);
  }

  static Request request(const Ids& prompt = {5, 6, 7}) {
    Request request;
    request.prompt = prompt;
    request.max_tokens = 8;
    request.seed = 3;
    return request;
  }
  static std::vector<Ids> ids_of(const Completion& completion) {
    std::vector<Ids> ids;
    for (const Choice& choice : completion.choices) ids.push_back(choice.token_ids);
    return ids;
  }
  std::vector<Ids> answer(const Request& r) { return ids_of(complete(load(), r)); }
  std::vector<Ids> answer() { return answer(request()); }
  std::vector<Ids> plain(const Request& r) { return ids_of(complete(golden_model(), r)); }

  TempFolder folder_;
  json config_, generation_;
  std::vector<std::string> warnings_;
};

const Ids kPlain = {60, 21, 118, 38, 41, 118, 38, 41};

TEST_F(KnownFieldsModel, ThoseOfNoEffectChangeNothingAndSayNothing) {
  for (const TableRow& row : table("config.json")) {
    if (row.effect == "no effect") config_[row.field] = row.value;
  }
  generation_ = json::object();
  for (const TableRow& row : table("generation_config.json")) {
    if (row.effect == "no effect") generation_[row.field] = row.value;
  }
  EXPECT_EQ(answer(), std::vector<Ids>{kPlain});
  EXPECT_TRUE(warnings_.empty()) << warnings_[0];
}

TEST_F(KnownFieldsModel, ThoseWarnedOfChangeNothingAndAreNamed) {
  const json config = config_;
  for (const TableRow& row : table("config.json")) {
    if (row.effect != "warned of") continue;
    config_ = config;
    config_[row.field] = row.value;
    EXPECT_EQ(answer(), std::vector<Ids>{kPlain}) << row.field;
    ASSERT_EQ(warnings_.size(), 1u) << row.field;
    EXPECT_NE(warnings_[0].find("config.json: " + row.field + ": found "), std::string::npos);
  }
  for (const bool in_config : {false, true}) {
    for (const TableRow& row : table("generation_config.json")) {
      if (row.effect != "warned of") continue;
      config_ = config;
      json& settings = in_config ? config_ : generation_;
      if (!in_config) settings = json::object();
      settings[row.field] = row.value;
      EXPECT_EQ(answer(), std::vector<Ids>{kPlain}) << row.field;
      ASSERT_EQ(warnings_.size(), 1u) << row.field;
      EXPECT_NE(warnings_[0].find(": " + row.field + ": found "), std::string::npos);
    }
    generation_ = json();
    std::filesystem::remove(folder_.path("generation_config.json"));
  }
}

TEST_F(KnownFieldsModel, NeutralValuesAreNotWarnedOf) {
  generation_ = {{"penalty_alpha", 0.0},      {"num_beam_groups", 1},
                 {"guidance_scale", 1},       {"token_healing", false},
                 {"force_words_ids", json()}, {"constraints", json::array()}};
  config_["auto_map"] = nullptr;
  config_["prefix"] = "";
  config_["pruned_heads"] = json::object();
  EXPECT_EQ(answer(), std::vector<Ids>{kPlain});
  EXPECT_TRUE(warnings_.empty()) << warnings_[0];
}

TEST_F(KnownFieldsModel, UnknownFieldsAreOneWarning) {
  config_["bananas"] = 3;
  config_["apples"] = "x";
  generation_ = {{"pears", 1}};
  EXPECT_EQ(answer(), std::vector<Ids>{kPlain});
  ASSERT_EQ(warnings_.size(), 2u);
  EXPECT_NE(warnings_[0].find("config.json: no field of GPT-J's: \"apples\", \"bananas\""),
            std::string::npos);
  EXPECT_NE(warnings_[1].find("generation_config.json: no field of GPT-J's: \"pears\""),
            std::string::npos);
}

TEST_F(KnownFieldsModel, ThoseRefusedAreNamed) {
  const json config = config_;
  int refused = 0;
  for (const TableRow& row : table("config.json")) {
    if (row.effect != "refused") continue;
    config_ = config;
    config_[row.field] = row.value;
    expect_error(
        ErrorCode::kUnsupported, [&] { load(); }, "config.json: " + row.field + ": found ");
    ++refused;
  }
  EXPECT_EQ(refused, 3);
}

// What a field of config.json does: an error, another answer, or the weights' word against it.
TEST_F(KnownFieldsModel, ThoseOfConfigThatAreHonoured) {
  const std::map<std::string, std::string> errors = {
      {"n_embd", "expected shape"},
      {"hidden_size", "expected shape"},
      {"n_layer", "is missing"},
      {"num_hidden_layers", "is missing"},
      {"num_layers", "is missing"},
      {"n_inner", "expected shape"},
      {"intermediate_size", "expected shape"},
      {"activation_function", "activation_function: expected \"gelu_new\""},
      {"model_type", "model_type \"gptj\""},
      {"quantization_config", "quant_method"}};
  const std::map<std::string, std::function<void()>> others = {
      {"vocab_size", [&] { EXPECT_EQ(load().config().vocab_size, 131); }},
      {"n_positions", [&] { EXPECT_EQ(load().config().n_positions, 4); }},
      {"max_position_embeddings", [&] { EXPECT_EQ(load().config().n_positions, 4); }},
      {"n_head", [&] { EXPECT_NE(answer(), std::vector<Ids>{kPlain}); }},
      {"num_attention_heads", [&] { EXPECT_NE(answer(), std::vector<Ids>{kPlain}); }},
      {"num_heads", [&] { EXPECT_NE(answer(), std::vector<Ids>{kPlain}); }},
      {"rotary_dim", [&] { EXPECT_EQ(load().config().rotary_dim, 4); }},
      {"layer_norm_epsilon", [&] { EXPECT_NE(answer(), std::vector<Ids>{kPlain}); }},
      {"bos_token_id",
       [&] {
         EXPECT_EQ(load().config().bos_token_id, std::nullopt);
         ASSERT_EQ(warnings_.size(), 1u);
         EXPECT_NE(warnings_[0].find("bos_token_id"), std::string::npos);
       }},
      {"eos_token_id",
       [&] {
         EXPECT_TRUE(load().config().eos_token_ids.empty());
         EXPECT_EQ(warnings_.size(), 1u);
       }},
      {"tie_word_embeddings",
       [&] {
         EXPECT_NE(answer(), std::vector<Ids>{kPlain});
         EXPECT_EQ(warnings_.size(), 1u);  // the file's own lm_head.weight is left out
       }},
      {"architectures",
       [&] {
         config_["architectures"] = {"LlamaForCausalLM"};
         config_.erase("model_type");
         expect_error(
             ErrorCode::kUnsupported, [&] { load(); }, "found [\"LlamaForCausalLM\"]");
       }},
      {"rotary",
       [&] {
         config_["model_type"] = "gpt_neo";
         config_["rotary"] = false;
         expect_error(
             ErrorCode::kUnsupported, [&] { load(); }, "rotary: expected true");
       }},
      {"jax",
       [&] {
         config_["model_type"] = "gpt_neo";
         config_["rotary"] = true;
         expect_error(
             ErrorCode::kUnsupported, [&] { load(); }, "jax: expected true, found false");
       }},
      {"attention_layers",
       [&] {
         config_["model_type"] = "gpt_neo";
         config_["rotary"] = config_["jax"] = true;
         expect_error(
             ErrorCode::kUnsupported, [&] { load(); }, "attention_layers", "\"local\"");
       }},
      {"mp_num",
       [&] {
         config_["model_type"] = "codegen";
         expect_error(
             ErrorCode::kBadFile, [&] { load(); }, "mp_num");
       }},
      {"head_dim", [&] {
         config_["model_type"] = "codegen";
         EXPECT_THROW(load(), Error);
       }}};
  const json config = config_;
  for (const TableRow& row : table("config.json")) {
    if (row.effect != "honoured") continue;
    SCOPED_TRACE(row.field);
    config_ = config;
    config_[row.field] = row.value;
    if (const auto error = errors.find(row.field); error != errors.end()) {
      const std::string word = error->second;
      try {
        load();
        ADD_FAILURE() << "expected an error";
      } catch (const Error& e) {
        EXPECT_NE(std::string(e.what()).find(word), std::string::npos) << e.what();
      }
      continue;
    }
    const auto other = others.find(row.field);
    ASSERT_NE(other, others.end());
    other->second();
  }
}

// Each setting of generation does what the same request does, or what its rule says.
class KnownSettings : public KnownFieldsModel {
 protected:
  // Sets what the row sets, and `besides`, in generation_config.json or in config.json.
  void set(const TableRow& row, bool in_config, const json& besides) {
    json& settings = in_config ? config_ : generation_;
    if (!in_config) settings = json::object();
    for (const auto& [key, value] : besides.items()) settings[key] = value;
    settings[row.field] = row.value;
  }
  void expect_request(const std::function<void(Request&)>& change) {
    Request asked = request();
    change(asked);
    const std::vector<Ids> found = answer();
    EXPECT_EQ(found, plain(asked));
    EXPECT_NE(found, std::vector<Ids>{kPlain});
  }
};

TEST_F(KnownSettings, EachDoesWhatItsRowSays) {
  const json sample = {{"do_sample", true}, {"temperature", 3.0}};
  // The model's beams end where greedy does, but with a score.
  const auto expect_beams = [&](EarlyStopping early) {
    Request r = request();
    r.num_beams = 3;
    r.early_stopping = early;
    const std::optional<float> score = complete(load(), request()).choices[0].score;
    EXPECT_TRUE(score.has_value());
    EXPECT_EQ(score, complete(golden_model(), r).choices[0].score);
  };
  const json beams = {{"num_beams", 3}};
  const auto first = [](const std::vector<Ids>& answers) { return answers.at(0); };
  const std::map<std::string, std::pair<json, std::function<void()>>> rules = {
      {"do_sample",
       {{{"temperature", 3.0}}, [&] { expect_request([](Request& r) { r.temperature = 3; }); }}},
      {"temperature", {sample, [&] { expect_request([](Request& r) { r.temperature = 2; }); }}},
      {"top_k",
       {sample,
        [&] {
          expect_request([](Request& r) {
            r.temperature = 3;
            r.top_k = 5;
          });
        }}},
      {"top_p",
       {sample,
        [&] {
          expect_request([](Request& r) {
            r.temperature = 3;
            r.top_p = 0.9;
          });
        }}},
      {"min_p",
       {sample,
        [&] {
          expect_request([](Request& r) {
            r.temperature = 3;
            r.min_p = 0.1;
          });
        }}},
      {"typical_p",
       {sample,
        [&] {
          expect_request([](Request& r) {
            r.temperature = 3;
            r.typical_p = 0.9;
          });
        }}},
      {"repetition_penalty",
       {{}, [&] { expect_request([](Request& r) { r.repetition_penalty = 1.8; }); }}},
      {"encoder_repetition_penalty", {{}, [&] { EXPECT_NE(answer(), std::vector<Ids>{kPlain}); }}},
      {"no_repeat_ngram_size",
       {{}, [&] { expect_request([](Request& r) { r.no_repeat_ngram_size = 1; }); }}},
      {"encoder_no_repeat_ngram_size",
       {{},
        [&] {
          const Request r = request({60, 21, 7});
          Request barred = r;
          barred.logit_bias = {{60, -100}, {21, -100}, {7, -100}};
          EXPECT_EQ(answer(r), plain(barred));
        }}},
      {"max_new_tokens",
       {{},
        [&] {
          EXPECT_EQ(answer(), std::vector<Ids>{kPlain});  // a request's own counts, upwards too
          Request unset = request();
          unset.max_tokens.reset();
          EXPECT_EQ(first(answer(unset)), (Ids{60, 21, 118}));
        }}},
      {"max_length",
       {{},
        [&] {
          Request unset = request();
          unset.max_tokens.reset();
          EXPECT_EQ(first(answer(unset)).size(), 6u);  // 9 less a prompt of 3
          EXPECT_EQ(first(answer(request())).size(), 8u);
        }}},
      {"min_new_tokens",
       {{{"eos_token_id", 118}},
        [&] {
          const Ids ids = first(answer());
          EXPECT_GE(ids.size(), 6u);
          EXPECT_EQ(ids[2] == 118, false);
          Request few = request();
          few.max_tokens = 2;
          EXPECT_EQ(first(answer(few)).size(), 2u);  // the default gives way
        }}},
      {"min_length", {{{"eos_token_id", 118}}, [&] { EXPECT_GE(first(answer()).size(), 7u); }}},
      {"num_beams", {{}, [&] { expect_beams(EarlyStopping::kNo); }}},
      {"num_return_sequences",
       {sample,
        [&] {
          expect_request([](Request& r) {
            r.temperature = 3;
            r.n = 2;
          });
        }}},
      {"length_penalty",
       {beams,
        [&] {
          Request r = request();
          r.num_beams = 3;
          r.length_penalty = -5;
          EXPECT_EQ(complete(load(), request()).choices[0].score,
                    complete(golden_model(), r).choices[0].score);
        }}},
      {"early_stopping",
       {beams,
        [&] {
          EXPECT_EQ(load().generation_defaults().early_stopping, EarlyStopping::kNever);
          expect_beams(EarlyStopping::kNever);
        }}},
      {"bad_words_ids",
       {{},
        [&] {
          expect_request([](Request& r) { r.bad_words = {Ids{60}}; });
          Request own = request();
          own.bad_words = std::vector<TextOrIds>{};  // a request's own counts, none as well
          EXPECT_EQ(answer(own), std::vector<Ids>{kPlain});
        }}},
      {"suppress_tokens",
       {{}, [&] { expect_request([](Request& r) {
                    r.logit_bias = {{60, -100}};
                  }); }}},
      {"begin_suppress_tokens",
       {{},
        [&] {
          const Ids ids = first(answer());
          Request later = request({5, 6, 7, ids[0]});
          later.max_tokens = 7;
          EXPECT_NE(ids[0], 60);
          EXPECT_EQ(Ids(ids.begin() + 1, ids.end()), first(plain(later)));
        }}},
      {"forced_bos_token_id",
       {{},
        [&] {
          EXPECT_EQ(first(answer(request({9})))[0], 5);
          EXPECT_EQ(answer(), std::vector<Ids>{kPlain});
        }}},
      {"forced_eos_token_id",
       {{},
        [&] {
          Ids ended = kPlain;
          ended.back() = 0;
          EXPECT_EQ(first(answer()), ended);
          Request going = request();
          going.ignore_eos = true;
          EXPECT_EQ(answer(going), std::vector<Ids>{kPlain});
        }}},
      {"exponential_decay_length_penalty",
       {{},
        [&] {
          const Ids ids = first(answer());
          EXPECT_EQ(ids.back(), 0);
          EXPECT_LT(ids.size(), 8u);
        }}},
      {"stop_strings",
       {{},
        [&] {
          EXPECT_EQ(load().generation_defaults().stop_strings, std::vector<std::string>{"king"});
        }}},
      {"bos_token_id", {{}, [&] { EXPECT_EQ(load().config().bos_token_id, 0); }}},
      {"eos_token_id", {{}, [&] { EXPECT_TRUE(load().config().eos_token_ids.empty()); }}},
  };
  const json config = config_;
  for (const bool in_config : {false, true}) {
    for (const TableRow& row : table("generation_config.json")) {
      // Those of config.json are fields of its own, tested above.
      if (row.effect != "honoured" ||
          (in_config && row.field.ends_with("os_token_id") && !row.field.starts_with("forced"))) {
        continue;
      }
      SCOPED_TRACE(row.field + (in_config ? " in config.json" : ""));
      const auto rule = rules.find(row.field);
      ASSERT_NE(rule, rules.end());
      config_ = config;
      set(row, in_config, rule->second.first);
      rule->second.second();
    }
    generation_ = json();
    std::filesystem::remove(folder_.path("generation_config.json"));
  }
}

TEST_F(KnownFieldsModel, GenerationConfigCountsBeforeConfig) {
  config_["repetition_penalty"] = 1.8;
  config_["top_k"] = 5;
  generation_ = {{"do_sample", false}, {"top_k", 5}};
  EXPECT_EQ(answer(), std::vector<Ids>{kPlain});
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_NE(warnings_[0].find("repetition_penalty: found 1.8; generation_config.json"),
            std::string::npos);
}

TEST_F(KnownFieldsModel, StopStringsOfTheModelEndATextAndARequestsOwnCountFirst) {
  TempFolder folder;
  for (const char* name :
       {"config.json", "model.safetensors", "vocab.json", "merges.txt", "tokenizer.json"}) {
    const std::string path = kFairytale + "/" + name;
    if (std::filesystem::exists(path)) {
      std::filesystem::create_symlink(path, folder.path(name));
    }
  }
  folder.write("generation_config.json", R"({"stop_strings": "king"})");
  const Model model = Model::load(folder.path(), {.weights = WeightType::kF32, .threads = 1});
  Request r = request_of("Once upon a time", 12);
  EXPECT_EQ(complete(model, r).choices[0].text, ", and the ");
  r.stop = {" and"};
  EXPECT_EQ(complete(model, r).choices[0].text, ",");
}

}  // namespace
}  // namespace gptj::test
