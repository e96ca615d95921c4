// SPDX-License-Identifier: Apache-2.0
// Prints a C file with the one function of utf8proc that the library calls, from what this
// machine's utf8proc answers: so the cross-compiled tests need no package of another architecture.
#include <utf8proc.h>

#include <cstdio>

int main() {
  std::puts("static const struct { int first, category; } ranges[] = {");
  int previous = -1;
  for (int c = 0; c <= 0x10ffff; ++c) {
    const int category = utf8proc_category(c);
    if (category != previous) std::printf("{%d, %d},\n", c, category);
    previous = category;
  }
  std::puts(
      "};\n"
      "int utf8proc_category(int c) {\n"
      "  unsigned low = 0, high = sizeof ranges / sizeof ranges[0];\n"
      "  if (c < 0 || c > 0x10ffff) return 0;\n"
      "  while (high - low > 1) {\n"
      "    const unsigned middle = low + (high - low) / 2;\n"
      "    if (ranges[middle].first <= c) low = middle; else high = middle;\n"
      "  }\n"
      "  return ranges[low].category;\n"
      "}");
}
