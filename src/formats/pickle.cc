// SPDX-License-Identifier: Apache-2.0
#include "formats/pickle.h"

#include <algorithm>
#include <bit>
#include <map>

#include "base/json.h"

namespace gptj {
namespace {

using Kind = PickleValue::Kind;

constexpr size_t kMaxBytes = 64'000'000;
constexpr size_t kMaxValues = 1'000'000;
constexpr size_t kMaxStack = 100'000;
constexpr size_t kMaxText = 65'536;
constexpr std::string_view kOrderedDict = "collections.OrderedDict";

struct OpcodeName {
  uint8_t code;
  const char* name;
};
// The opcodes that torch.save never emits, but other pickles have.
constexpr OpcodeName kRefused[] = {
    {'2', "DUP"},        {'i', "INST"},        {'o', "OBJ"},          {0x81, "NEWOBJ"},
    {0x92, "NEWOBJ_EX"}, {0x82, "EXT1"},       {0x83, "EXT2"},        {0x84, "EXT4"},
    {'P', "PERSID"},     {'I', "INT"},         {'L', "LONG"},         {'F', "FLOAT"},
    {'S', "STRING"},     {'V', "UNICODE"},     {'p', "PUT"},          {'g', "GET"},
    {'l', "LIST"},       {'d', "DICT"},        {0x8f, "EMPTY_SET"},   {0x90, "ADDITEMS"},
    {0x91, "FROZENSET"}, {0x96, "BYTEARRAY8"}, {0x97, "NEXT_BUFFER"}, {0x98, "READONLY_BUFFER"},
};

class Machine {
 public:
  Machine(ByteReader& reader, std::span<const std::string_view> allowed,
          std::deque<PickleValue>& values)
      : reader_(reader), allowed_(allowed), values_(values), begin_(reader.position()) {}

  const PickleValue* run() {
    expect(byte("protocol") == 0x80, "expected a pickle's PROTO");
    check_protocol();
    while (true) {
      const uint8_t opcode = byte("opcode");
      if (opcode == '.') break;
      step(opcode);
      expect(reader_.position() - begin_ <= kMaxBytes, "the pickle exceeds ", kMaxBytes, " bytes");
      expect(stack_.size() <= kMaxStack && marks_.size() <= kMaxStack, "the stack exceeds ",
             kMaxStack, " values");
    }
    expect(stack_.size() == 1 && marks_.empty(), "expected one value at the end, found ",
           stack_.size());
    return stack_[0];
  }

 private:
  void step(uint8_t opcode) {
    switch (opcode) {
      case 0x80: check_protocol(); break;
      case 0x95: number<uint64_t>("frame"); break;  // says only how much to read ahead
      case '(': marks_.push_back(stack_.size()); break;
      case '0': pop(); break;
      case '1': pop_to_mark(); break;
      case 'N': push({Kind::kNone}); break;
      case 0x88: push({Kind::kBool, 1}); break;
      case 0x89: push({Kind::kBool, 0}); break;
      case 'J': push({Kind::kInteger, number<int32_t>("BININT")}); break;
      case 'K': push({Kind::kInteger, number<uint8_t>("BININT1")}); break;
      case 'M': push({Kind::kInteger, number<uint16_t>("BININT2")}); break;
      case 0x8a: push_long(number<uint8_t>("LONG1")); break;
      case 0x8b: push_long(number<uint32_t>("LONG4")); break;
      case 'G':
        number<uint64_t>("BINFLOAT");  // no tensor's description has one
        push({Kind::kFloat});
        break;
      case 'X': push_text(Kind::kText, number<uint32_t>("BINUNICODE")); break;
      case 0x8c: push_text(Kind::kText, number<uint8_t>("SHORT_BINUNICODE")); break;
      case 0x8d: push_text(Kind::kText, number<uint64_t>("BINUNICODE8")); break;
      case 'T': push_text(Kind::kText, number<uint32_t>("BINSTRING")); break;  // Python 2
      case 'U': push_text(Kind::kText, number<uint8_t>("SHORT_BINSTRING")); break;
      case 'B': push_text(Kind::kBytes, number<uint32_t>("BINBYTES")); break;
      case 'C': push_text(Kind::kBytes, number<uint8_t>("SHORT_BINBYTES")); break;
      case 0x8e: push_text(Kind::kBytes, number<uint64_t>("BINBYTES8")); break;
      case ')': push({Kind::kTuple}); break;
      case 't': push({Kind::kTuple, 0, {}, pop_to_mark()}); break;
      case 0x85: push_tuple(1); break;
      case 0x86: push_tuple(2); break;
      case 0x87: push_tuple(3); break;
      case ']': push({Kind::kList}); break;
      case 'a': append({pop()}); break;
      case 'e': append(pop_to_mark()); break;
      case '}': push({Kind::kDict}); break;
      case 's': set_items(pop_pair()); break;
      case 'u': set_items(pop_to_mark()); break;
      case 'q': put(number<uint8_t>("BINPUT")); break;
      case 'r': put(number<uint32_t>("LONG_BINPUT")); break;
      case 0x94: put(static_cast<uint32_t>(memo_.size())); break;
      case 'h': get(number<uint8_t>("BINGET")); break;
      case 'j': get(number<uint32_t>("LONG_BINGET")); break;
      case 'c': global(); break;
      case 0x93: stack_global(); break;
      case 'R': reduce(); break;
      case 'b': build(); break;
      case 'Q': push({Kind::kPersistentId, 0, {}, {pop()}}); break;
      default: refuse(opcode);
    }
  }

  void check_protocol() {
    const auto protocol = number<uint8_t>("protocol");
    support(protocol >= 2 && protocol <= 5, "expected a pickle of protocol 2 to 5, found ",
            int{protocol});
  }
  [[noreturn]] void refuse(uint8_t opcode) const {
    const auto known = std::find_if(std::begin(kRefused), std::end(kRefused),
                                    [&](const OpcodeName& o) { return o.code == opcode; });
    if (known == std::end(kRefused)) {
      fail(ErrorCode::kBadFile, concat(at(), "no pickle has the opcode ", int{opcode}));
    }
    fail(ErrorCode::kUnsupported,
         concat(at(), "the opcode ", known->name,
                ", which torch.save does not use for tensors; a state_dict "
                "saved by torch.save was expected. Nothing was run"));
  }

  // As check(), but the message is made only if `ok` is false, because this runs on every step.
  template <class... Parts>
  void expect(bool ok, const Parts&... parts) const {
    if (!ok) fail(ErrorCode::kBadFile, concat(at(), parts...));
  }
  template <class... Parts>
  void support(bool ok, const Parts&... parts) const {
    if (!ok) fail(ErrorCode::kUnsupported, concat(at(), parts...));
  }
  std::string at() const { return concat(reader_.where(), ": at byte ", reader_.position(), ": "); }
  uint8_t byte(const char* what) { return reader_.little_endian<uint8_t>(what); }
  template <class Number>
  Number number(const char* what) {
    return reader_.little_endian<Number>(what);
  }
  std::string line(const char* what) {
    std::string text;
    for (char c = static_cast<char>(byte(what)); c != '\n'; c = static_cast<char>(byte(what))) {
      text += c;
      check_text(text.size());
    }
    return text;
  }
  void check_text(uint64_t size) const {
    expect(size <= kMaxText, "a text of ", size, " bytes; names in a checkpoint have at most ",
           kMaxText);
  }

  void push(PickleValue value) {
    expect(values_.size() < kMaxValues, "the pickle has more than ", kMaxValues, " values");
    values_.push_back(std::move(value));
    stack_.push_back(&values_.back());
  }
  void push_text(Kind kind, uint64_t size) {
    check_text(size);
    push({kind, 0, std::string(reader_.text(size, "text"))});
  }
  void push_long(uint64_t size) {
    check_text(size);
    const std::string_view bytes = reader_.text(size, "integer");
    if (bytes.size() > sizeof(int64_t)) return push({Kind::kLong, 0, std::string(bytes)});
    uint64_t bits = !bytes.empty() && (bytes.back() & 0x80) != 0 ? ~uint64_t{0} : 0;
    for (size_t i = bytes.size(); i-- > 0;) bits = bits << 8 | static_cast<uint8_t>(bytes[i]);
    push({Kind::kInteger, std::bit_cast<int64_t>(bits)});
  }
  void push_tuple(size_t size) {
    PickleValue tuple{Kind::kTuple};
    for (size_t i = 0; i < size; ++i) tuple.items.push_back(pop());
    std::reverse(tuple.items.begin(), tuple.items.end());
    push(std::move(tuple));
  }

  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleValue* pop() {
    PickleValue* value = top();
    stack_.pop_back();
    return value;
  }
  PickleValue* top() const {
    expect(stack_.size() > floor(), "the stack has no value to take");
    return stack_.back();
  }
  std::vector<const PickleValue*> pop_pair() {
    const PickleValue* value = pop();
    const PickleValue* key = pop();
    return {key, value};
  }
  std::vector<const PickleValue*> pop_to_mark() {
    expect(!marks_.empty(), "the stack has no mark");
    std::vector<const PickleValue*> items(stack_.begin() + static_cast<ptrdiff_t>(marks_.back()),
                                          stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }

  void append(const std::vector<const PickleValue*>& items) { extend(Kind::kList, items); }
  void set_items(const std::vector<const PickleValue*>& items) {
    expect(items.size() % 2 == 0, "a dict with a key without a value");
    extend(Kind::kDict, items);
  }
  void extend(Kind kind, const std::vector<const PickleValue*>& items) {
    PickleValue* target = top();
    expect(target->kind == kind, "expected a ", kind == Kind::kList ? "list" : "dict",
           " to add to, found ", *target);
    target->items.insert(target->items.end(), items.begin(), items.end());
  }

  void put(uint32_t index) {
    memo_[index] = top();
    expect(memo_.size() <= kMaxValues, "the pickle memorizes more than ", kMaxValues, " values");
  }
  // Pushes a memorized value. The number of such pushes is limited, because lists that hold one
  // value again and again would grow to many times the pickle's bytes.
  void get(uint32_t index) {
    const auto found = memo_.find(index);
    expect(found != memo_.end(), "nothing was memorized as ", index);
    expect(++taken_ <= kMaxValues, "the pickle takes memorized values more than ", kMaxValues,
           " times");
    stack_.push_back(found->second);
  }

  void push_global(const std::string& module, const std::string& name) {
    std::string global = module + "." + name;
    const bool known = global == kOrderedDict ||
                       std::find(allowed_.begin(), allowed_.end(), global) != allowed_.end();
    support(known, "the pickle names ", json_excerpt(global),
            ", which is no part of a state_dict of tensors; a pickle can make Python run anything, "
            "so this engine reads only what it knows, and ran nothing. Save the model's "
            "state_dict() with torch.save, or as safetensors");
    push({Kind::kGlobal, 0, std::move(global)});
  }
  void global() {
    const std::string module = line("GLOBAL");
    push_global(module, line("GLOBAL"));
  }
  void stack_global() {
    const PickleValue* name = pop();
    const PickleValue* module = pop();
    expect(name->kind == Kind::kText && module->kind == Kind::kText,
           "STACK_GLOBAL: expected two texts, found ", *module, " and ", *name);
    push_global(module->text, name->text);
  }
  void reduce() {
    const PickleValue* arguments = pop();
    const PickleValue* callable = pop();
    expect(callable->kind == Kind::kGlobal && arguments->kind == Kind::kTuple,
           "REDUCE: expected a name and a tuple, found ", *callable, " and ", *arguments);
    if (callable->text != kOrderedDict) {
      return push({Kind::kCall, 0, callable->text, {arguments}});
    }
    support(arguments->items.empty(),
            "an OrderedDict with arguments, as Python 2 saved it; save the model again");
    push({Kind::kDict});
  }
  // Drops attributes. A state_dict may have one, _metadata, which is not needed.
  void build() {
    pop();
    support(top()->kind == Kind::kDict, "BUILD sets attributes of ", *top(),
            "; only a state_dict has any");
  }

  ByteReader& reader_;
  std::span<const std::string_view> allowed_;
  std::deque<PickleValue>& values_;
  size_t begin_;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;  // sizes of the stack at each mark
  std::map<uint32_t, PickleValue*> memo_;
  size_t taken_ = 0;  // number of values pushed from memo_
};

std::string counted(const char* kind, size_t n) {
  return concat("a ", kind, " of ", n, n == 1 ? " value" : " values");
}

}  // namespace

std::string message_text(const PickleValue& value) {
  switch (value.kind) {
    case Kind::kNone: return "None";
    case Kind::kBool: return value.integer != 0 ? "True" : "False";
    case Kind::kInteger: return std::to_string(value.integer);
    case Kind::kLong: return "an integer beyond 64 bits";
    case Kind::kFloat: return "a float";
    case Kind::kText: return concat("the text ", json_excerpt(value.text));
    case Kind::kBytes: return concat(value.text.size(), " bytes");
    case Kind::kTuple: return counted("tuple", value.items.size());
    case Kind::kList: return counted("list", value.items.size());
    case Kind::kDict: return counted("dict", value.items.size() / 2);
    case Kind::kGlobal: return concat("the name ", json_excerpt(value.text));
    case Kind::kCall: return concat("a call of ", json_excerpt(value.text));
    case Kind::kPersistentId: return "a persistent id";
  }
  return "an unknown value";
}

Pickle::Pickle(ByteReader& reader, std::span<const std::string_view> allowed) {
  root_ = Machine(reader, allowed, values_).run();
}

}  // namespace gptj
