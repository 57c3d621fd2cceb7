#include "tests/support/seeds.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace innkeeper::testing {

std::vector<std::uint64_t> test_seeds(std::uint64_t count, const char* variable) {
  const char* text = std::getenv(variable);
  if (text != nullptr && *text != '\0') {
    std::uint64_t seed = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, seed);
    if (error != std::errc() || stop != end) {
      std::fprintf(stderr, "%s is no number: %s\n", variable, text);
      std::abort();
    }
    return {seed};
  }
  std::vector<std::uint64_t> seeds(count);
  for (std::uint64_t i = 0; i < count; ++i) seeds[i] = i + 1;
  return seeds;
}

}  // namespace innkeeper::testing
