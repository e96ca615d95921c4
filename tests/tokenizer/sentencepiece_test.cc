// SPDX-License-Identifier: Apache-2.0
// Vocabularies trained here by the library's own trainer.
#include <gtest/gtest.h>

#include "base/json.h"
#include "support/byte_writer.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"
#include "tokenizer/files/base64.h"
#include "tokenizer/sentencepiece_model.h"
#include "tokenizer/tokenizer_data.h"

#ifdef GPTJ_SENTENCEPIECE
#include <sentencepiece_processor.h>

#include "support/trained_sentencepiece.h"
#endif

namespace gptj::test {
namespace {

TEST(Base64Test, ThereAndBack) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  EXPECT_EQ(to_base64("foob"), "Zm9vYg==");
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all += static_cast<char>(i);
    EXPECT_EQ(from_base64(to_base64(all), "TEXT"), all);
  }
  for (const char* wrong : {"Z", "Zg", "Zg=", "Z===", "====", "Zm9v!aaa", "Zg==Zg=="}) {
    expect_error(
        ErrorCode::kBadFile, [&] { from_base64(wrong, "TEXT"); }, "TEXT: expected base64");
  }
}

// A field of a protocol buffer.
std::string field(int number, const std::string& bytes) {
  return ByteWriter{}
      .little(static_cast<char>(number << 3 | 2))
      .little(static_cast<char>(bytes.size()))
      .text(bytes)
      .bytes;
}

std::string piece(const std::string& text, char kind = 1) {
  return field(1, field(1, text) + "\x15" + std::string("\0\0\x80\xbf", 4) + "\x18" + kind);
}

TEST(SentencePieceModelTest, PiecesAndNormalizer) {
  const std::string file = piece("<unk>", 2) + piece("a") + field(3, std::string("\x18\0", 2));
  const SentencePieceModel model = read_sentencepiece_model(file, "FILE");
  ASSERT_EQ(model.pieces.size(), 2u);
  EXPECT_EQ(model.pieces[0].kind, PieceKind::kUnknown);
  EXPECT_EQ(model.pieces[1].text, "a");
  EXPECT_FALSE(model.adds_space);
}

TEST(SentencePieceModelTest, WhatIsNotTaken) {
  const auto refused = [](const std::string& file, ErrorCode code, const char* word) {
    expect_error(
        code, [&] { read_sentencepiece_model(file, "FILE"); }, "FILE", word);
  };
  refused("", ErrorCode::kBadFile, "without pieces");
  refused("version https://git-lfs", ErrorCode::kBadFile, "FILE");
  refused(piece(""), ErrorCode::kBadFile, "piece 0: empty");
  refused(piece("\xff"), ErrorCode::kBadFile, "UTF-8");
  refused(piece(std::string("a\0b", 3)), ErrorCode::kBadFile,
          "piece 0: expected text, found a zero");
  refused(piece("a", 7), ErrorCode::kBadFile, "kind");
  refused(field(1, field(1, "a") + "\x15" + std::string("\0\0\x80\x7f", 4)), ErrorCode::kBadFile,
          "score");
  refused("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ErrorCode::kBadFile, "expected");
  refused("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", ErrorCode::kBadFile, "64 bits");
  refused(piece("a") + field(5, field(2, "table")), ErrorCode::kUnsupported, "decoding");
  // The library would take these tags for those of fields 3 and 2.
  refused(piece("a") + "\x9a\x80\x80\x80\x10\x02\x18" + std::string(1, '\0'), ErrorCode::kBadFile,
          "a tag of at most 32 bits, found 4294967322");
  refused(piece("a") + "\x1a\x06\x92\x80\x80\x80\x10" + std::string(1, '\0'), ErrorCode::kBadFile,
          "a tag of at most 32 bits, found 4294967314");
}

// One block of 256 units, of which the first leads to the block itself.
std::string table(uint32_t root, uint32_t size = 1024) {
  ByteWriter writer;
  writer.little(size).little(root);
  writer.bytes.resize(4 + 1024);
  return writer.text(std::string("x\0", 2)).bytes;
}

std::string with_table(const std::string& bytes) {
  ByteWriter normalizer, model;
  const auto length = [](ByteWriter& writer, size_t n) {
    writer.little(static_cast<uint8_t>(n | 0x80)).little(static_cast<uint8_t>(n >> 7));
  };
  normalizer.text("\x12");
  length(normalizer, bytes.size());
  normalizer.text(bytes);
  model.text(piece("a") + "\x1a");
  length(model, normalizer.bytes.size());
  return model.text(normalizer.bytes).bytes;
}

TEST(SentencePieceModelTest, TablesThatLeadOutside) {
  const auto read = [](const std::string& bytes) {
    read_sentencepiece_model(with_table(bytes), "FILE");
  };
  read(table(1u << 10));
  constexpr uint32_t kLeaf = 1u << 8;
  read(table((1u << 10) | kLeaf));  // unit 1 holds place 0
  const auto refused = [&](const std::string& bytes) {
    expect_error(
        ErrorCode::kBadFile, [&] { read(bytes); }, "normalization table");
  };
  refused(table(256u << 10));                    // its children lie behind the end
  refused(table((1u << 10) | (1u << 9)) + "x");  // texts without an end
  refused(table(0xfffffeff));                    // a root with the top bit
  refused(table(1u << 10, 1023));
  refused(table(1u << 10, 0));
  refused(table(1u << 10, 2048));
  std::string far = table((1u << 10) | kLeaf);
  far[8] = 3;  // unit 1: a place behind the texts' end
  refused(far);
  refused("abc");
}

#ifdef GPTJ_SENTENCEPIECE

const char* const kKinds[] = {"--model_type=unigram", "--model_type=bpe",
                              "--model_type=unigram --byte_fallback=true",
                              "--model_type=bpe --byte_fallback=true "
                              "--normalization_rule_name=identity",
                              "--model_type=unigram --normalization_rule_name=nfkc_cf "
                              "--add_dummy_prefix=false"};

Tokenizer tokenizer_of(const std::string& model, const char* name = "spiece.model") {
  return make_tokenizer({"FOLDER", {{name, to_base64(model)}}});
}

const char* const kTexts[] = {
    "",          " ",       "the cat",        "the  cat ", "  the",          "猫が3匹います",
    "ＡＢＣ ｶﾞ", "a<sep>b", "the hat\nof 12", "🐈 unknown", "\xff\xfe broken"};

TEST(SentencePieceTest, IdsAndTextsOfTheLibrary) {
  for (const char* kind : kKinds) {
    const Tokenizer tokenizer = tokenizer_of(trained(kind));
    sentencepiece::SentencePieceProcessor library;
    ASSERT_TRUE(library.LoadFromSerializedProto(trained(kind)).ok());
    ASSERT_EQ(tokenizer.size(), library.GetPieceSize());
    for (const char* text : kTexts) {
      const std::vector<int> ids = library.EncodeAsIds(text);
      const std::vector<TokenId> found = tokenizer.encode(text);
      EXPECT_EQ(found, std::vector<TokenId>(ids.begin(), ids.end())) << kind << text;
      EXPECT_EQ(tokenizer.encode(text, {.plain = true}), found);
      EXPECT_EQ(tokenizer.decode(found), library.DecodeIds(ids)) << kind << text;
    }
    for (int id = 0; id < library.GetPieceSize(); ++id) {
      EXPECT_EQ(tokenizer.is_special(id), library.IsControl(id) || library.IsUnknown(id));
      if (!library.IsByte(id) && !library.IsUnknown(id)) {
        EXPECT_EQ(tokenizer.find(tokenizer.token_bytes(id)), id) << library.IdToPiece(id);
      }
    }
  }
}

TEST(SentencePieceTest, SpecialTokensInText) {
  const Tokenizer tokenizer = tokenizer_of(trained(kKinds[0]));
  const auto end = tokenizer.find("</s>");
  ASSERT_TRUE(end);
  std::vector<TokenId> expected = tokenizer.encode("cat");
  expected.push_back(*end);
  EXPECT_EQ(tokenizer.encode("cat</s>"), expected);
  EXPECT_NE(tokenizer.encode("cat</s>", {.plain = true}), expected);
  EXPECT_EQ(tokenizer.find("<unk>"), 0);
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{*end}), "</s>");
}

TEST(SentencePieceTest, StreamsJoinBytes) {
  const Tokenizer tokenizer = tokenizer_of(trained(kKinds[3]));
  const std::vector<TokenId> ids = tokenizer.encode("🐈cat");
  TextStream stream;
  std::string text;
  for (const TokenId id : ids) text += stream.push(tokenizer.token_bytes(id));
  EXPECT_EQ(text + stream.finish(), " 🐈cat");
  EXPECT_EQ(tokenizer.decode(ids), "🐈cat");
}

TEST(SentencePieceTest, FilesOfAFolder) {
  const TempFolder folder;
  EXPECT_FALSE(Tokenizer::found_in(folder.path()));
  folder.write("tokenizer.json", "of another kind, and not read");
  folder.write("tokenizer.model", trained(kKinds[1]));
  EXPECT_EQ(Tokenizer::load(folder.path()).fingerprint(),
            tokenizer_of(trained(kKinds[1])).fingerprint());
  folder.write("spiece.model", trained(kKinds[0]));
  const Tokenizer plain = Tokenizer::load(folder.path());
  EXPECT_EQ(plain.fingerprint(), tokenizer_of(trained(kKinds[0])).fingerprint());
  EXPECT_NE(plain.fingerprint(), tokenizer_of(trained(kKinds[1])).fingerprint());
  folder.write("added_tokens.json",
               Json({{"<extra_id_0>", plain.size()}, {"</s>", *plain.find("</s>")}}).dump());
  const Tokenizer more = Tokenizer::load(folder.path());
  EXPECT_EQ(more.size(), plain.size() + 1);
  EXPECT_EQ(more.encode("<extra_id_0>"), std::vector<TokenId>{plain.size()});
  EXPECT_NE(more.fingerprint(), plain.fingerprint());
  folder.write("spiece.model", "");
  expect_error(
      ErrorCode::kBadFile, [&] { Tokenizer::load(folder.path()); }, "spiece.model", "empty");
}

TEST(SentencePieceTest, DamagedModels) {
  const std::string model = trained("--model_type=unigram --normalization_rule_name=identity");
  const std::string with_table = trained(kKinds[0]);  // of which every bit matters
  testing::internal::CaptureStderr();                 // the trainer talks, the library must not
  for (size_t n = 0; n < model.size(); n += 1 + n / 64) {
    finishes([&] { tokenizer_of(model.substr(0, n)); });
    for (const int flip : {1, 4, 32, 128}) {
      std::string damaged = model;
      damaged[n] = static_cast<char>(damaged[n] ^ flip);
      finishes([&] { tokenizer_of(damaged).encode("the cat 猫 <s>"); });
    }
  }
  const size_t begin = with_table.size() - 20000;
  for (size_t n = begin; n < with_table.size(); n += 37) {
    std::string damaged = with_table;
    damaged[n] = static_cast<char>(damaged[n] ^ 0x54);
    finishes([&] { tokenizer_of(damaged).encode("ｶﾞ the cat ① 猫"); });
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

#endif

}  // namespace
}  // namespace gptj::test
