#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/domain/deployment.hpp"
#include "actors/domain/process.hpp"
#include "actors/domain/room.hpp"

// The one invariant checker: property tests, actor tests and system tests ask it whether what they
// see can be true (design 10).
namespace innkeeper::testing {

// The rooms and processes of one region at one moment.
struct Snapshot {
  std::vector<std::shared_ptr<const domain::RoomRecord>> rooms;
  std::vector<domain::ProcessRecord> processes;
  // Rooms per process, by deployment key; all deployments that rooms and processes name.
  std::unordered_map<std::uint32_t, std::uint32_t> slots;

  // Fills `slots` from a catalog.
  void add_slots(const domain::CatalogSnapshot& catalog);
};

// Between the end of a process and the commits of its rooms, a room may name an ended process for a
// moment. `settled` says that no such moment is under way.
enum class Moment : std::uint8_t { settled, unsettled };

// One sentence for each broken invariant, naming the room or process; empty when all hold. The
// snapshot may hold anything: nothing in it is trusted.
[[nodiscard]] std::vector<std::string> broken_invariants(const Snapshot& snapshot,
                                                         Moment moment = Moment::settled);

// How many rooms have their current allocation on each process: what the used slots must be.
[[nodiscard]] std::unordered_map<domain::ProcessId, std::uint32_t> rooms_on_processes(
    const Snapshot& snapshot);

// The sentences as lines, for INFO and error messages.
[[nodiscard]] std::string as_lines(const std::vector<std::string>& sentences);

}  // namespace innkeeper::testing
