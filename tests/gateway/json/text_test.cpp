#include <catch2/catch.hpp>

#include <limits>

#include "gateway/json/text.hpp"

using namespace innkeeper;

namespace {

std::string written(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

std::string number(double value) {
  std::string out;
  json::append_number(out, value);
  return out;
}

}  // namespace

TEST_CASE("code points are counted, and what is not UTF-8 has none") {
  CHECK(json::count_code_points("") == 0);
  CHECK(json::count_code_points("abc") == 3);
  CHECK(json::count_code_points("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80") == 3);
  CHECK(json::count_code_points("\xF4\x8F\xBF\xBF") == 1);
  for (const std::string bad :
       {"\x80", "\xC3", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xE2\x82", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xFF", "a\xF0\x9F\x98"}) {
    CHECK_FALSE(json::count_code_points(bad));
    CHECK(json::count_code_points(written(bad)));
  }
}

TEST_CASE("strings are escaped as JSON asks for, and stay valid whatever comes in") {
  CHECK(written("") == "\"\"");
  CHECK(written("plain \xC3\xA4 \xF0\x9F\x98\x80") == "\"plain \xC3\xA4 \xF0\x9F\x98\x80\"");
  CHECK(written("a\"b\\c/") == R"("a\"b\\c/")");
  CHECK(written(std::string_view{"\b\f\n\r\t\0\x1f", 7}) == R"("\b\f\n\r\t\u0000\u001f")");
  CHECK(written("a\xFFz") == "\"a\xEF\xBF\xBDz\"");
  CHECK(written("\xE2\x82") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST_CASE("numbers are short, and finite") {
  CHECK(number(0.25) == "0.25");
  CHECK(number(3) == "3");
  CHECK(number(0.1) == "0.1");
  CHECK(number(std::numeric_limits<double>::infinity()) == "0");
  CHECK(number(std::numeric_limits<double>::quiet_NaN()) == "0");
}

TEST_CASE("a moment is written to the millisecond, or null") {
  std::string out;
  json::append_timestamp(out, domain::Timestamp{std::chrono::milliseconds{1767323045007}});
  CHECK(out == R"("2026-01-02T03:04:05.007Z")");
  out.clear();
  json::append_timestamp(out, std::optional<domain::Timestamp>{});
  CHECK(out == "null");
}
