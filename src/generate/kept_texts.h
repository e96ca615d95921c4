// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <span>
#include <vector>

#include "generate/prompt_pass.h"

namespace gptj {

// The computed part of a text: its tokens, and the sequence of the cache that holds them.
struct KeptText {
  std::vector<TokenId> ids = {};
  SequenceId sequence = kNoSequence;
};

// Texts that stay in the cache after the requests that computed them have ended, so that a prompt
// that begins alike takes over their pages. Texts with a common beginning share its pages. What was
// not used for the longest time is dropped first, one page at a time from the text's end.
class KeptTexts {
 public:
  // The store removes its sequences from `decoder` as it drops them. `decoder` must outlive the
  // store's last use; the destructor does not use it.
  explicit KeptTexts(Decoder& decoder) : decoder_(decoder) {}

  // The kept text with the longest beginning in common with a prompt, and that beginning's length
  // in tokens. `sequence` is kNoSequence if nothing is in common.
  struct Match {
    SequenceId sequence = kNoSequence;
    size_t length = 0;
  };
  Match find(std::span<const TokenId> ids) const;
  // Marks the text of this sequence as the last one used.
  void touch(SequenceId sequence);

  // Keeps the first ids.size() positions of `sequence`, which hold `ids`. The sequence stays its
  // owner's. Texts that are a beginning of the new one are dropped; nothing is added if the new one
  // is a beginning of a kept text.
  void add(SequenceId sequence, std::span<const TokenId> ids);
  // Drops all texts and keeps this one, whose sequence the store owns from then on. A text without
  // a sequence is not kept.
  void replace_all(KeptText text);
  // Drops the last page of the text that was not used for the longest time. Returns false if there
  // is no text. The page's memory becomes free unless another sequence shares the page.
  bool drop_page();

  bool empty() const { return texts_.empty(); }
  // Returns the text that was used last; an empty one if there is none.
  const KeptText& last() const;
  // Appends the addresses of the pages; a page that texts share comes more than once.
  void add_pages(std::vector<const std::byte*>& pages) const;

 private:
  Decoder& decoder_;
  std::list<KeptText> texts_;  // the one that was not used for the longest time first
};

}  // namespace gptj
