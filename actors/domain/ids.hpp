#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "actors/domain/time.hpp"

namespace innkeeper::domain {

// Text that identifies one kind of thing. Ids of different kinds do not convert into each other.
template <class Tag>
class TextId {
 public:
  TextId() = default;
  explicit TextId(std::string value) : value_(std::move(value)) {}
  [[nodiscard]] const std::string& str() const noexcept { return value_; }
  [[nodiscard]] bool empty() const noexcept { return value_.empty(); }
  friend auto operator<=>(const TextId&, const TextId&) = default;
  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, TextId& x) {
    return f(x.value_);
  }

 private:
  std::string value_;
};

using AppId = TextId<struct AppIdTag>;
using DeploymentId = TextId<struct DeploymentIdTag>;
using RoomId = TextId<struct RoomIdTag>;
using RegionName = TextId<struct RegionNameTag>;
using HostName = TextId<struct HostNameTag>;  // the `[node] name` of the host's node

// 128 bits, shown as a lower-case UUID (RFC 9562, 8-4-4-4-12).
template <class Tag>
struct UuidId {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;
  [[nodiscard]] bool nil() const noexcept { return hi == 0 && lo == 0; }
  friend auto operator<=>(const UuidId&, const UuidId&) = default;
  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, UuidId& x) {
    return f(x.hi, x.lo);
  }
};

using ProcessId = UuidId<struct ProcessIdTag>;
using AllocationId = UuidId<struct AllocationIdTag>;

// The 36 characters of a UUID.
[[nodiscard]] std::string uuid_text(std::uint64_t hi, std::uint64_t lo);
// The bits of a UUID in its 36-character form, either case; nothing for any other text.
[[nodiscard]] std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_uuid(std::string_view text);

template <class Tag>
[[nodiscard]] std::string to_string(const UuidId<Tag>& id) {
  return uuid_text(id.hi, id.lo);
}
[[nodiscard]] std::optional<ProcessId> parse_process_id(std::string_view text);

// The number of a deployment in the store: small, never used again, increasing per store. V1 and V2 of
// the Hathora API show it as the integer deployment id (contract/hathora.md 2.9).
enum class DeploymentKey : std::uint32_t {};

// True when `text` may be a room id: [A-Za-z0-9_-]{1,100}.
[[nodiscard]] bool is_valid_room_id(std::string_view text) noexcept;
// True when `text` may name a region or host: [A-Za-z0-9_-]{1,64}.
[[nodiscard]] bool is_valid_name(std::string_view text) noexcept;

// Four characters that stand for a region at the start of every room id that is generated in it.
[[nodiscard]] std::string region_tag(const RegionName& region);

// Makes ids that grow with time and end in randomness; one per owner, not shared between threads.
// Room ids: region tag, 9 characters of time, 13 of randomness (65 bits), all of [0-9a-v] in an order
// that sorts by time. UUIDs: version 7 (RFC 9562), 62 random bits.
class IdGenerator {
 public:
  using RandomSource = std::function<std::uint64_t()>;  // must be unpredictable outside of tests
  IdGenerator(const RegionName& region, RandomSource random);
  [[nodiscard]] RoomId room_id(Timestamp now);
  [[nodiscard]] ProcessId process_id(Timestamp now);
  [[nodiscard]] AllocationId allocation_id(Timestamp now);

 private:
  std::pair<std::uint64_t, std::uint64_t> uuid_v7(Timestamp now);
  std::string tag_;
  RandomSource random_;
  std::uint64_t last_ms_ = ~std::uint64_t{0};  // of the last UUID
  std::uint64_t counter_ = 0;  // UUIDs of that millisecond before it
};

}  // namespace innkeeper::domain

template <class Tag>
struct std::hash<innkeeper::domain::TextId<Tag>> {
  std::size_t operator()(const innkeeper::domain::TextId<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
template <class Tag>
struct std::hash<innkeeper::domain::UuidId<Tag>> {
  std::size_t operator()(const innkeeper::domain::UuidId<Tag>& id) const noexcept {
    // Ids are random in `lo` already; `hi` is mixed in so that ids made by hand in tests spread too.
    return static_cast<std::size_t>(id.lo ^ (id.hi * 0x9E3779B97F4A7C15ULL));
  }
};
