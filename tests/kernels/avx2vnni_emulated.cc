// SPDX-License-Identifier: Apache-2.0
// The products of avx2vnni.cc on processors without AVX-VNNI.
#define GPTJ_ISA avx2vnni_emulated

#include <immintrin.h>

namespace gptj::avxvnni {
namespace {

// Of each 32 bits the even bytes, then the odd ones, as 16 bits: products and their sums are exact.
inline __m256i dpbusd(__m256i acc, __m256i without_sign, __m256i with_sign) {
  const __m256i even = _mm256_madd_epi16(_mm256_and_si256(without_sign, _mm256_set1_epi16(0xff)),
                                         _mm256_srai_epi16(_mm256_slli_epi16(with_sign, 8), 8));
  const __m256i odd =
      _mm256_madd_epi16(_mm256_srli_epi16(without_sign, 8), _mm256_srai_epi16(with_sign, 8));
  return _mm256_add_epi32(acc, _mm256_add_epi32(even, odd));
}

}  // namespace
}  // namespace gptj::avxvnni

#define GPTJ_EMULATED_AVXVNNI
#define _mm256_dpbusd_avx_epi32(acc, w, x) gptj::avxvnni::dpbusd(acc, w, x)
#include "kernels/vec_avx2.h"
// Above: the vectors of this instruction set; below: what is made of them.
#include "kernels/bytes_vnni.inc.h"
#include "kernels/emulated.h"
#include "kernels/quantized.inc.h"

namespace gptj::test {

const PerElement<ProductKernel> kAvx2VnniEmulated = {
    .int8 = GPTJ_QUANTIZED_PRODUCT("emulated avx2vnni", Int8),
    .int4 = GPTJ_QUANTIZED_PRODUCT("emulated avx2vnni", Int4)};

}  // namespace gptj::test
