#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace innkeeper::runner {

// The content of the small files in a process's directory: `key=value` lines in order, keys may
// repeat. A backslash and a line feed inside a value are written as `\\` and `\n`. The last line is
// `end=`, so that a file which was cut short by a power failure is recognised. Keys are [a-z_]+.
// Shared with the shim.
class KeyValues {
 public:
  void add(std::string_view key, std::string_view value);
  void add(std::string_view key, std::int64_t value);

  // The first value of `key`; null when there is none.
  [[nodiscard]] const std::string* find(std::string_view key) const;
  // The first value of `key`, empty when there is none.
  [[nodiscard]] std::string text(std::string_view key) const;
  // The first value of `key` as a decimal number; nothing when it is missing or is not one.
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view key) const;
  // All values of `key`, in order.
  [[nodiscard]] std::vector<std::string> all(std::string_view key) const;

  [[nodiscard]] std::string serialise() const;
  // Nothing when `content` is not complete or not of this form.
  [[nodiscard]] static std::optional<KeyValues> parse(std::string_view content);

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

}  // namespace innkeeper::runner
