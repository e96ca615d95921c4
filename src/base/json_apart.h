// SPDX-License-Identifier: Apache-2.0
// Only .cc files include this.
#pragma once

#include <cstddef>

namespace gptj {

// Returns an object with room for so many fields. Growing, one that keeps their order copies all
// that is in it and takes apart what it copied, for which there may be no memory (see below).
template <class AnyJson>
AnyJson object_of(size_t fields) {
  AnyJson object = AnyJson::object();
  object.template get_ref<typename AnyJson::object_t&>().reserve(fields);
  return object;
}

// Empties a value of nlohmann's without memory. Its destructor puts what is nested into a vector,
// and ends the process where there is no memory for that. Nor may operator[] make an object of
// null: where memory runs out then, the value is damaged. Begin with an object.
template <class AnyJson>
void take_apart(AnyJson& value) noexcept {
  // At most as deep as parse_json() lets values be.
  if (auto* array = value.template get_ptr<typename AnyJson::array_t*>()) {
    for (AnyJson& child : *array) take_apart(child);
    array->clear();
  } else if (auto* object = value.template get_ptr<typename AnyJson::object_t*>()) {
    for (auto& item : *object) take_apart(item.second);
    object->clear();
  }
}

// Takes a value apart at the end of a scope.
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
