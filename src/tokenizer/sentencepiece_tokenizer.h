// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "tokenizer/tokenizer_data.h"

namespace gptj {

// Of `parts` with a SentencePiece model, which the library of that name encodes with. Control
// symbols and the unknown piece are special tokens. Throws kBadFile; kUnsupported where this build
// has no such library.
std::shared_ptr<const TokenizerData> make_sentencepiece_tokenizer(const TokenizerParts& parts);

}  // namespace gptj
