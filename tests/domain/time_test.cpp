#include "actors/domain/time.hpp"

#include <catch2/catch.hpp>

namespace innkeeper::domain {

TEST_CASE("a moment is shown as RFC 3339 with milliseconds in UTC") {
  struct Row {
    Duration::rep unix_ms;
    const char* text;
  };
  const Row rows[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {1, "1970-01-01T00:00:00.001Z"},
      {999, "1970-01-01T00:00:00.999Z"},
      {59'999, "1970-01-01T00:00:59.999Z"},
      {86'399'999, "1970-01-01T23:59:59.999Z"},
      {86'400'000, "1970-01-02T00:00:00.000Z"},
      {-1, "1969-12-31T23:59:59.999Z"},
      {951'782'400'000, "2000-02-29T00:00:00.000Z"},  // a leap year: divisible by 400
      {951'868'800'000, "2000-03-01T00:00:00.000Z"},
      {1'709'164'800'120, "2024-02-29T00:00:00.120Z"},  // a leap year: divisible by 4
      {1'740'787'199'999, "2025-02-28T23:59:59.999Z"},
      {1'740'787'200'000, "2025-03-01T00:00:00.000Z"},  // not one
      {4'107'542'400'000, "2100-03-01T00:00:00.000Z"},  // not one: divisible by 100
      {4'107'542'399'999, "2100-02-28T23:59:59.999Z"},
      {1'767'326'400'000, "2026-01-02T04:00:00.000Z"},
      {253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
  };
  for (const Row& row : rows) CHECK(to_rfc3339(Timestamp(Duration(row.unix_ms))) == row.text);
}

TEST_CASE("a moment outside of four-digit years is shown as the nearest that has one") {
  CHECK(to_rfc3339(Timestamp::max()) == "9999-12-31T23:59:59.999Z");
  CHECK(to_rfc3339(Timestamp::min()) == "0000-01-01T00:00:00.000Z");
}

TEST_CASE("texts of moments sort as the moments do") {
  std::string before = to_rfc3339(Timestamp(Duration(0)));
  for (Duration::rep ms = 0; ms < 4'000'000'000'000; ms += 86'399'877'123 / 7) {
    const std::string text = to_rfc3339(Timestamp(Duration(ms + 1)));
    CHECK(before < text);
    before = text;
  }
}

}  // namespace innkeeper::domain
