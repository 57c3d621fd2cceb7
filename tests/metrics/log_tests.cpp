#include <catch2/catch.hpp>

#include "metrics/log_text.hpp"

namespace innkeeper::log {

TEST_CASE("plain values stand as they are and all others are quoted") {
  struct Row {
    std::string value;
    std::string written;
  };
  const std::vector<Row> rows{
      {"Seattle", "Seattle"},
      {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
      {"", "\"\""},
      {"two words", "\"two words\""},
      {"a=b", "\"a=b\""},
      {"say \"hi\"", R"("say \"hi\"")"},
      {"back\\slash", R"("back\\slash")"},
      {"line\nfeed\r\ttab", R"("line\nfeed\r\ttab")"},
      {std::string("nul\0byte", 8), R"("nul\x00byte")"},
      {"\x1b[31mred\x7f", R"("\x1b[31mred\x7f")"},
      {"é€😀", "\"é€😀\""},
      {"\xff", R"("\xff")"},
      {"cut\xe2\x82", R"("cut\xe2\x82")"},
      {"\xc0\xaf", R"("\xc0\xaf")"},                  // longer than needed
      {"\xed\xa0\x80", R"("\xed\xa0\x80")"},          // surrogate
      {"\xf4\x90\x80\x80", R"("\xf4\x90\x80\x80")"},  // above U+10FFFF
      {"\xc2\x85", R"("\u{85}")"},                    // next line
      {"\xe2\x80\xa8", R"("\u{2028}")"},              // line separator
      {"\xe2\x80\xae", R"("\u{202e}")"},              // turns the direction of text
  };
  for (const Row& row : rows) {
    INFO(row.written);
    CHECK(quote(row.value) == row.written);
  }
}

TEST_CASE("a line has time, level, event and fields, and is one line whatever the values hold") {
  const timespec moment{.tv_sec = 1'767'323'045, .tv_nsec = 678'999'999};
  const std::vector<Field> fields{
      {"url", "http://127.0.0.1:8080"},
      {"port", 8080},
      {"ratio", 0.25},
      {"forged", "x\n2026-01-02T03:04:05.678Z error node.failed reason=y"}};
  const std::string line =
      format_line(moment, Level::info, "node.ready", fields.data(), fields.size());
  CHECK(line ==
        "2026-01-02T03:04:05.678Z info node.ready url=http://127.0.0.1:8080 port=8080 ratio=0.25 "
        "forged=\"x\\n2026-01-02T03:04:05.678Z error node.failed reason=y\"\n");
}

TEST_CASE("numbers are written in full") {
  CHECK(Field("k", std::int64_t{-9'223'372'036'854'775'807}).value == "-9223372036854775807");
  CHECK(Field("k", ~std::uint64_t{0}).value == "18446744073709551615");
  CHECK(Field("k", 1e-9).value == "1e-09");
}

TEST_CASE("a value of any bytes becomes printable text without line feeds, of bounded length") {
  // Every pair of bytes, and long values of each byte.
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string value{static_cast<char>(a), static_cast<char>(b)};
      const std::string written = quote(value);
      for (const char c : written) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20U || byte == 0x7FU) FAIL("control character in " << a << " " << b);
      }
    }
    CHECK(quote(std::string(100'000, static_cast<char>(a))).size() <= 4 * value_bytes_max + 8);
  }
  CHECK(quote(std::string(value_bytes_max, 'a')).size() == value_bytes_max);
  CHECK(quote(std::string(value_bytes_max + 1, 'a')) ==
        "\"" + std::string(value_bytes_max, 'a') + "…\"");
}

}  // namespace innkeeper::log
