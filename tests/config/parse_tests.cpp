#include <catch2/catch.hpp>

#include "config/parse.hpp"
#include "config/suggest.hpp"
#include "config/value.hpp"

namespace innkeeper::config {

TEST_CASE("a duration is shown as the text that reads back as the same duration") {
  for (const std::string text :
       {"0s", "1ms", "999ms", "1s", "90s", "1m", "5m", "1h", "72h", "1500ms"}) {
    const auto parsed = parse_duration(text);
    REQUIRE(parsed.has_value());
    CHECK(show_duration(*parsed) == text);
  }
  CHECK(show_duration(*parse_duration("60s")) == "1m");
  CHECK_FALSE(parse_duration("87601h").has_value());
  CHECK_FALSE(parse_duration("9223372036854775807ms").has_value());
  CHECK_FALSE(parse_duration("1h30m").has_value());
}

TEST_CASE("a suggestion is near, and there is none for a word that is far from all") {
  const std::vector<std::string> words{"listen", "limits", "threads", "tls"};
  CHECK(suggest("listne", words) == "listen");
  CHECK(suggest("limit", words) == "limits");
  CHECK(suggest("thread", words) == "threads");
  CHECK(suggest("elephant", words).empty());
  CHECK(suggest(std::string(100'000, 'l'), words).empty());
  CHECK(suggest("x", {}).empty());
}

TEST_CASE("code points are counted, not bytes") {
  CHECK(code_points("") == 0);
  CHECK(code_points("aé€😀") == 4);
}

TEST_CASE("values are shown as they are written") {
  const Value table{.data = Table{{"a",
                                   {.data = Array{{.data = std::int64_t{1}, .given = {}},
                                                  {.data = true, .given = {}}},
                                    .given = {}}},
                                  {"b", {.data = std::string("x\"y"), .given = {}}}},
                    .given = {}};
  CHECK(show(table) == R"({ a = [1, true], b = "x\"y" })");
  CHECK(show(Value{.data = 0.5, .given = {}}) == "0.5");
  CHECK(show(Value{}) == "{}");
}

}  // namespace innkeeper::config
