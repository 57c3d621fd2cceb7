#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/domain/deployment.hpp"
#include "actors/domain/process.hpp"
#include "actors/domain/room.hpp"

// How values of the domain look in columns. Decoders return nothing for what no encoder writes:
// then the file is damaged.
namespace innkeeper::store {

// 16 bytes, most significant first, so that their order is the order of the id.
using UuidBytes = std::array<unsigned char, 16>;
[[nodiscard]] UuidBytes encode_uuid(std::uint64_t hi, std::uint64_t lo) noexcept;
template <class Id>
[[nodiscard]] UuidBytes encode_uuid(const Id& id) noexcept {
  return encode_uuid(id.hi, id.lo);
}
[[nodiscard]] bool decode_uuid(std::string_view bytes, std::uint64_t& hi,
                               std::uint64_t& lo) noexcept;

// Enumerations are stored as small numbers that never change their meaning.
template <class Enum>
[[nodiscard]] constexpr std::int64_t encode_enum(Enum value) noexcept {
  return static_cast<std::int64_t>(value);
}
[[nodiscard]] bool decode_enum(std::int64_t code, domain::RoomState& value) noexcept;
[[nodiscard]] bool decode_enum(std::int64_t code, domain::PlacementReason& value) noexcept;
[[nodiscard]] bool decode_enum(std::int64_t code, domain::EndReason& value) noexcept;
[[nodiscard]] bool decode_enum(std::int64_t code, domain::ProcessStatus& value) noexcept;
[[nodiscard]] bool decode_enum(std::int64_t code, domain::ExitReason& value) noexcept;

[[nodiscard]] constexpr std::int64_t encode_time(domain::Timestamp moment) noexcept {
  return moment.time_since_epoch().count();
}
[[nodiscard]] constexpr domain::Timestamp decode_time(std::int64_t milliseconds) noexcept {
  return domain::Timestamp(std::chrono::milliseconds(milliseconds));
}

// JSON, for columns that nobody filters by: an array of {name, host, port, transport} …
[[nodiscard]] std::string encode_ports(const std::vector<domain::ExposedPort>& ports);
[[nodiscard]] std::optional<std::vector<domain::ExposedPort>> decode_ports(std::string_view json);
// … and an object with a key for each field of the spec.
[[nodiscard]] std::string encode_spec(const domain::DeploymentSpec& spec);
[[nodiscard]] std::optional<domain::DeploymentSpec> decode_spec(std::string_view json);

}  // namespace innkeeper::store
