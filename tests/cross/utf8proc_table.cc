// SPDX-License-Identifier: Apache-2.0
// Prints a C file with the functions of utf8proc that the library calls, as tables of what this
// machine's utf8proc answers: so the cross-compiled tests need no package of another architecture.
#include <utf8proc.h>

#include <cstdio>
#include <vector>

namespace {

constexpr int kLast = 0x10ffff;
using Points = std::vector<utf8proc_int32_t>;

Points decomposed(int c) {
  utf8proc_int32_t parts[32];
  int boundary = 0;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE);
  const auto size = utf8proc_decompose_char(c, parts, 32, options, &boundary);
  return Points(parts, parts + (size > 0 ? size : 0));
}

Points composed(Points points) {
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  points.resize(static_cast<size_t>(utf8proc_normalize_utf32(
      points.data(), static_cast<utf8proc_ssize_t>(points.size()), options)));
  return points;
}

// "static const struct { int first, value; } NAME[] = {...};", a line where the value changes.
template <class Value>
void print_ranges(const char* name, Value value_of) {
  std::printf("static const struct range %s[] = {\n", name);
  int previous = -1;
  for (int c = 0; c <= kLast; ++c) {
    const int value = value_of(c);
    if (value != previous) std::printf("{%d, %d},\n", c, value);
    previous = value;
  }
  std::puts("};");
}

bool changes(int c) {
  const Points parts = decomposed(c);
  return parts.size() != 1 || parts[0] != c;
}

void print_decompositions() {
  std::puts("static const struct { int c, n, parts[4]; } decompositions[] = {");
  for (int c = 0; c <= kLast; ++c) {
    if (!changes(c)) continue;
    const Points parts = decomposed(c);
    std::printf("{%d, %d, {", c, static_cast<int>(parts.size()));
    for (const int part : parts) std::printf("%d, ", part);
    std::puts("}},");
  }
  std::puts("};");
}

// What composes from two is found again: the first of the two from all parts but the last.
void print_compositions() {
  std::puts("static const struct { int first, second, composed; } compositions[] = {");
  for (int c = 0; c <= kLast; ++c) {
    if (!changes(c)) continue;
    Points parts = decomposed(c);
    if (composed(parts) != Points{c}) continue;
    const int second = parts.back();
    parts.pop_back();
    const Points first = composed(parts);
    if (first.size() == 1) std::printf("{%d, %d, %d},\n", first[0], second, c);
  }
  std::puts("};");
}

// utf8proc's own rules, over the tables.
constexpr const char* kFunctions = R"(
static int value_of(const struct range* ranges, unsigned size, int c) {
  unsigned low = 0, high = size;
  if (c < 0 || c > 0x10ffff) return 0;
  while (high - low > 1) {
    const unsigned middle = low + (high - low) / 2;
    if (ranges[middle].first <= c) low = middle; else high = middle;
  }
  return ranges[low].value;
}
#define COUNT(array) (sizeof array / sizeof *array)

utf8proc_category_t utf8proc_category(utf8proc_int32_t c) {
  return (utf8proc_category_t)value_of(categories, COUNT(categories), c);
}

const utf8proc_property_t* utf8proc_get_property(utf8proc_int32_t c) {
  static __thread utf8proc_property_t property;
  property.combining_class = (utf8proc_propval_t)value_of(classes, COUNT(classes), c);
  return &property;
}

utf8proc_ssize_t utf8proc_decompose_char(utf8proc_int32_t c, utf8proc_int32_t* parts, utf8proc_ssize_t size,
                                         utf8proc_option_t options, int* boundary) {
  unsigned low = 0, high = COUNT(decompositions);
  (void)options, (void)boundary, (void)size;
  while (low < high) {
    const unsigned middle = low + (high - low) / 2;
    if (decompositions[middle].c < c) low = middle + 1; else high = middle;
  }
  if (low == COUNT(decompositions) || decompositions[low].c != c) {
    parts[0] = c;
    return 1;
  }
  for (int i = 0; i < decompositions[low].n; ++i) parts[i] = decompositions[low].parts[i];
  return decompositions[low].n;
}

static int composition(int first, int second) {
  for (unsigned i = 0; i < COUNT(compositions); ++i) {
    if (compositions[i].first == first && compositions[i].second == second) return compositions[i].composed;
  }
  return -1;
}

utf8proc_ssize_t utf8proc_normalize_utf32(utf8proc_int32_t* points, utf8proc_ssize_t size,
                                          utf8proc_option_t options) {
  utf8proc_ssize_t starter = -1, kept = 0;
  int highest = -1;
  (void)options;
  for (utf8proc_ssize_t i = 0; i < size; ++i) {
    const int c = points[i], class = value_of(classes, COUNT(classes), c);
    const int both = starter >= 0 && class > highest ? composition(points[starter], c) : -1;
    if (both >= 0) {
      points[starter] = both;
      continue;
    }
    points[kept] = c;
    if (class != 0) {
      if (class > highest) highest = class;
    } else {
      starter = kept;
      highest = -1;
    }
    ++kept;
  }
  return kept;
}

utf8proc_ssize_t utf8proc_encode_char(utf8proc_int32_t c, utf8proc_uint8_t* bytes) {
  if (c < 0x80) return bytes[0] = (utf8proc_uint8_t)c, 1;
  if (c < 0x800) {
    bytes[0] = (utf8proc_uint8_t)(0xC0 | c >> 6);
    return bytes[1] = (utf8proc_uint8_t)(0x80 | (c & 63)), 2;
  }
  if (c < 0x10000) {
    bytes[0] = (utf8proc_uint8_t)(0xE0 | c >> 12);
    bytes[1] = (utf8proc_uint8_t)(0x80 | (c >> 6 & 63));
    return bytes[2] = (utf8proc_uint8_t)(0x80 | (c & 63)), 3;
  }
  bytes[0] = (utf8proc_uint8_t)(0xF0 | c >> 18);
  bytes[1] = (utf8proc_uint8_t)(0x80 | (c >> 12 & 63));
  bytes[2] = (utf8proc_uint8_t)(0x80 | (c >> 6 & 63));
  return bytes[3] = (utf8proc_uint8_t)(0x80 | (c & 63)), 4;
}
)";

}  // namespace

int main() {
  std::puts("#include <utf8proc.h>\nstruct range { int first, value; };");
  print_ranges("categories", [](int c) { return static_cast<int>(utf8proc_category(c)); });
  print_ranges("classes",
               [](int c) { return static_cast<int>(utf8proc_get_property(c)->combining_class); });
  print_decompositions();
  print_compositions();
  std::puts(kFunctions);
}
