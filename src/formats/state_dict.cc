// SPDX-License-Identifier: Apache-2.0
#include "formats/state_dict.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "base/json.h"

namespace gptj {
namespace {

using Kind = PickleValue::Kind;
using std::string_view_literals::operator""sv;

constexpr auto kRebuildTensor = "torch._utils._rebuild_tensor_v2"sv;
constexpr auto kRebuildParameter = "torch._utils._rebuild_parameter"sv;
struct StorageType {
  std::string_view name;
  DType type;
};
constexpr StorageType kStorageTypes[] = {
    {"torch.FloatStorage", DType::kF32},     {"torch.HalfStorage", DType::kF16},
    {"torch.BFloat16Storage", DType::kBF16}, {"torch.DoubleStorage", DType::kF64},
    {"torch.BoolStorage", DType::kBool},     {"torch.ByteStorage", DType::kU8},
    {"torch.CharStorage", DType::kI8},       {"torch.ShortStorage", DType::kI16},
    {"torch.IntStorage", DType::kI32},       {"torch.LongStorage", DType::kI64},
};
constexpr std::string_view kGlobals[] = {
    kRebuildTensor,        kRebuildParameter,     kStorageTypes[0].name, kStorageTypes[1].name,
    kStorageTypes[2].name, kStorageTypes[3].name, kStorageTypes[4].name, kStorageTypes[5].name,
    kStorageTypes[6].name, kStorageTypes[7].name, kStorageTypes[8].name, kStorageTypes[9].name,
};
constexpr uint64_t kMaxDimensions = 8;

// Checks the values of a pickle. `where` names the file and the tensor.
class Expect {
 public:
  explicit Expect(std::string where) : where_(std::move(where)) {}

  const std::string& where() const { return where_; }
  void that(bool ok, const char* what, const char* expected, const PickleValue& found) const {
    if (ok) return;
    fail(ErrorCode::kBadFile,
         concat(where_, ": ", what, ": expected ", expected, ", found ", found));
  }
  uint64_t count(const PickleValue& value, const char* what) const {
    that(value.kind == Kind::kInteger && value.integer >= 0, what, "a whole number", value);
    return static_cast<uint64_t>(value.integer);
  }
  std::vector<uint64_t> counts(const PickleValue& value, const char* what) const {
    that(value.kind == Kind::kTuple && value.items.size() <= kMaxDimensions, what,
         "a tuple of at most 8 whole numbers", value);
    std::vector<uint64_t> numbers;
    for (const PickleValue* item : value.items) numbers.push_back(count(*item, what));
    return numbers;
  }
  // Returns the arguments of a call of `name`. Throws kUnsupported if `value` is no such call, or
  // has fewer than `least` arguments.
  std::span<const PickleValue* const> arguments(const PickleValue& value, std::string_view name,
                                                size_t least) const {
    const bool is_call = value.kind == Kind::kCall && value.text == name;
    if (is_call && value.items[0]->items.size() >= least) return value.items[0]->items;
    fail(ErrorCode::kUnsupported, concat(where_, ": expected a tensor, found ", value,
                                         "; save the state_dict() of the model alone"));
  }

 private:
  std::string where_;
};

StorageId storage_id(const PickleValue& value, const Expect& expect) {
  expect.that(value.kind == Kind::kPersistentId, "storage", "a persistent id", value);
  const PickleValue& id = *value.items[0];
  expect.that(id.kind == Kind::kTuple && (id.items.size() == 5 || id.items.size() == 6), "storage",
              "a tuple of 5 or 6 values", id);
  const PickleValue& tag = *id.items[0];
  expect.that(tag.kind == Kind::kText && tag.text == "storage", "persistent id",
              "the text \"storage\"", tag);
  const PickleValue& global = *id.items[1];
  const auto type = std::find_if(
      std::begin(kStorageTypes), std::end(kStorageTypes), [&](const StorageType& candidate) {
        return global.kind == Kind::kGlobal && candidate.name == global.text;
      });
  expect.that(type != std::end(kStorageTypes), "storage", "a type of storage", global);
  const PickleValue& key = *id.items[2];
  expect.that(key.kind == Kind::kText && !key.text.empty() &&
                  key.text.find_first_of("/\\\0"sv) == std::string::npos,
              "storage", "a plain name", key);
  if (id.items.size() == 6) {
    expect.that(id.items[5]->kind == Kind::kNone, "storage",
                "one of its own (PyTorch before 0.4 shared them in another way)", *id.items[5]);
  }
  return {key.text, type->type, expect.count(*id.items[4], "elements of the storage")};
}

TensorDescription tensor_of(const PickleValue& value, const std::string& name,
                            const Expect& expect) {
  const PickleValue* tensor = &value;
  if (value.kind == Kind::kCall && value.text == kRebuildParameter) {
    tensor = expect.arguments(value, kRebuildParameter, 1)[0];
  }
  const auto arguments = expect.arguments(*tensor, kRebuildTensor, 4);
  TensorDescription described{name, storage_id(*arguments[0], expect), 0, {}, {}};
  described.offset = expect.count(*arguments[1], "storage_offset");
  described.shape = expect.counts(*arguments[2], "size");
  described.strides = expect.counts(*arguments[3], "stride");
  check(described.shape.size() == described.strides.size(), ErrorCode::kBadFile, expect.where(),
        ": size ", shape_text(described.shape), " and stride ", shape_text(described.strides),
        " differ in length");
  return described;
}

}  // namespace

std::span<const std::string_view> state_dict_globals() { return kGlobals; }

std::vector<TensorDescription> read_state_dict(const PickleValue& root, const std::string& path) {
  check(root.kind == Kind::kDict, ErrorCode::kUnsupported, path,
        ": expected a state_dict from names to tensors, found ", root,
        "; save the state_dict() of the model");
  std::vector<TensorDescription> tensors;
  std::set<std::string> names;
  for (size_t i = 0; i < root.items.size(); i += 2) {
    const PickleValue& name = *root.items[i];
    check(name.kind == Kind::kText, ErrorCode::kUnsupported, path,
          ": expected a state_dict from names to tensors, found ", name, " as a name");
    const Expect expect(concat(path, ": tensor ", json_excerpt(name.text)));
    check(names.insert(name.text).second, ErrorCode::kBadFile, expect.where(), ": is there twice");
    tensors.push_back(tensor_of(*root.items[i + 1], name.text, expect));
  }
  return tensors;
}

}  // namespace gptj
