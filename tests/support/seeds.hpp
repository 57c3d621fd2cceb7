#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace innkeeper::testing {

// The random source of property tests: the same numbers for the same seed, on every machine.
// The distributions of std differ between libraries, so `below` and `chance` are used instead.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  [[nodiscard]] std::uint64_t bits() { return engine_(); }
  // A number in [0, bound). Precondition: bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  // True in `percent` of 100 calls.
  [[nodiscard]] bool chance(unsigned percent) { return below(100) < percent; }

 private:
  std::mt19937_64 engine_;
};

// The seeds of a property test: 1 to `count`, or only the one that the environment variable names, which
// replays a failure. A test says INFO("INNKEEPER_TEST_SEED=" << seed) so that a failure names its
// seed. A value that is no number is a mistake of who set it: the process says so and aborts.
[[nodiscard]] std::vector<std::uint64_t> test_seeds(std::uint64_t count,
                                                    const char* variable = "INNKEEPER_TEST_SEED");

}  // namespace innkeeper::testing
