#include "actors/domain/room.hpp"

#include <algorithm>

#include "actors/domain/limits.hpp"

namespace innkeeper::domain {
namespace {

Error error(ErrorCode code, std::string message) {
  return {.code = code, .message = std::move(message), .field = {}, .retry_after_s = 0};
}

// The moment to record: a clock that was set back must not put a record's times out of order.
Timestamp not_before_record(const RoomRecord& room, Timestamp now) {
  Timestamp at = std::max(now, room.created_at);
  if (!room.allocations.empty()) {
    const Allocation& last = room.allocations.back();
    at = std::max(at, last.unscheduled_at.value_or(last.scheduled_at));
  }
  return at;
}

bool is_on(const RoomRecord& room, ProcessId process) noexcept {
  const Allocation* current = room.current();
  return current != nullptr && current->process == process;
}

Error not_on(ProcessId process) {
  return error(ErrorCode::refused, "room is not on process " + to_string(process));
}

void end_current(RoomRecord& room, EndReason reason, Timestamp at) {
  if (room.current() == nullptr) return;
  room.allocations.back().unscheduled_at = at;
  room.allocations.back().ended = reason;
}

void allocate(RoomRecord& room, const Placement& placement, Timestamp at) {
  if (room.allocations.size() >= limits::allocations_per_room) {
    const auto excess = room.allocations.size() - limits::allocations_per_room + 1;
    room.allocations.erase(room.allocations.begin(),
                           room.allocations.begin() + static_cast<std::ptrdiff_t>(excess));
  }
  room.allocations.push_back({.id = placement.allocation,
                              .process = placement.process,
                              .scheduled_at = at,
                              .unscheduled_at = std::nullopt,
                              .placed = placement.reason,
                              .ended = EndReason::none});
  room.state = RoomState::allocated;
}

void destroy(RoomRecord& room, EndReason reason, Timestamp at) {
  end_current(room, reason, at);
  // The last allocation tells why the room was destroyed, also when it had been suspended before.
  if (!room.allocations.empty()) room.allocations.back().ended = reason;
  room.state = RoomState::destroyed;
  room.destroyed_at = at;
  room.config.reset();
}

// Below, `room` is not destroyed.

Result<RoomRecord> on(RoomRecord room, const SuspendRoom&, Timestamp at) {
  end_current(room, EndReason::suspended, at);
  room.state = RoomState::suspended;
  return room;
}

Result<RoomRecord> on(RoomRecord room, const DestroyRoom&, Timestamp at) {
  destroy(room, EndReason::destroyed, at);
  return room;
}

Result<RoomRecord> on(RoomRecord room, const ResumeRoom& command, Timestamp at) {
  if (room.state == RoomState::suspended) allocate(room, command.placement, at);
  return room;
}

Result<RoomRecord> on(RoomRecord room, const UpdateConfig& command, Timestamp) {
  room.config = command.config;
  return room;
}

Result<RoomRecord> on(RoomRecord room, const MoveRoom& command, Timestamp at) {
  if (!is_on(room, command.from)) return not_on(command.from);
  if (command.reason == EndReason::none) {
    return error(ErrorCode::refused, "an allocation cannot end without a reason");
  }
  end_current(room, command.reason, at);
  allocate(room, command.placement, at);
  return room;
}

Result<RoomRecord> on(RoomRecord room, const EndAllocation& command, Timestamp at) {
  if (!is_on(room, command.from)) return not_on(command.from);
  if (command.reason == EndReason::none) {
    return error(ErrorCode::refused, "an allocation cannot end without a reason");
  }
  switch (command.outcome) {
    case RoomState::suspended:
      end_current(room, command.reason, at);
      room.state = RoomState::suspended;
      return room;
    case RoomState::destroyed:
      destroy(room, command.reason, at);
      return room;
    case RoomState::allocated:
      break;
  }
  return error(ErrorCode::refused, "a room whose allocation ends is suspended or destroyed");
}

}  // namespace

const char* to_string(RoomStatus status) noexcept {
  switch (status) {
    case RoomStatus::scheduling:
      return "scheduling";
    case RoomStatus::active:
      return "active";
    case RoomStatus::suspended:
      return "suspended";
    case RoomStatus::destroyed:
      return "destroyed";
  }
  return "unknown";
}

const char* to_string(PlacementReason reason) noexcept {
  switch (reason) {
    case PlacementReason::running_process:
      return "running_process";
    case PlacementReason::starting_process:
      return "starting_process";
    case PlacementReason::new_process:
      return "new_process";
    case PlacementReason::reserved_process:
      return "reserved_process";
  }
  return "unknown";
}

const char* to_string(EndReason reason) noexcept {
  switch (reason) {
    case EndReason::none:
      return "none";
    case EndReason::destroyed:
      return "destroyed";
    case EndReason::suspended:
      return "suspended";
    case EndReason::moved_to_free_slot:
      return "moved_to_free_slot";
    case EndReason::process_stopped:
      return "process_stopped";
    case EndReason::process_idle:
      return "process_idle";
    case EndReason::process_crashed:
      return "process_crashed";
    case EndReason::process_start_failed:
      return "process_start_failed";
    case EndReason::host_lost:
      return "host_lost";
    case EndReason::no_capacity:
      return "no_capacity";
  }
  return "unknown";
}

RoomStatus room_status(RoomState state, bool process_runs) noexcept {
  switch (state) {
    case RoomState::allocated:
      return process_runs ? RoomStatus::active : RoomStatus::scheduling;
    case RoomState::suspended:
      return RoomStatus::suspended;
    case RoomState::destroyed:
      return RoomStatus::destroyed;
  }
  return RoomStatus::destroyed;
}

Result<RoomRecord> apply(const RoomRecord& room, const RoomCommand& command, Timestamp now) {
  if (room.state == RoomState::destroyed) return error(ErrorCode::not_found, "no such room");
  const Timestamp at = not_before_record(room, now);
  return std::visit([&](const auto& one) { return on(room, one, at); }, command);
}

RoomRecord make_room(RoomId id, DeploymentKey deployment, std::optional<std::string> config,
                     const Placement& placement, Timestamp now) {
  RoomRecord room;
  room.id = std::move(id);
  room.deployment = deployment;
  room.config = std::move(config);
  room.created_at = now;
  allocate(room, placement, now);
  return room;
}

std::size_t first_changed_allocation(const RoomRecord& before, const RoomRecord& after) noexcept {
  std::size_t first = after.allocations.size();
  if (before.allocations.empty()) return 0;
  // Allocations change at the end and give way at the front, so what is unchanged is aligned by the
  // oldest one that both records know.
  std::size_t shift = 0;
  while (first > 0 && shift < before.allocations.size() &&
         before.allocations[shift].id != after.allocations.front().id) {
    ++shift;
  }
  while (first > 0) {
    const std::size_t old = first - 1 + shift;
    if (old < before.allocations.size() &&
        before.allocations[old] == after.allocations[first - 1]) {
      break;
    }
    --first;
  }
  return first;
}

}  // namespace innkeeper::domain
