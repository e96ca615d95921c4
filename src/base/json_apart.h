// SPDX-License-Identifier: Apache-2.0
// Destroys nlohmann's values without allocating memory. Only .cc files include this header.
#pragma once

#include <cstddef>

namespace gptj {

// Returns an object with room for that many fields. An object that keeps the order of its fields
// would otherwise copy them all whenever it grows, and then destroy the copied ones, for which
// there may be no memory (see take_apart).
template <class AnyJson>
AnyJson object_of(size_t fields) {
  AnyJson object = AnyJson::object();
  object.template get_ref<typename AnyJson::object_t&>().reserve(fields);
  return object;
}

// Empties a value of nlohmann's without allocating memory. nlohmann's own destructor puts nested
// values into a vector, and ends the process if there is no memory for the vector. REQUIRES: the
// value began as an object or array and not as null. If operator[] turns null into an object and
// memory runs out, the value is damaged.
template <class AnyJson>
void take_apart(AnyJson& value) noexcept {
  // Recursion is at most as deep as parse_json() lets values be nested.
  if (auto* array = value.template get_ptr<typename AnyJson::array_t*>()) {
    for (AnyJson& child : *array) take_apart(child);
    array->clear();
  } else if (auto* object = value.template get_ptr<typename AnyJson::object_t*>()) {
    for (auto& item : *object) take_apart(item.second);
    object->clear();
  }
}

// Calls take_apart() at the end of a scope.
template <class AnyJson>
class TakenApart {
 public:
  explicit TakenApart(AnyJson& value) : value_(value) {}
  ~TakenApart() { take_apart(value_); }
  TakenApart(const TakenApart&) = delete;
  TakenApart& operator=(const TakenApart&) = delete;

 private:
  AnyJson& value_;
};

}  // namespace gptj
