// SPDX-License-Identifier: Apache-2.0
// Reads pickles as data, with a machine for the opcodes that torch.save emits under protocols 2 to
// 5. The machine imports nothing and calls nothing. A call in a pickle becomes a value of kind
// kCall, and the code that reads the value decides what the call means.
#pragma once

#include <cstdint>
#include <deque>
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
  std::string text = {};  // kText, kBytes; kLong: little-endian bytes; kGlobal, kCall: the name
  // kTuple, kList: the items; kDict: key, value, key, value; kCall: the tuple of arguments;
  // kPersistentId: the id. Values may be shared and lists may contain themselves, so code that
  // walks them needs a limit.
  std::vector<const PickleValue*> items = {};
};

class Pickle {
 public:
  // Reads one pickle and leaves `reader` at the byte after it. Globals other than `allowed`
  // ("torch.Size") and collections.OrderedDict are refused by name. The limits are 64 MB, a million
  // values, 100'000 values on the stack, and 64 KB for a text. Throws kBadFile, and kUnsupported
  // for other globals and opcodes.
  Pickle(ByteReader& reader, std::span<const std::string_view> allowed);

  // Returns the pickle's value, which is valid as long as this object.
  const PickleValue& root() const { return *root_; }

 private:
  std::deque<PickleValue> values_;  // all values; a deque, because they point to one another
  const PickleValue* root_ = nullptr;
};

// Returns a value as messages show it: "the text \"cpu\"", "a list of 3 values".
std::string message_text(const PickleValue& value);

}  // namespace gptj
