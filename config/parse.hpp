#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "actors/domain/time.hpp"
#include "config/settings.hpp"

// Texts with a form of their own; each returns nothing when the text does not have it.
namespace innkeeper::config {

// A whole number and a unit, "500ms" "30s" "5m" "72h"; at most ten years.
[[nodiscard]] std::optional<domain::Duration> parse_duration(std::string_view text);
// The shortest such text for a duration, in the largest unit that divides it.
[[nodiscard]] std::string show_duration(domain::Duration duration);

// "IPv4:PORT", "[IPv6]:PORT" or "localhost:PORT" (then 127.0.0.1); port 0 to 65535.
[[nodiscard]] std::optional<ListenAddress> parse_listen(std::string_view text);

// "FIRST-LAST", both from 1 to 65535, FIRST not above LAST; or one port.
[[nodiscard]] std::optional<std::pair<std::uint16_t, std::uint16_t>> parse_ports(
    std::string_view text);

// An IP address, or a host name (RFC 1123).
[[nodiscard]] bool is_host(std::string_view text);
// "*", or SCHEME://HOST[:PORT] as browsers send it (RFC 6454 section 6.2).
[[nodiscard]] bool is_origin(std::string_view text);
// [A-Za-z_][A-Za-z0-9_]*, at most limits::env_name_length (contract/hathora.md 2.5).
[[nodiscard]] bool is_env_name(std::string_view text);
// [a-z][a-z0-9-]*, at most 100 (contract/hathora.md 2.1).
[[nodiscard]] bool is_port_name(std::string_view text);
// Code points of UTF-8 text; every byte that is not a continuation counts.
[[nodiscard]] std::size_t code_points(std::string_view text);

}  // namespace innkeeper::config
