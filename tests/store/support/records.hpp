#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/domain/ids.hpp"
#include "actors/store/store.hpp"

// Records for tests: small, valid, and different for different numbers.
namespace innkeeper::store::testing {

inline const domain::RegionName seattle{"Seattle"};
inline const domain::AppId echo_app{"app-af469a92-5b45-4565-b3c4-b79878de67d2"};

[[nodiscard]] inline domain::Timestamp at(std::int64_t milliseconds) {
  return domain::Timestamp(domain::Duration(milliseconds));
}

// Ids that grow with `number`, as generated ones do, and have their length.
[[nodiscard]] inline domain::RoomId room_id(std::uint64_t number, const std::string& tag = "sea0") {
  std::string digits = std::to_string(number);
  digits.insert(0, 9 - std::min<std::size_t>(9, digits.size()), '0');
  return domain::RoomId(tag + digits + "0123456789abc");
}

[[nodiscard]] inline domain::Allocation allocation(std::uint64_t number) {
  return {.id = {.hi = 0x0190A1B2C3D47000ULL + number, .lo = 0x8000000000000000ULL + number},
          .process = {.hi = 0x0190A1B2C3D47FFFULL, .lo = 0x9000000000000000ULL + number / 4},
          .scheduled_at = at(1'750'000'000'000 + static_cast<std::int64_t>(number)),
          .unscheduled_at = {},
          .placed = domain::PlacementReason::running_process,
          .ended = domain::EndReason::none};
}

[[nodiscard]] inline domain::RoomRecord room(std::uint64_t number,
                                             const std::string& tag = "sea0") {
  return {.id = room_id(number, tag),
          .deployment = domain::DeploymentKey{1},
          .state = domain::RoomState::allocated,
          .config = R"({"mode":"dm","map":")" + std::to_string(number) + R"("})",
          .created_at = at(1'750'000'000'000 + static_cast<std::int64_t>(number)),
          .destroyed_at = {},
          .allocations = {allocation(number)}};
}

[[nodiscard]] inline std::shared_ptr<const domain::RoomRecord> share(domain::RoomRecord record) {
  return std::make_shared<const domain::RoomRecord>(std::move(record));
}

[[nodiscard]] inline InsertRoom insert(domain::RoomRecord record,
                                       const domain::RegionName& region = seattle) {
  return {.region = region, .app = echo_app, .room = share(std::move(record))};
}

[[nodiscard]] inline domain::RoomRecord destroyed(domain::RoomRecord record) {
  record.state = domain::RoomState::destroyed;
  record.config.reset();
  record.destroyed_at = at(1'750'000'900'000);
  for (domain::Allocation& stay : record.allocations) {
    if (!stay.unscheduled_at) stay.unscheduled_at = record.destroyed_at;
    if (stay.ended == domain::EndReason::none) stay.ended = domain::EndReason::destroyed;
  }
  return record;
}

[[nodiscard]] inline PutIdempotency idempotency(std::uint64_t number) {
  return {.record = {
              .region = seattle,
              .app = echo_app,
              .key = "key-" + std::to_string(number * 2654435761U % 4294967296U),
              .request_digest = std::string(64, 'a'),
              .answer = {.room = room_id(number),
                         .active = true,
                         .process = allocation(number).process,
                         .exposed_port = domain::ExposedPort{.name = "default",
                                                             .host = "127.0.0.1",
                                                             .port = 20'000,
                                                             .transport = domain::Transport::udp},
                         .additional_ports = {}},
              .created_at = at(1'750'000'000'000 + static_cast<std::int64_t>(number))}};
}

}  // namespace innkeeper::store::testing
