#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace innkeeper::config {

// A TOML value without a TOML library behind it: what the option table reads from.
struct Value;
using Array = std::vector<Value>;
using Table = std::map<std::string, Value, std::less<>>;

// A date or time: no option takes one, so only its text is kept.
struct DateTime {
  std::string text;
};

struct Value {
  std::variant<Table, Array, std::string, std::int64_t, double, bool, DateTime> data;
  // Set for `--set KEY=VALUE`: the text as given, for options that take text even where it happens
  // to be a TOML value of another type.
  std::optional<std::string> given;

  [[nodiscard]] const Table* table() const noexcept { return std::get_if<Table>(&data); }
  [[nodiscard]] Table* table() noexcept { return std::get_if<Table>(&data); }
  [[nodiscard]] const Array* array() const noexcept { return std::get_if<Array>(&data); }
  [[nodiscard]] Array* array() noexcept { return std::get_if<Array>(&data); }
};

// The value as a person wrote it, more or less: for problems. Cut after `show_bytes_max` bytes,
// control characters escaped.
inline constexpr std::size_t show_bytes_max = 120;
[[nodiscard]] std::string show(const Value& value);
// "a string", "an integer", …
[[nodiscard]] const char* kind_name(const Value& value) noexcept;

}  // namespace innkeeper::config
