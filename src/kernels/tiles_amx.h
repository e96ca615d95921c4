// SPDX-License-Identifier: Apache-2.0
// The eight tile registers of Intel AMX, each up to 16 rows of 64 bytes. Every thread has its own.
//
// The instructions are in assembly, because GCC 12's intrinsics do not tell the compiler that a
// tile load reads memory, nor that a configuration has more than 8 bytes. Writes to that memory
// might then come too late.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace gptj::GPTJ_ISA {
namespace {

// Sets the shapes of all tiles by the 64 bytes that LDTILECFG takes. All tiles become zero.
inline void configure_tiles(const uint8_t (&shapes)[64]) {
  asm volatile("ldtilecfg %0" : : "m"(shapes));
}
inline void release_tiles() { asm volatile("tilerelease"); }

template <int T>
inline void zero_tile() {
  asm volatile("tilezero %%tmm%c0" : : "i"(T));
}
// Loads a tile whose rows stand `stride` bytes apart.
template <int T>
inline void load_tile(const void* p, size_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(p), "r"(stride), "i"(T) : "memory");
}
// Loads a tile from memory that need not stay in the first-level cache.
template <int T>
inline void load_tile_once(const void* p, size_t stride) {
  asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2" : : "r"(p), "r"(stride), "i"(T) : "memory");
}
template <int T>
inline void store_tile(void* p, size_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(p), "r"(stride), "i"(T) : "memory");
}

// c[m][n] += a[m][4 j + b] * b[j][4 n + b], signed bytes, exact in int32
template <int C, int A, int B>
inline void multiply_bytes() {
  asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
}
// c[m][n] += (chain over j of a[m][2 j] * b[j][2 n]) + (the same chain with 2 j + 1 and 2 n + 1)
template <int C, int A, int B>
inline void multiply_bf16() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
}

}  // namespace
}  // namespace gptj::GPTJ_ISA
