// SPDX-License-Identifier: Apache-2.0
// The table of one instruction set, filled with the kernels that are written once over its vectors.
#pragma once

#include "kernels/attention.inc.h"
#include "kernels/elementary.inc.h"
#include "kernels/machine.inc.h"
#include "kernels/product.inc.h"
#include "kernels/quantize.inc.h"
#include "kernels/quantized.inc.h"

#define GPTJ_KERNEL_TABLE(isa_name)                                                          \
  {                                                                                          \
    .isa = isa_name,                                                                         \
    .product = {.f32 = GPTJ_CHAIN_PRODUCT(isa_name, F32),                                    \
                .f16 = GPTJ_CHAIN_PRODUCT(isa_name, F16),                                    \
                .bf16 = GPTJ_CHAIN_PRODUCT(isa_name, BF16Pairs),                             \
                .int8 = GPTJ_QUANTIZED_PRODUCT(isa_name, Int8),                              \
                .int4 = GPTJ_QUANTIZED_PRODUCT(isa_name, Int4)},                             \
    .attention = {.f32 = &GPTJ_ISA::attention<GPTJ_ISA::F32>,                                \
                  .f16 = &GPTJ_ISA::attention<GPTJ_ISA::F16>,                                \
                  .bf16 = &GPTJ_ISA::attention<GPTJ_ISA::BF16>,                              \
                  .int8 = &GPTJ_ISA::attention<GPTJ_ISA::CachedInt8>},                       \
    .quantize_row = &GPTJ_ISA::quantize_row, .quantize_int8 = &GPTJ_ISA::quantize_int8,      \
    .quantize_int4 = &GPTJ_ISA::quantize_int4, .layer_norm = &GPTJ_ISA::layer_norm,          \
    .gelu = &GPTJ_ISA::gelu_row, .add_branches = &GPTJ_ISA::add_branches,                    \
    .max_and_exp_sum = &GPTJ_ISA::max_and_exp_sum, .exp = &GPTJ_ISA::exp_row,                \
    .tanh = &GPTJ_ISA::tanh_row, .to_f16 = &GPTJ_ISA::to_f16, .to_bf16 = &GPTJ_ISA::to_bf16, \
    .read_streams = &GPTJ_ISA::read_streams                                                  \
  }
