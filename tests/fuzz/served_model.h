// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gptj/model.h"

namespace gptj::fuzz {

// A model with a tokenizer, loaded once.
inline const Model& served_model() {
  static const Model model =
      Model::load(GPTJ_SOURCE_DIR "/models/fairytale-8m", {.threads = 1, .isa = "portable"});
  return model;
}

}  // namespace gptj::fuzz
