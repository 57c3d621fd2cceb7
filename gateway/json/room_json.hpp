#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/domain/api.hpp"
#include "actors/domain/result.hpp"

// Rooms as contract/hathora.md 2.1 and 2.2 have them on the wire. What is absent there is left out
// here, and what is required and unknown is null (7.2).
namespace innkeeper::json {

// CreateRoomParams. `client_ips` is checked for its form only.
struct CreateRoomBody {
  domain::RegionName region;
  std::optional<std::string> config;
  std::vector<std::string> client_ips;
  std::optional<domain::DeploymentId> deployment;
};
// Fails with `invalid` and the field's path. A `roomConfig` of null is unset.
[[nodiscard]] domain::Result<CreateRoomBody> read_create_room(std::string_view body);
// The new config of an update, which is required.
[[nodiscard]] domain::Result<std::string> read_update_room_config(std::string_view body);

// ExposedPort.
void append_exposed_port(std::string& out, const domain::ExposedPort& port);
// An array of them.
void append_exposed_ports(std::string& out, const std::vector<domain::ExposedPort>& ports);

// ConnectionInfoV2, or with `with_process` RoomConnectionData and RoomAllocationData: then
// `processId` is there when it is known. "active" and `exposedPort` always come together.
[[nodiscard]] std::string connection_info(const domain::ConnectionInfo& info, bool with_process);
// The flat union of RoomsV1, without the additional ports (2.9).
[[nodiscard]] std::string connection_info_v1(const domain::ConnectionInfo& info);
// A room id as a bare JSON string: the answer of a create in RoomsV1.
[[nodiscard]] std::string room_id_text(const domain::RoomId& room);

// RoomAllocation.
void append_allocation(std::string& out, const domain::AllocationView& allocation);
// Room.
[[nodiscard]] std::string room(const domain::RoomView& view);
// A bare array of RoomWithoutAllocations.
[[nodiscard]] std::string rooms(const std::vector<domain::RoomView>& views);

}  // namespace innkeeper::json
