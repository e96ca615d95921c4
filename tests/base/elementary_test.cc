// SPDX-License-Identifier: Apache-2.0
#include "base/elementary.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gptj {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kUlp = std::numeric_limits<double>::epsilon();

// An order-dependent hash of the bits of f over `count` points from `first` to `last`.
uint64_t hash_of(double (*f)(double), double first, double last, int count) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a over words
  for (int i = 0; i < count; ++i) {
    const double bits = f(first + (last - first) * i / count);
    hash = (hash ^ std::bit_cast<uint64_t>(bits)) * 1099511628211u;
  }
  return hash;
}

void expect_near(double found, double expected, double x) {
  EXPECT_LE(std::abs(found - expected), 2 * kUlp * std::abs(expected)) << "at " << x;
}

TEST(Elementary, ExpIsWithinTwoUlp) {
  for (double x = -708; x < 709.5; x += 0x1.91p-9) expect_near(elementary::exp(x), std::exp(x), x);
  for (double x = 1e-300; x < 1; x *= 1.37) {
    expect_near(elementary::exp(x), std::exp(x), x);
    expect_near(elementary::exp(-x), std::exp(-x), -x);
  }
}

TEST(Elementary, ExpAtTheEnds) {
  EXPECT_EQ(elementary::exp(0.0), 1.0);
  EXPECT_EQ(elementary::exp(-0.0), 1.0);
  EXPECT_EQ(elementary::exp(709.79), kInfinity);
  EXPECT_EQ(elementary::exp(kInfinity), kInfinity);
  EXPECT_EQ(elementary::exp(-745.2), 0.0);
  EXPECT_EQ(elementary::exp(-1e300), 0.0);
  EXPECT_EQ(elementary::exp(-kInfinity), 0.0);
  EXPECT_TRUE(std::isnan(elementary::exp(std::nan(""))));
  for (double x = -745; x < -708; x += 0.01) {  // subnormal: absolute error
    EXPECT_NEAR(elementary::exp(x), std::exp(x), 2 * std::numeric_limits<double>::denorm_min());
  }
}

TEST(Elementary, LogIsWithinTwoUlp) {
  for (double x = 1e-307; x < 1e307; x *= 1.0007) expect_near(elementary::log(x), std::log(x), x);
  for (double x = 0.5; x < 2; x += 0x1.37p-18) expect_near(elementary::log(x), std::log(x), x);
  for (double x = 5e-324; x < 1e-307; x *= 2) expect_near(elementary::log(x), std::log(x), x);
}

TEST(Elementary, LogAtTheEnds) {
  EXPECT_EQ(elementary::log(1.0), 0.0);
  EXPECT_EQ(elementary::log(0.0), -kInfinity);
  EXPECT_EQ(elementary::log(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(elementary::log(-1.0)));
  EXPECT_TRUE(std::isnan(elementary::log(std::nan(""))));
}

// The same on every CPU and from every compiler, or saved runs do not replay.
TEST(Elementary, BitsArePinned) {
  EXPECT_EQ(hash_of(elementary::exp, -750, 712, 100000), 417629534609299527u);
  EXPECT_EQ(hash_of(elementary::log, 1e-9, 1, 50000), 16099785226032936875u);
  EXPECT_EQ(hash_of(elementary::log, 1, 60000, 50000), 16473491096449710375u);
}

}  // namespace
}  // namespace gptj
