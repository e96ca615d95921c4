// SPDX-License-Identifier: Apache-2.0
#include "generate/kept_texts.h"

#include <algorithm>
#include <utility>

#include "kernels/kernels.h"

namespace gptj {
namespace {

size_t common_length(std::span<const TokenId> a, std::span<const TokenId> b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                             a.begin());
}

}  // namespace

KeptTexts::Match KeptTexts::find(std::span<const TokenId> ids) const {
  Match best;
  for (const KeptText& text : texts_) {
    const size_t length = common_length(ids, text.ids);
    if (length > best.length) best = {text.sequence, length};
  }
  return best;
}

void KeptTexts::touch(SequenceId sequence) {
  const auto place = std::find_if(texts_.begin(), texts_.end(),
                                  [&](const KeptText& text) { return text.sequence == sequence; });
  if (place != texts_.end()) texts_.splice(texts_.end(), texts_, place);
}

void KeptTexts::add(SequenceId sequence, std::span<const TokenId> ids) {
  const Match longest = find(ids);
  if (longest.length == ids.size()) return touch(longest.sequence);
  // Memory may run out before the texts change, not afterwards.
  std::list<KeptText> added;
  added.push_back({{ids.begin(), ids.end()}, kNoSequence});
  added.back().sequence = decoder_.cache().fork(sequence, static_cast<int64_t>(ids.size()));
  for (auto text = texts_.begin(); text != texts_.end();) {
    if (common_length(ids, text->ids) < text->ids.size()) {
      ++text;
      continue;
    }
    drop_sequence(decoder_, text->sequence);
    text = texts_.erase(text);
  }
  texts_.splice(texts_.end(), added);
}

void KeptTexts::replace_all(KeptText text) {
  std::list<KeptText> added;
  if (text.sequence != kNoSequence) added.push_back(std::move(text));
  for (KeptText& old : texts_) drop_sequence(decoder_, old.sequence);
  texts_ = std::move(added);
}

bool KeptTexts::drop_page() {
  if (texts_.empty()) return false;
  KeptText& text = texts_.front();
  const size_t length = (text.ids.size() - 1) / kPagePositions * kPagePositions;
  if (length > 0) {
    text.ids.resize(length);
    decoder_.cache().truncate(text.sequence, static_cast<int64_t>(length));
  } else {
    drop_sequence(decoder_, text.sequence);
    texts_.pop_front();
  }
  return true;
}

const KeptText& KeptTexts::last() const {
  static const KeptText none;
  return texts_.empty() ? none : texts_.back();
}

void KeptTexts::add_pages(std::vector<const std::byte*>& pages) const {
  const KvCache& cache = std::as_const(decoder_).cache();
  for (const KeptText& text : texts_) {
    std::byte* const* addresses = cache.pages(text.sequence);
    pages.insert(pages.end(), addresses, addresses + cache.page_count(text.sequence));
  }
}

}  // namespace gptj
