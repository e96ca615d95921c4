// SPDX-License-Identifier: Apache-2.0
// Pickles read as data: a machine for the opcodes that torch.save emits under protocols 2 to 5. It
// imports nothing and calls nothing. What a pickle says to call becomes a value that tells so, and
// its reader decides what that means.
#pragma once

#include <cstdint>
#include <deque>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"

namespace gptj {

struct PickleValue {
  enum class Kind {
    kNone,
    kBool,
    kInteger,
    kLong,  // an integer beyond 64 bits
    kFloat,
    kText,
    kBytes,
    kTuple,
    kList,
    kDict,  // an OrderedDict too
    kGlobal,
    kCall,
    kPersistentId,
  };
  Kind kind = Kind::kNone;
  int64_t integer = 0;    // kInteger; kBool: 0 or 1
  std::string text = {};  // kText, kBytes; kLong: little-endian bytes; kGlobal, kCall: its name
  // kTuple, kList; kDict: key, value, key, value; kCall: the tuple of arguments; kPersistentId: the
  // id. Values may be shared and lists may hold themselves, so nothing should walk them without a
  // limit.
  std::vector<const PickleValue*> items = {};
};

class Pickle {
 public:
  // Reads one pickle and leaves `reader` behind it. Globals other than `allowed` ("torch.Size") and
  // collections.OrderedDict are refused by name. Caps: 64 MB, a million values, 100'000 of them on
  // the stack, 64 KB for a text. Throws kBadFile; kUnsupported for other globals and opcodes.
  Pickle(ByteReader& reader, std::span<const std::string_view> allowed);

  // Lives as long as this object, at one place.
  const PickleValue& root() const { return *root_; }

 private:
  std::deque<PickleValue> values_;  // all that there are
  const PickleValue* root_ = nullptr;
};

// As messages show it: "the text \"cpu\"", "a list of 3 values".
std::ostream& operator<<(std::ostream& out, const PickleValue& value);

}  // namespace gptj
