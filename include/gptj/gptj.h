// SPDX-License-Identifier: Apache-2.0
// Includes the whole public interface.
#pragma once

#include <string>
#include <vector>

#include "gptj/bench.h"
#include "gptj/checkpoint.h"
#include "gptj/convert.h"
#include "gptj/error.h"
#include "gptj/evaluate.h"
#include "gptj/export.h"
#include "gptj/generate.h"
#include "gptj/jobs.h"
#include "gptj/model.h"
#include "gptj/session.h"
#include "gptj/storage.h"
#include "gptj/template.h"
#include "gptj/tokenizer.h"

#define GPTJ_VERSION_MAJOR 0
#define GPTJ_VERSION_MINOR 1
#define GPTJ_VERSION_PATCH 0

namespace gptj {

// Returns the version of the library that runs, "0.1.0". It may differ from the macros above.
GPTJ_API const char* version();

// Returns the instruction sets that this library has kernels for and this processor runs, the best
// last.
GPTJ_API std::vector<std::string> instruction_set_names();

// Returns all instruction sets that this library has kernels for, the best last, whether or not
// this processor runs them.
GPTJ_API std::vector<std::string> all_instruction_set_names();

// Returns the instructions that multiply weights of this type if `isa` is asked for (empty: the
// best that this processor has): "avx512", "avx512bf16", "amx", ... Throws as Model::load does for
// LoadOptions::isa.
GPTJ_API std::string matmul_isa(WeightType weights, const std::string& isa = {});

}  // namespace gptj
