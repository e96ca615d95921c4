// SPDX-License-Identifier: Apache-2.0
// include/gptj/error.h: whatever a name or a file is like, what comes out is an Error.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "generate/models.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace gptj {
namespace {

using test::golden_model;
using test::TempFolder;

// Names that are not there, that cannot be, and that are something else.
std::vector<std::string> names(const TempFolder& folder) {
  std::filesystem::create_directory(folder.path("folder"));
  std::filesystem::create_symlink("loop", folder.path("loop"));
  return {"",
          "/",
          ".",
          folder.path("none"),
          folder.path("folder"),
          folder.path("loop"),
          folder.path("none/below/none"),
          folder.path("caf\xe9"),
          folder.path("\xff\xfe\x80"),
          folder.path(std::string("zero\0byte", 9)),
          folder.path(std::string(300, 'x')),
          folder.path(std::string(5000, 'x')),
          "/dev/null",
          "/dev/full",
          "/dev/tty",
          "/proc/self/mem",
          "/proc/self/maps",
          folder.write("empty", ""),
          folder.write("garbage", std::string("\x80\x04\xff{\"\xe9\": [", 10)),
          folder.write("json", "{\"a\": [1, {}]}"),
          folder.write("wrong_json", "{\"\xe9\": \"\xe9\"}")};
}

// What the library does with a path; `other` is one that is well.
struct Function {
  const char* name;
  void (*call)(const std::string& path, const TempFolder& folder);
};

const Function kFunctions[] = {
    {"Model::load", [](const auto& path, const auto&) { Model::load(path); }},
    {"Model::load with a tokenizer",
     [](const auto& path, const auto&) {
       Model::load(test::golden_path("rotary-partial-f32"), {.tokenizer = path + "/x"});
     }},
    {"inspect", [](const auto& path, const auto&) { inspect(path); }},
    {"load_tokenizer", [](const auto& path, const auto&) { load_tokenizer(path); }},
    {"load_prompt_template", [](const auto& path, const auto&) { load_prompt_template(path); }},
    {"convert from",
     [](const auto& path, const auto& folder) {
       convert(path, folder.path("target.safetensors"), {});
     }},
    {"convert to",
     [](const auto& path, const auto&) {
       convert(test::golden_path("rotary-partial-f32"), path + "/x.safetensors", {});
     }},
    {"Session::load", [](const auto& path, const auto&) { Session(golden_model()).load(path); }},
    {"Conversation::load",
     [](const auto& path, const auto&) { Conversation::load(golden_model(), path); }},
    {"Conversation::save",
     [](const auto& path, const auto&) {
       Conversation conversation(golden_model());
       conversation.complete(test::request_of(std::vector<TokenId>{1}, 1));
       conversation.save(path + "/x");
     }},
    {"run_job from",
     [](const auto& path, const auto& folder) {
       JobOptions job{.input = path, .output = folder.path("out")};
       if (path.empty() || path == "/dev/tty") job.input = folder.path("none");  // no waiting
       job.resume = true;
       run_job(golden_model(), job);
     }},
    {"run_job to",
     [](const auto& path, const auto& folder) {
       run_job(golden_model(), {.input = folder.write("in", "{}"), .output = path + "/x"});
     }},
    {"merge_job from",
     [](const auto& path, const auto& folder) { merge_job({path}, folder.path("merged")); }},
    {"merge_job to", [](const auto& path, const auto&) { merge_job({"none"}, path); }},
    {"bench",
     [](const auto& path, const auto&) {
       BenchOptions options;
       options.model = path + "/x";
       bench(options);
     }},
    {"set_request_field",
     [](const auto& path, const auto&) {
       Request request;
       set_request_field(request, path, path);
     }},
    {"weight types", [](const auto& path, const auto&) { parse_weight_type(path); }},
};

TEST(Contract, WhateverANameIsLikeWhatComesOutIsAnError) {
  for (const Function& function : kFunctions) {
    const TempFolder folder;
    for (const std::string& name : names(folder)) {
      SCOPED_TRACE(std::string(function.name) + ": " + name.substr(0, 80));
      try {
        test::finishes([&] { function.call(name, folder); });
      } catch (const std::exception& error) {
        ADD_FAILURE() << "not an Error: " << error.what();
      }
    }
  }
}

// The folder in which a program stands may be removed under it.
TEST(Contract, WithoutAWorkingFolderToo) {
  const std::string before = std::filesystem::current_path().string();
  {
    const TempFolder gone;
    ASSERT_EQ(::chdir(gone.path().c_str()), 0);
  }
  test::expect_error(ErrorCode::kNotFound, [] { Model::load("model"); });
  test::expect_error(ErrorCode::kNotFound, [] { inspect("."); });
  EXPECT_EQ(Model::load(test::golden_path("rotary-partial-f32")).name(), "rotary-partial-f32");
  ASSERT_EQ(::chdir(before.c_str()), 0);
}

TEST(Contract, AFingerprintIsComputedOnceForAllCopies) {
  const Model model = Model::load(test::golden_path("rotary-partial-f32"));
  const Model copy = model;
  std::vector<std::future<uint64_t>> found;
  for (int i = 0; i < 8; ++i) {
    found.push_back(std::async(std::launch::async, [&] { return copy.fingerprint(); }));
  }
  const uint64_t expected = golden_model().fingerprint();
  for (auto& one : found) EXPECT_EQ(one.get(), expected);
  EXPECT_EQ(model.fingerprint(), expected);
}

}  // namespace
}  // namespace gptj
