// SPDX-License-Identifier: Apache-2.0
#include "sampling/stop_text.h"

#include <gtest/gtest.h>

namespace gptj {
namespace {

struct Cut {
  std::string text;
  bool stopped;
  bool operator==(const Cut&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Cut& cut) {
  return out << '"' << cut.text << "\" " << cut.stopped;
}

// Pushes `bytes` in pieces of `size`, as tokens would bring them.
Cut cut(const std::vector<std::string>& stops, std::string_view bytes, size_t size) {
  StopText stop_text(stops);
  std::string text;
  for (size_t i = 0; i < bytes.size() && !stop_text.stopped(); i += size) {
    text += stop_text.push(bytes.substr(i, size), true);
  }
  text += stop_text.finish();
  return {text, stop_text.stopped()};
}

struct Case {
  std::vector<std::string> stops;
  std::string bytes;
  Cut expected;
};

TEST(StopText, IsTheSameHoweverTheBytesAreCut) {
  const Case cases[] = {
      {{}, "all of it", {"all of it", false}},
      {{"END"}, "some END more", {"some ", true}},
      {{"END"}, "some EN", {"some EN", false}},
      {{"END"}, "some ENEND", {"some EN", true}},
      {{"aab"}, "aaab", {"a", true}},
      {{"abab"}, "abaabab", {"aba", true}},
      {{"abcd", "bc"}, "xabcd", {"xa", true}},  // completed first
      {{"c", "abc"}, "xabcabc", {"x", true}},   // completed together: the longest
      {{"abcx", "bcd"}, "abcd", {"a", true}},   // the held part of one holds another's
      {{"ab", "abc"}, "abc", {"", true}},       // a prefix of another comes first
      {{"\n\n"}, "a\nb\n\nc", {"a\nb", true}},
      {{"\xC3\xA9"}, "caf\xC3\xA9!", {"caf", true}},
      {{"\xA9"}, "caf\xC3\xA9!", {"caf\xC3", true}},
  };
  for (const Case& c : cases) {
    for (size_t size = 1; size <= c.bytes.size(); ++size) {
      EXPECT_EQ(cut(c.stops, c.bytes, size), c.expected) << c.bytes << " in pieces of " << size;
    }
  }
}

TEST(StopText, ReturnsWhatIsCertain) {
  StopText stop_text({"END"});
  EXPECT_EQ(stop_text.push("an E", true), "an ");
  EXPECT_EQ(stop_text.push("N", true), "");
  EXPECT_EQ(stop_text.push("E", true), "EN");
  EXPECT_EQ(stop_text.finish(), "E");
  EXPECT_EQ(stop_text.finish(), "");
  EXPECT_FALSE(stop_text.stopped());
}

TEST(StopText, MayBeToldNotToStopYet) {
  StopText stop_text({"END"});
  EXPECT_EQ(stop_text.push("END EN", false), "END ");
  EXPECT_EQ(stop_text.push("D more", true), "");
  EXPECT_TRUE(stop_text.stopped());
  EXPECT_EQ(stop_text.finish(), "");
}

// Each byte of such a text could go on with all but one byte of the stop string.
TEST(StopText, TakesTimeInProportionToTheText) {
  const std::string stop = std::string(200'000, 'a') + "b", text(400'000, 'a');
  const Cut found = cut({stop}, text + "b", 1);
  EXPECT_TRUE(found.stopped);
  EXPECT_EQ(found.text, text.substr(0, 200'000));
}

}  // namespace
}  // namespace gptj
