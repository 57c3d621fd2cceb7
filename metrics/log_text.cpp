#include "metrics/log_text.hpp"

#include <array>
#include <cstdint>
#include <cstdio>

namespace innkeeper::log {
namespace {

struct Decoded {
  char32_t point = 0;
  std::size_t length = 0;  // 0: no valid character starts here
};

bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// The UTF-8 character at the start of `text` (RFC 3629: shortest form, no surrogates, at most
// U+10FFFF).
Decoded decode(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80U) return {lead, 1};
  std::size_t length = 0;
  char32_t point = 0;
  char32_t least = 0;
  if ((lead & 0xE0U) == 0xC0U) {
    length = 2, point = lead & 0x1FU, least = 0x80;
  } else if ((lead & 0xF0U) == 0xE0U) {
    length = 3, point = lead & 0x0FU, least = 0x800;
  } else if ((lead & 0xF8U) == 0xF0U) {
    length = 4, point = lead & 0x07U, least = 0x10000;
  } else {
    return {};
  }
  if (text.size() < length) return {};
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return {};
    point = (point << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (point < least || point > 0x10FFFF || surrogate) return {};
  return {point, length};
}

// Characters that print as something else than a mark on the line.
bool changes_the_line(char32_t c) noexcept {
  return (c >= 0x80 && c <= 0x9F) || c == 0x2028 || c == 0x2029 || (c >= 0x200E && c <= 0x200F) ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF || c == 0x061C;
}

bool is_plain(std::string_view value) noexcept {
  if (value.empty() || value.size() > value_bytes_max) return false;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20U || byte >= 0x7FU || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

template <class... Numbers>
void append_format(std::string& out, const char* format, Numbers... numbers) {
  std::array<char, 48> buffer{};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int n = std::snprintf(buffer.data(), buffer.size(), format, numbers...);
#pragma GCC diagnostic pop
  if (n > 0) out.append(buffer.data(), static_cast<std::size_t>(n));
}

void append_ascii(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20U || byte == 0x7FU) {
    append_format(out, "\\x%02x", static_cast<unsigned>(byte));
  } else {
    out += c;
  }
}

}  // namespace

const char* to_string(Level level) noexcept {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "error";
}

std::string quote(std::string_view value) {
  if (is_plain(value)) return std::string(value);
  std::string out = "\"";
  std::string_view rest = value;
  while (!rest.empty()) {
    const std::size_t taken = value.size() - rest.size();
    const Decoded next = decode(rest);
    if (taken + (next.length == 0 ? 1 : next.length) > value_bytes_max) {
      out += "…";
      break;
    }
    if (next.length == 0) {
      append_format(out, "\\x%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(rest.front())));
      rest.remove_prefix(1);
      continue;
    }
    if (next.length == 1) {
      append_ascii(out, rest.front());
    } else if (changes_the_line(next.point)) {
      append_format(out, "\\u{%x}", static_cast<unsigned>(next.point));
    } else {
      out.append(rest.substr(0, next.length));
    }
    rest.remove_prefix(next.length);
  }
  out += '"';
  return out;
}

std::string format_line(const timespec& now, Level level, std::string_view id, const Field* fields,
                        std::size_t count) {
  std::string line;
  line.reserve(160);
  tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  append_format(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(now.tv_nsec / 1'000'000));
  line.append(to_string(level)).append(" ").append(id);
  for (std::size_t i = 0; i < count; ++i) {
    line.append(" ").append(fields[i].key).append("=").append(quote(fields[i].value));
  }
  line += '\n';
  return line;
}

}  // namespace innkeeper::log
