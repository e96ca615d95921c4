// SPDX-License-Identifier: Apache-2.0
#include "formats/pickle.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/pytorch_writer.h"

namespace gptj::test {
namespace {

using pickled::global;
using pickled::text;
using pickled::whole;
using Kind = PickleValue::Kind;

constexpr std::string_view kAllowed[] = {"torch.Size", "m.f"};

Pickle read(const std::string& file) {
  ByteReader reader(std::as_bytes(std::span(file)), "p");
  return Pickle(reader, kAllowed);
}
template <class... Words>
void refuses(const std::string& file, const Words&... words) {
  expect_error(
      ErrorCode::kBadFile, [&] { read(file); }, "p: ", words...);
}
template <class... Words>
void does_not_support(const std::string& value, const Words&... words) {
  expect_error(
      ErrorCode::kUnsupported, [&] { read(whole(value)); }, "p: at byte ", words...);
}
std::string repeat(const std::string& part, size_t n) {
  std::string all;
  for (size_t i = 0; i < n; ++i) all += part;
  return all;
}

TEST(Pickle, Numbers) {
  const auto number = [](const std::string& value) {
    const Pickle pickle = read(whole(value));
    EXPECT_EQ(pickle.root().kind, Kind::kInteger);
    return pickle.root().integer;
  };
  EXPECT_EQ(number("K\xff"), 255);
  EXPECT_EQ(number("M\x01\x02"), 513);
  EXPECT_EQ(number("J\xff\xff\xff\xff"), -1);
  EXPECT_EQ(number(std::string("\x8a\x00", 2)), 0);
  EXPECT_EQ(number("\x8a\x01\x80"), -128);
  EXPECT_EQ(number(std::string("\x8a\x05\x00\x00\x00\x00\x01", 7)), int64_t{1} << 32);
  EXPECT_EQ(number("\x8a\x08" + le(INT64_MIN)), INT64_MIN);
  EXPECT_EQ(number("\x8b" + le<uint32_t>(2) + "\xff\x7f"), 32767);
  const Pickle big = read(whole("\x8a\x09" + std::string(9, 'x')));
  EXPECT_EQ(big.root().kind, Kind::kLong);
  EXPECT_EQ(big.root().text, std::string(9, 'x'));
  EXPECT_EQ(read(whole("G" + std::string(8, '\0'))).root().kind, Kind::kFloat);
  EXPECT_EQ(read(whole("N")).root().kind, Kind::kNone);
  EXPECT_EQ(read(whole("\x88")).root().integer, 1);
  EXPECT_EQ(read(whole("\x89")).root().integer, 0);
}

TEST(Pickle, Texts) {
  for (const std::string& value :
       {text("abc"), std::string("\x8c\x03") + "abc", "\x8d" + le<uint64_t>(3) + "abc",
        "T" + le<uint32_t>(3) + "abc", std::string("U\x03") + "abc"}) {
    const Pickle pickle = read(whole(value));
    EXPECT_EQ(pickle.root().kind, Kind::kText);
    EXPECT_EQ(pickle.root().text, "abc");
  }
  for (const std::string& value : {"B" + le<uint32_t>(3) + "abc", std::string("C\x03") + "abc",
                                   "\x8e" + le<uint64_t>(3) + "abc"}) {
    EXPECT_EQ(read(whole(value)).root().kind, Kind::kBytes);
  }
}

TEST(Pickle, Containers) {
  const auto described = [](const std::string& value) { return concat(read(whole(value)).root()); };
  EXPECT_EQ(described(")"), "a tuple of 0 values");
  EXPECT_EQ(described("K\1\x85"), "a tuple of 1 value");
  EXPECT_EQ(described("K\1K\2K\3\x87"), "a tuple of 3 values");
  EXPECT_EQ(described("(K\1K\2t"), "a tuple of 2 values");
  EXPECT_EQ(described("]K\1a(K\2K\3e"), "a list of 3 values");
  EXPECT_EQ(described("}K\1K\2s(K\3K\4K\5K\6u"), "a dict of 3 values");
  EXPECT_EQ(described("K\1(K\2K\3"
                      "1"),
            "1");
  EXPECT_EQ(described("K\1K\2"
                      "0"),
            "1");
  const Pickle pair = read(whole("K\1K\2\x86"));
  EXPECT_EQ(pair.root().items[0]->integer, 1);
  EXPECT_EQ(pair.root().items[1]->integer, 2);
}

TEST(Pickle, TheMemoSharesValues) {
  const std::string memoized =
      "\x8c\1a\x94\x8c\1b\x94"
      "0" +
      std::string("h\0", 2) + "h\1\x87";
  const Pickle pickle = read("\x80\x04\x95" + std::string(8, '\0') + memoized + ".");
  ASSERT_EQ(pickle.root().items.size(), 3u);
  EXPECT_EQ(pickle.root().items[0], pickle.root().items[1]);
  EXPECT_EQ(pickle.root().items[2]->text, "b");
  EXPECT_EQ(
      read(whole("K\1r" + le<uint32_t>(1 << 30) + "0j" + le<uint32_t>(1 << 30))).root().integer, 1);
}

TEST(Pickle, CallsAreData) {
  const Pickle pickle = read(whole(global("m", "f") + "K\7\x85R"));
  EXPECT_EQ(pickle.root().kind, Kind::kCall);
  EXPECT_EQ(pickle.root().text, "m.f");
  EXPECT_EQ(pickle.root().items.at(0)->items.at(0)->integer, 7);
  EXPECT_EQ(read("\x80\x04\x8c\x01m\x8c\x01"
                 "f\x93.")
                .root()
                .kind,
            Kind::kGlobal);
  EXPECT_EQ(read(whole("K\7Q")).root().items.at(0)->integer, 7);
  const Pickle dict = read(whole(pickled::ordered_dict() + "K\1K\2s}b"));
  EXPECT_EQ(dict.root().kind, Kind::kDict);
  EXPECT_EQ(dict.root().items.size(), 2u);
}

TEST(Pickle, OtherGlobalsAreRefusedByName) {
  does_not_support(global("os", "system") + text("touch x") + "\x85R", "names \"os.system\"",
                   "ran nothing");
  does_not_support(global("posix", "system"), "\"posix.system\"");
  does_not_support(global("builtins", "eval"), "\"builtins.eval\"");
  does_not_support(global("__builtin__", "getattr"), "\"__builtin__.getattr\"");
  does_not_support(global("torch", "load"), "\"torch.load\"");
  does_not_support(text("os") + text("system") + "\x93", "\"os.system\"");
  does_not_support(global("torch._utils", "_rebuild_tensor_v2.__globals__"), "__globals__");
  does_not_support(global("\x1b[31m", "f"), "\"\\u001b[31m.f\"");
  does_not_support(global("m.f", ""), "\"m.f.\"");
  refuses(whole("K\1K\2\x93"), "expected two texts, found 1 and 2");
}

TEST(Pickle, OtherOpcodesAreRefusedByName) {
  does_not_support("(ios\nsystem\n", "INST", "Nothing was run");
  does_not_support("(" + global("m", "f") + "o", "OBJ");
  does_not_support(global("m", "f") + ")\x81", "NEWOBJ");
  does_not_support(global("m", "f") + ")}\x92", "NEWOBJ_EX");
  does_not_support("\x82\x01", "EXT1");
  does_not_support("\x83\x01\x01", "EXT2");
  does_not_support("\x84\x01\x01\x01\x01", "EXT4");
  does_not_support("Pid\n", "PERSID");
  does_not_support("I1\n", "INT");
  does_not_support(
      "K\1"
      "2",
      "DUP");
  does_not_support("\x97", "NEXT_BUFFER");
  refuses(whole("?"), "no pickle has the opcode 63");
  expect_error(
      ErrorCode::kUnsupported, [] { read("\x80\x01N."); }, "protocol 2 to 5, found 1");
  refuses("N.", "expected a pickle's PROTO");
}

TEST(Pickle, CallsOfWhatIsNoName) {
  refuses(whole("K\1)R"), "expected a name and a tuple, found 1 and a tuple of 0 values");
  refuses(whole(global("m", "f") + "]R"), "found the name \"m.f\" and a list of 0 values");
  refuses(whole(global("m", "f") + ")R)R"), "found a call of \"m.f\"");
  does_not_support(global("collections", "OrderedDict") + "]\x85R", "OrderedDict with arguments");
  does_not_support(global("m", "f") + ")R}b", "BUILD sets attributes of a call of \"m.f\"");
  does_not_support(global("m", "f") + "}b", "BUILD sets attributes of the name");
}

TEST(Pickle, StacksThatDoNotFit) {
  refuses(whole(""), "expected one value at the end, found 0");
  refuses(whole("K\1K\2"), "found 2");
  refuses(whole("K\1("), "expected one value");
  refuses(whole("K\1t"), "no mark");
  refuses(whole("(K\1\x86"), "no value to take");
  refuses(whole("K\1(\x85"), "no value to take");  // not below the mark
  refuses(whole("K\1K\2"
                "a"),
          "expected a list to add to, found 1");
  refuses(whole("]K\1K\2s"), "expected a dict to add to, found a list of 0 values");
  refuses(whole("}(K\1u"), "a key without a value");
  refuses(whole("h\x05"), "nothing was memorized as 5");
  refuses(whole("q\x05"), "no value to take");
  refuses(whole("0"), "no value to take");
}

TEST(Pickle, BombsAreHarmlessOrRefused) {
  // Each level holds ten times the one before: 10^1000 values if anyone walked them, here 1000.
  std::string laughs = text("lol") + std::string("q\0", 2);
  for (uint32_t i = 1; i < 1000; ++i) {
    laughs += "(" + repeat("j" + le(i - 1), 10) + "tr" + le(i);
  }
  EXPECT_EQ(read(whole("(" + laughs + "t")).root().items.size(), 1000u);
  // A call's arguments are shared, not copied.
  std::string calls = "(" + repeat("N", 50'000) + "tq\1" + global("m", "f") +
                      "q\2"
                      "00](";
  EXPECT_EQ(read(whole(calls + repeat("h\2h\1R", 50'000) + "e")).root().items.size(), 50'000u);
  // A list that holds itself.
  const Pickle loop = read(whole(std::string("]q\0h\0a", 6)));
  EXPECT_EQ(loop.root().items.at(0), &loop.root());
  // Nesting costs no stack of ours.
  EXPECT_EQ(read(whole("N" + repeat("\x85", 900'000))).root().items.size(), 1u);
  EXPECT_EQ(read(whole(repeat("]", 1) + repeat("]a", 400'000))).root().items.size(), 400'000u);

  refuses(whole("N" + repeat("\x85", 1'000'001)), "more than 1000000 values");
  refuses(whole(repeat("N0", 1'000'001)), "more than 1000000 values");
  refuses(whole("N" + repeat("\x94", 1'000'001)), "memorizes more than 1000000 values");
  refuses(whole("]" + repeat(std::string("q\1h\1a", 5), 1'000'001)), "takes memorized values more");
  read(whole("N" + repeat("q\1", 1'000'001)));  // one value, again and again
  refuses(whole(repeat("N", 100'002)), "the stack exceeds 100000");
  refuses(whole(repeat("(", 100'002)), "the stack exceeds 100000");
  refuses(whole("Nq\1" + repeat("h\1", 100'002)), "the stack exceeds 100000");
  refuses(whole("N" + repeat("\x95" + std::string(8, '\0'), 7'200'000)), "exceeds 64000000 bytes");
  refuses(whole(text(std::string(65'537, 'x'))), "a text of 65537 bytes");
  refuses(whole("X\xff\xff\xff\xff"), "a text of 4294967295 bytes");
  refuses(whole("\x8d" + std::string(8, '\xff')), "a text of 18446744073709551615 bytes");
  refuses(whole("\x8b\xff\xff\xff\xff"), "a text of");
  refuses(whole(global(std::string(70'000, 'x'), "y")), "a text of 65537 bytes");
}

TEST(Pickle, TwoInOneFile) {
  const std::string file = whole("K\1") + whole("K\2") + "rest";
  ByteReader reader(std::as_bytes(std::span(file)), "p");
  EXPECT_EQ(Pickle(reader, {}).root().integer, 1);
  EXPECT_EQ(Pickle(reader, {}).root().integer, 2);
  EXPECT_EQ(reader.text(4, "rest"), "rest");
}

TEST(Pickle, EveryTruncationIsRefusedAndEveryFlipFinishes) {
  const std::string file =
      state_dict({{counting_tensor("a", DType::kF16, {2, 3}), "0"},
                  {counting_tensor("b", DType::kF32, {2}), "1", {}, 0, /*parameter=*/true}});
  constexpr std::string_view kTorch[] = {"torch._utils._rebuild_tensor_v2", "torch.HalfStorage",
                                         "torch._utils._rebuild_parameter", "torch.FloatStorage"};
  const auto open = [&](const std::string& content) {
    ByteReader reader(std::as_bytes(std::span(content)), "p");
    return Pickle(reader, kTorch).root().items.size();
  };
  EXPECT_EQ(open(file), 4u);
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(finishes([&] { open(file.substr(0, size)); })) << size;
  }
  for (size_t at = 0; at < file.size(); ++at) {
    for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      finishes([&] { open(damaged); });
    }
  }
}

}  // namespace
}  // namespace gptj::test
