// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "tokenizer/tokenizer_data.h"

namespace gptj {

// Returns the tokenizer of `parts`, which hold a SentencePiece model. The library of that name does
// the encoding. Control symbols and the unknown piece are special tokens. Throws kBadFile;
// kUnsupported if this build has no such library.
std::shared_ptr<const TokenizerData> make_sentencepiece_tokenizer(const TokenizerParts& parts);

}  // namespace gptj
