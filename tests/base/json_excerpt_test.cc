// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/json.h"

namespace gptj::test {
namespace {

// The whole value, cut: what an excerpt has to begin like.
std::string cut(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 80) text.replace(77, std::string::npos, "...");
  return text;
}

TEST(JsonExcerpt, IsTheBeginningOfTheText) {
  Json wide = Json::array(), deep = 1, object = Json::object();
  for (int i = 0; i < 1000; ++i) wide.push_back({{"key", i}});
  for (int i = 0; i < 60; ++i) deep = Json::array({deep});
  for (int i = 0; i < 50; ++i) object["name" + std::to_string(i)] = {1.5, nullptr, "x\n\"y\""};
  for (const Json& value :
       {Json(), Json(true), Json(-7), Json(1.25), Json("short"), Json(std::string(5000, 'a')),
        Json(std::string(200, '\n')), Json("\xC3\xA9\xFF"), Json::array(), Json::object(), wide,
        deep, object, Json({{"a", {1, 2, 3}}, {"b", "c"}})}) {
    EXPECT_EQ(json_excerpt(value), cut(value));
  }
}

}  // namespace
}  // namespace gptj::test
