#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/domain/ids.hpp"
#include "actors/domain/process.hpp"
#include "actors/domain/result.hpp"

namespace innkeeper::domain {

// What is stored of a room's lifecycle. `scheduling` and `active` are not stored: an allocated room is
// active exactly while its process runs, so the two cannot drift apart.
enum class RoomState : std::uint8_t { allocated, suspended, destroyed };
inline constexpr int room_state_count = 3;

// What clients see (contract/hathora.md 2.1).
enum class RoomStatus : std::uint8_t { scheduling, active, suspended, destroyed };
inline constexpr int room_status_count = 4;
[[nodiscard]] const char* to_string(RoomStatus status) noexcept;
[[nodiscard]] RoomStatus room_status(RoomState state, bool process_runs) noexcept;

// Why an allocation went where it went; kept, so that "why is my room there?" has an answer.
enum class PlacementReason : std::uint8_t {
  running_process,   // a free slot on a running process
  starting_process,  // a free slot on a process that was being started
  new_process,       // a process was started for it
  reserved_process,  // nothing fitted: it waited on a reserved process
};
[[nodiscard]] const char* to_string(PlacementReason reason) noexcept;

// Why an allocation ended, and for the last one of a destroyed room, why the room did.
enum class EndReason : std::uint8_t {
  none,  // it has not ended
  destroyed,
  suspended,
  moved_to_free_slot,    // it waited on a reserved process, and a slot became free elsewhere
  process_stopped,       // ordered stop, or exit with code 0
  process_idle,
  process_crashed,
  process_start_failed,  // did not start; the room is placed again, or destroyed after the last attempt
  host_lost,
  no_capacity,           // waited for the scheduling timeout
};
[[nodiscard]] const char* to_string(EndReason reason) noexcept;

// The stay of a room on one process.
struct Allocation {
  AllocationId id;
  ProcessId process;
  Timestamp scheduled_at{};
  std::optional<Timestamp> unscheduled_at;
  PlacementReason placed = PlacementReason::running_process;
  EndReason ended = EndReason::none;
  friend bool operator==(const Allocation&, const Allocation&) = default;
};

// Everything that is kept of one room. Written only by its room actor; immutable once shared.
struct RoomRecord {
  RoomId id;
  DeploymentKey deployment{};  // names the app too; a room keeps its deployment for life
  RoomState state = RoomState::allocated;
  std::optional<std::string> config;  // dropped when the room is destroyed
  Timestamp created_at{};
  std::optional<Timestamp> destroyed_at;
  std::vector<Allocation> allocations;  // oldest first; at most limits::allocations_per_room
  friend bool operator==(const RoomRecord&, const RoomRecord&) = default;

  // The allocation that has not ended; null when the room is suspended or destroyed.
  [[nodiscard]] const Allocation* current() const noexcept {
    return state == RoomState::allocated && !allocations.empty() ? &allocations.back() : nullptr;
  }
};

// Where the scheduler has reserved a slot, to be recorded by the room.
struct Placement {
  AllocationId allocation;
  ProcessId process;
  PlacementReason reason = PlacementReason::running_process;
};

// What can happen to a room.
struct SuspendRoom {};
struct DestroyRoom {};
struct ResumeRoom { Placement placement; };
struct UpdateConfig { std::string config; };
// The scheduler found another place for a room whose process does not run (yet).
struct MoveRoom { ProcessId from; EndReason reason = EndReason::moved_to_free_slot; Placement placement; };
// The room's process ended (or waiting was given up) and the room becomes what `outcome` says.
struct EndAllocation {
  ProcessId from;
  EndReason reason = EndReason::process_crashed;
  RoomState outcome = RoomState::suspended;  // suspended or destroyed
};
using RoomCommand =
    std::variant<SuspendRoom, DestroyRoom, ResumeRoom, UpdateConfig, MoveRoom, EndAllocation>;

// The room after `command`. Errors: `not_found` for anything but a read of a destroyed room;
// `refused` for a MoveRoom or EndAllocation whose `from` is not the current process.
// Suspend of a suspended room and resume of an allocated one succeed and change nothing
// (contract/decided.md, contract/hathora.md 3.3): then the returned record equals the given one.
// A `now` before the record's own times counts as the latest of them. Destroying a suspended room marks
// its last allocation, which ended before, with the reason `destroyed`.
[[nodiscard]] Result<RoomRecord> apply(const RoomRecord& room, const RoomCommand& command, Timestamp now);

// A new room in its first allocation.
[[nodiscard]] RoomRecord make_room(RoomId id, DeploymentKey deployment, std::optional<std::string> config,
                                   const Placement& placement, Timestamp now);

// The index in `after` of the first allocation that is new or differs from `before`, of the same room at
// an earlier time; the number of allocations when none does. Changes are always at the end.
[[nodiscard]] std::size_t first_changed_allocation(const RoomRecord& before,
                                                   const RoomRecord& after) noexcept;

}  // namespace innkeeper::domain
