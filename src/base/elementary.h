// SPDX-License-Identifier: Apache-2.0
// exp and log in double, with the same bits on every CPU. libm does not promise that: it picks its
// code by instruction set and changes it between versions. These functions use only + - * / and bit
// operations, each correctly rounded, in one order. They do not use fma, because it is forty times
// slower where hardware lacks it. Over five million points each, the largest errors were 0.994 ulp
// (exp) and 0.844 ulp (log). REQUIRES: -ffp-contract=off and rounding to nearest.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

namespace gptj::elementary {

// ln 2 = kLn2High + kLn2Low. kLn2High has 32 bits, so that its product with an exponent is exact.
inline constexpr double kLn2High = 0x1.62e42feep-1;
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

// A constant that rounds: x + kRound, for |x| below 2^51, holds x rounded to an integer in its
// lowest bits.
inline constexpr double kRound = 0x1.8p52;

// Returns 2^exponent. REQUIRES: exponent is an integer from -1022 to 1023.
inline double power_of_two(double exponent) {
  return std::bit_cast<double>((std::bit_cast<uint64_t>(exponent + kRound) + 1023) << 52);
}

// Returns e^x: infinity above 709.79, subnormal below -708.4, 0 below -745.2. NaN stays NaN.
inline double exp(double x) {
  constexpr double kLog2E = 0x1.71547652b82fep+0;
  x = std::clamp(x, -746.0, 710.0);
  const double k = (x * kLog2E + kRound) - kRound;
  const double r = (x - k * kLn2High) - k * kLn2Low;  // |r| <= ln(2) / 2
  // Taylor's series, with even and odd terms apart for speed. The first term left out, r^14 / 14!,
  // is below 2^-57.
  const double z = r * r;
  double even = 1.0 / 479001600;
  even = even * z + 1.0 / 3628800;
  even = even * z + 1.0 / 40320;
  even = even * z + 1.0 / 720;
  even = even * z + 1.0 / 24;
  even = even * z + 1.0 / 2;
  double odd = 1.0 / 6227020800;
  odd = odd * z + 1.0 / 39916800;
  odd = odd * z + 1.0 / 362880;
  odd = odd * z + 1.0 / 5040;
  odd = odd * z + 1.0 / 120;
  odd = odd * z + 1.0 / 6;
  const double power = 1 + (r + z * (even + r * odd));
  // Scales in two steps, because 2^k alone may be out of range.
  const double half = (0.5 * k + kRound) - kRound;
  return power * power_of_two(half) * power_of_two(k - half);
}

// Returns the natural logarithm of x: -infinity if x is 0, NaN if x is negative.
inline double log(double x) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (x == 0) return -kInfinity;
  if (!(x > 0)) return std::numeric_limits<double>::quiet_NaN();
  if (x == kInfinity) return x;
  int64_t exponent = 0;
  if (x < std::numeric_limits<double>::min()) {
    x *= 0x1p54;
    exponent = -54;
  }
  // x = 2^exponent * (1 + f) with 1 + f from 1/sqrt(2) to sqrt(2).
  constexpr uint64_t kHalfRoot = 0x3FE6A09E667F3BCD;
  const auto above = static_cast<int64_t>(std::bit_cast<uint64_t>(x) - kHalfRoot);
  exponent += above >> 52;
  const double f = std::bit_cast<double>(std::bit_cast<uint64_t>(x) -
                                         (static_cast<uint64_t>(above >> 52) << 52)) -
                   1;
  // log(1 + f) = 2 atanh(s) = 2s + s R with R = 2/3 z + 2/5 z^2 + ... Writing 2s as
  // f - f^2/2 + s f^2/2 keeps f exact. z is below 0.0295; the first term left out, 2/23 z^11, is
  // below 2^-59.
  const double s = f / (2 + f);
  const double z = s * s;
  double series = 2.0 / 21;
  series = series * z + 2.0 / 19;
  series = series * z + 2.0 / 17;
  series = series * z + 2.0 / 15;
  series = series * z + 2.0 / 13;
  series = series * z + 2.0 / 11;
  series = series * z + 2.0 / 9;
  series = series * z + 2.0 / 7;
  series = series * z + 2.0 / 5;
  series = series * z + 2.0 / 3;
  const double half_square = 0.5 * f * f;
  const double k = static_cast<double>(exponent);
  const double small = s * (half_square + z * series) + k * kLn2Low;
  return k * kLn2High - ((half_square - small) - f);
}

}  // namespace gptj::elementary
