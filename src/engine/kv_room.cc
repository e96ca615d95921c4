// SPDX-License-Identifier: Apache-2.0
#include "engine/kv_room.h"

#include <algorithm>

#include "base/check.h"
#include "base/memory.h"
#include "engine/model_state.h"

namespace gptj {

uint64_t kv_room(const Model& model, uint64_t held) {
  const uint64_t room = held + available_memory();
  const uint64_t max_ram = model.state().max_ram;
  return max_ram == 0 ? room : std::min(room, max_ram - std::min(max_ram, model.weight_bytes()));
}

void check_kv_room(const KvCache& cache, size_t pages, uint64_t room, const std::string& subject,
                   const std::string& advice, const std::string& param) {
  if (pages <= room / cache.page_bytes()) return;
  fail(ErrorCode::kOutOfMemory,
       concat(subject, ": ", pages, " pages of keys and values need ",
              size_text(pages * cache.page_bytes()), ", found ", size_text(room), " for them; ",
              advice),
       param);
}

}  // namespace gptj
