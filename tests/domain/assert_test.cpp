#include "actors/domain/assert.hpp"

#include <array>
#include <string>

#include <catch2/catch.hpp>

#include "tests/domain/aborts.hpp"

namespace innkeeper::testing {

TEST_CASE("an assertion that holds does nothing, one that does not aborts") {
  CHECK_FALSE(aborts([] { INNKEEPER_ASSERT(1 + 1 == 2); }));
  CHECK(aborts([] { INNKEEPER_ASSERT(1 + 1 == 3); }));
}

TEST_CASE("an assertion says where it stands and what it expected") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  (void)aborts([&] {
    dup2(ends[1], STDERR_FILENO);
    INNKEEPER_ASSERT(1 + 1 == 3);
  });
  close(ends[1]);
  std::array<char, 1024> text{};
  const ssize_t size = read(ends[0], text.data(), text.size());
  close(ends[0]);
  REQUIRE(size > 0);
  const std::string message(text.data(), static_cast<std::size_t>(size));
  CHECK(message.find("assert_test.cpp:") != std::string::npos);
  CHECK(message.find("broken invariant: 1 + 1 == 3\n") != std::string::npos);
}

}  // namespace innkeeper::testing
