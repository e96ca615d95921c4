// SPDX-License-Identifier: Apache-2.0
// What is kept from one request to the next, and on disk, changes nothing but the time.
#include <gtest/gtest.h>

#include <filesystem>

#include "generate/mixed_requests.h"
#include "generate/models.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace gptj {
namespace {

using test::content_of;
using test::expect_error;
using test::fairytale;
using test::golden_model;
using test::request_of;
using test::TempFolder;

Request next_turn(const Conversation& conversation, size_t turn) {
  std::vector<TokenId> ids(conversation.ids().begin(), conversation.ids().end());
  if (turn == 3) ids.resize(ids.size() / 2);  // back to an earlier point
  if (turn == 4) ids = {7, 8, 9};             // something else
  for (size_t i = 0; i < 5 + 11 * turn; ++i) ids.push_back(test::draw(turn, i, 400));
  Request request = request_of(ids, 20, turn % 2 == 0 ? 0 : 1);
  request.n = turn == 2 ? 3 : 1;
  if (turn == 5) {
    request.temperature = 0;
    request.num_beams = 3;
  }
  return request;
}

// A conversation, saved and loaded again after every turn where `folder` is given.
void expect_answers(const Model& model, const std::string& path) {
  Conversation conversation(model);
  for (size_t turn = 0; turn < 8; ++turn) {
    const Request request = next_turn(conversation, turn);
    EXPECT_EQ(completion_json(model, request, conversation.complete(request)),
              completion_json(model, request, complete(model, request)))
        << turn;
    EXPECT_GT(conversation.ids().size(), 0u);
    if (path.empty()) continue;
    conversation.save(path);
    const std::vector<TokenId> ids(conversation.ids().begin(), conversation.ids().end());
    conversation = Conversation::load(model, path);
    EXPECT_EQ(std::vector(conversation.ids().begin(), conversation.ids().end()), ids);
  }
}

TEST(Conversation, AnswersAreThoseOfComplete) { expect_answers(fairytale(), ""); }

TEST(Conversation, ASavedOneGoesOnAsIfItHadNeverStopped) {
  const TempFolder folder;
  for (const WeightType kv :
       {WeightType::kF32, WeightType::kF16, WeightType::kBF16, WeightType::kInt8}) {
    expect_answers(Model::load(test::kFairytale, {.kv_cache = kv, .threads = 2}),
                   folder.path("session"));
  }
}

TEST(Conversation, TheSameTextMakesTheSameFile) {
  const TempFolder folder;
  for (const char* name : {"a", "b"}) {
    Conversation conversation(fairytale());
    conversation.complete(request_of("Once upon a time there was", 30));
    conversation.save(folder.path(name));
  }
  EXPECT_EQ(content_of(folder.path("a")), content_of(folder.path("b")));
}

TEST(Conversation, AnotherModelsFileIsRefused) {
  const TempFolder folder;
  const std::string path = folder.path("session");
  Conversation conversation(golden_model());
  expect_error(
      ErrorCode::kInvalidArgument, [&] { conversation.save(path); }, "nothing was computed");
  conversation.complete(request_of(std::vector<TokenId>{1, 2, 3}, 4));
  conversation.save(path);
  expect_error(
      ErrorCode::kInvalidArgument, [&] { Conversation::load(fairytale(), path); }, "gptj.model");
  const Model other = Model::load(test::golden_path("rotary-partial-f32"),
                                  {.kv_cache = WeightType::kInt8, .threads = 2});
  expect_error(
      ErrorCode::kInvalidArgument, [&] { Conversation::load(other, path); }, "gptj.kv_cache");
  expect_error(
      ErrorCode::kBadFile,
      [&] { Conversation::load(fairytale(), test::kFairytale + "/model.safetensors"); },
      "expected a session");
}

// Cut off anywhere, or with one byte changed: an error, whichever byte it is.
TEST(Conversation, DamagedFilesAreErrors) {
  const TempFolder folder;
  Conversation conversation(golden_model());
  conversation.complete(request_of(std::vector<TokenId>{1, 2, 3}, 4));
  conversation.save(folder.path("session"));
  const std::string whole = content_of(folder.path("session"));
  for (size_t size = 0; size < whole.size(); size += 1 + size / 20) {
    const std::string path = folder.write("cut", whole.substr(0, size));
    expect_error(ErrorCode::kBadFile, [&] { Conversation::load(golden_model(), path); });
  }
  // All of the header with its spaces and of the ids, some of the pages, the checksum.
  const size_t pages = 4096 + 6 * sizeof(TokenId);
  for (size_t at = 0; at < whole.size(); at += at < pages || at + 10 > whole.size() ? 1 : 397) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (at % 3 == 0 ? 0x29 : 0x15));
    const std::string path = folder.write("damaged", damaged);
    EXPECT_FALSE(test::finishes([&] { Conversation::load(golden_model(), path); }))
        << "byte " << at;
  }
}

TEST(Conversation, AFileOfAnotherVersionIsRefused) {
  const TempFolder folder;
  Conversation conversation(golden_model());
  conversation.complete(request_of(std::vector<TokenId>{1, 2, 3}, 4));
  conversation.save(folder.path("session"));
  std::string older = content_of(folder.path("session"));
  const std::string version = R"("gptj.session":")";
  older[older.find(version) + version.size()] = '1';
  const std::string path = folder.write("older", older);
  expect_error(
      ErrorCode::kInvalidArgument, [&] { Conversation::load(golden_model(), path); }, path,
      "gptj.session: expected 3, found 1", "another version wrote this session");
}

}  // namespace
}  // namespace gptj
