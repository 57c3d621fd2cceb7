#include "config/value.hpp"

#include <array>
#include <charconv>
#include <type_traits>

namespace innkeeper::config {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (out.size() > show_bytes_max) return;
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20U || byte == 0x7FU) {
      out += "\\x";
      out += hex_digits[byte >> 4U];
      out += hex_digits[byte & 0xFU];
    } else {
      out += c;
    }
  }
}

void append(std::string& out, const Value& value) {
  if (out.size() > show_bytes_max) return;
  std::visit(
      [&out](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, Table>) {
          out += '{';
          bool first = true;
          for (const auto& [key, inner] : v) {
            if (out.size() > show_bytes_max) return;
            out += first ? " " : ", ";
            first = false;
            append_escaped(out, key);
            out += " = ";
            append(out, inner);
          }
          out += v.empty() ? "}" : " }";
        } else if constexpr (std::is_same_v<T, Array>) {
          out += '[';
          bool first = true;
          for (const Value& inner : v) {
            if (out.size() > show_bytes_max) return;
            if (!first) out += ", ";
            first = false;
            append(out, inner);
          }
          out += ']';
        } else if constexpr (std::is_same_v<T, std::string>) {
          out += '"';
          append_escaped(out, v);
          out += '"';
        } else if constexpr (std::is_same_v<T, bool>) {
          out += v ? "true" : "false";
        } else if constexpr (std::is_same_v<T, DateTime>) {
          out += v.text;
        } else {
          std::array<char, 64> buffer{};
          const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v);
          out.append(buffer.data(), end.ptr);
        }
      },
      value.data);
}

}  // namespace

std::string show(const Value& value) {
  std::string out;
  append(out, value);
  if (out.size() > show_bytes_max) {
    out.resize(show_bytes_max);
    // Not in the middle of a UTF-8 character.
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0U) == 0x80U)
      out.pop_back();
    if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0U) out.pop_back();
    out += "…";
  }
  return out;
}

const char* kind_name(const Value& value) noexcept {
  switch (value.data.index()) {
    case 0:
      return "a table";
    case 1:
      return "an array";
    case 2:
      return "a string";
    case 3:
      return "an integer";
    case 4:
      return "a number";
    case 5:
      return "true or false";
    default:
      return "a date";
  }
}

}  // namespace innkeeper::config
