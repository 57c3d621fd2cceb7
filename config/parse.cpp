#include "config/parse.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "actors/domain/limits.hpp"

namespace innkeeper::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr std::array<Unit, 4> units{{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}}};
constexpr std::int64_t duration_max = std::int64_t{10} * 365 * 24 * 3'600'000;

bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) noexcept { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// All of `text` as a number: digits only, no sign, no blanks.
template <class T>
std::optional<T> parse_digits(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_ipv4(const std::string& text) {
  in_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}
bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  std::size_t label = 0;
  char previous = '.';
  for (const char c : text) {
    if (c == '.') {
      if (label == 0 || previous == '-') return false;
      label = 0;
    } else {
      if (!is_letter(c) && !is_digit(c) && c != '-') return false;
      if (c == '-' && label == 0) return false;
      if (++label > 63) return false;
    }
    previous = c;
  }
  if (label == 0 || previous == '-') return false;
  // A last label of digits is an IPv4 address with a mistake in it.
  const std::size_t dot = text.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? text : text.substr(dot + 1);
  return !std::all_of(last.begin(), last.end(), is_digit);
}

}  // namespace

std::optional<domain::Duration> parse_duration(std::string_view text) {
  const std::size_t digits =
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  const auto number = parse_digits<std::int64_t>(text.substr(0, digits));
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.name != text.substr(digits)) continue;
    if (*number > duration_max / unit.milliseconds) return std::nullopt;
    return domain::Duration(*number * unit.milliseconds);
  }
  return std::nullopt;
}

std::string show_duration(domain::Duration duration) {
  if (duration.count() == 0) return "0s";
  for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
    if (duration.count() % unit->milliseconds == 0) {
      return std::to_string(duration.count() / unit->milliseconds).append(unit->name);
    }
  }
  return std::to_string(duration.count()) + "ms";
}

std::optional<ListenAddress> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_digits<std::uint16_t>(text.substr(colon + 1));
  if (!port) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    std::string address(host.substr(1, host.size() - 2));
    if (!is_ipv6(address)) return std::nullopt;
    return ListenAddress{.host = std::move(address), .port = *port};
  }
  std::string address(host == "localhost" ? std::string_view("127.0.0.1") : host);
  if (address.find('\0') != std::string::npos || !is_ipv4(address)) return std::nullopt;
  return ListenAddress{.host = std::move(address), .port = *port};
}

std::optional<std::pair<std::uint16_t, std::uint16_t>> parse_ports(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_digits<std::uint16_t>(text.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? first : parse_digits<std::uint16_t>(text.substr(dash + 1));
  if (!first || !last || *first == 0 || *first > *last) return std::nullopt;
  return std::pair(*first, *last);
}

bool is_host(std::string_view text) {
  const std::string copy(text);
  if (copy.find('\0') != std::string::npos) return false;
  return is_ipv4(copy) || is_ipv6(copy) || is_host_name(text);
}

bool is_origin(std::string_view text) {
  if (text == "*") return true;
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return false;
  const std::string_view name = text.substr(0, scheme);
  const auto in_scheme = [](char c) {
    return is_lower(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  };
  if (!is_lower(name.front()) || !std::all_of(name.begin(), name.end(), in_scheme)) return false;
  std::string_view host = text.substr(scheme + 3);
  if (const std::size_t close = host.rfind(']'); close != std::string_view::npos) {
    if (host.front() != '[' || !is_ipv6(std::string(host.substr(1, close - 1)))) return false;
    host.remove_prefix(close + 1);
    return host.empty() ||
           (host.front() == ':' && parse_digits<std::uint16_t>(host.substr(1)).has_value());
  }
  const std::size_t colon = host.find(':');
  if (colon != std::string_view::npos) {
    if (!parse_digits<std::uint16_t>(host.substr(colon + 1))) return false;
    host = host.substr(0, colon);
  }
  return is_host(host);
}

bool is_env_name(std::string_view text) {
  if (text.empty() || text.size() > domain::limits::env_name_length || is_digit(text.front())) {
    return false;
  }
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

bool is_port_name(std::string_view text) {
  if (text.empty() || text.size() > 100 || !is_lower(text.front())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

}  // namespace innkeeper::config
