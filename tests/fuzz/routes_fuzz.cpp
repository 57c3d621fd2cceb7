#include <cstddef>
#include <cstdint>

#include "tests/fuzz/routes_case.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  innkeeper::test::run_routes_case(data, size);
  return 0;
}
