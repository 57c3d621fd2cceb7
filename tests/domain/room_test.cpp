#include "actors/domain/room.hpp"

#include <map>
#include <string>

#include <catch2/catch.hpp>

#include "actors/domain/limits.hpp"
#include "tests/support/invariants.hpp"

namespace innkeeper::domain {
namespace {

constexpr ProcessId first{1, 1};
constexpr ProcessId second{1, 2};

Timestamp at(int ms) { return Timestamp(Duration(ms)); }

Placement placement(ProcessId process, std::uint64_t allocation) {
  return {.allocation = {9, allocation},
          .process = process,
          .reason = PlacementReason::starting_process};
}

RoomRecord must(Result<RoomRecord> result) {
  REQUIRE(result.has_value());
  return *std::move(result);
}

std::map<std::string, RoomRecord> records() {
  std::map<std::string, RoomRecord> all;
  all["allocated"] =
      make_room(RoomId("room"), DeploymentKey{7}, "config", placement(first, 1), at(10));
  all["suspended"] = must(apply(all["allocated"], SuspendRoom{}, at(20)));
  all["destroyed"] = must(apply(all["allocated"], DestroyRoom{}, at(20)));
  return all;
}

// What `command` makes of `room`: the new state with "+" for a new allocation, "same", or the
// error.
std::string outcome(const RoomRecord& room, const RoomCommand& command) {
  const auto result = apply(room, command, at(100));
  if (!result) {
    if (result.error().code == ErrorCode::not_found) return "not_found";
    return result.error().code == ErrorCode::refused ? "refused" : "another error";
  }
  if (*result == room) return "same";
  const char* const states[] = {"allocated", "suspended", "destroyed"};
  return states[static_cast<std::size_t>(result->state)] +
         std::string(result->allocations.size() > room.allocations.size() ? "+" : "");
}

}  // namespace

TEST_CASE("a new room is allocated where it was placed") {
  const RoomRecord room =
      make_room(RoomId("room"), DeploymentKey{7}, std::nullopt, placement(first, 1), at(10));
  CHECK(room.id == RoomId("room"));
  CHECK(room.deployment == DeploymentKey{7});
  CHECK(room.state == RoomState::allocated);
  CHECK_FALSE(room.config);
  CHECK(room.created_at == at(10));
  REQUIRE(room.current() != nullptr);
  CHECK(room.current()->id == AllocationId{9, 1});
  CHECK(room.current()->process == first);
  CHECK(room.current()->scheduled_at == at(10));
  CHECK(room.current()->placed == PlacementReason::starting_process);
}

TEST_CASE("every command on every state of a room does what the lifecycle says") {
  const char* const columns[] = {"allocated", "suspended", "destroyed"};
  struct Row {
    const char* name;
    RoomCommand command;
    const char* expected[3];
  };
  const auto move = [](ProcessId from, EndReason reason) {
    return MoveRoom{.from = from, .reason = reason, .placement = placement(second, 2)};
  };
  const auto end = [](ProcessId from, EndReason reason, RoomState outcome) {
    return EndAllocation{.from = from, .reason = reason, .outcome = outcome};
  };
  // clang-format off
  const Row rows[] = {
      // command                                                                                    allocated      suspended     destroyed
      {"suspend",             SuspendRoom{},                                                       {"suspended",   "same",       "not_found"}},
      {"destroy",             DestroyRoom{},                                                       {"destroyed",   "destroyed",  "not_found"}},
      {"resume",              ResumeRoom{placement(second, 2)},                                    {"same",        "allocated+", "not_found"}},
      {"update the config",   UpdateConfig{"new"},                                                 {"allocated",   "suspended",  "not_found"}},
      {"update to the same",  UpdateConfig{"config"},                                              {"same",        "same",       "not_found"}},
      {"move",                move(first, EndReason::moved_to_free_slot),                          {"allocated+",  "refused",    "not_found"}},
      {"move from elsewhere", move(second, EndReason::moved_to_free_slot),                         {"refused",     "refused",    "not_found"}},
      {"move for nothing",    move(first, EndReason::none),                                        {"refused",     "refused",    "not_found"}},
      {"crash, suspend",      end(first, EndReason::process_crashed, RoomState::suspended),        {"suspended",   "refused",    "not_found"}},
      {"crash, destroy",      end(first, EndReason::process_crashed, RoomState::destroyed),        {"destroyed",   "refused",    "not_found"}},
      {"end, stay allocated", end(first, EndReason::process_crashed, RoomState::allocated),        {"refused",     "refused",    "not_found"}},
      {"end elsewhere",       end(second, EndReason::process_crashed, RoomState::suspended),       {"refused",     "refused",    "not_found"}},
      {"end for nothing",     end(first, EndReason::none, RoomState::destroyed),                   {"refused",     "refused",    "not_found"}},
  };
  // clang-format on
  const auto all = records();
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < std::size(columns); ++i) {
      INFO(row.name << " on a room that is " << columns[i]);
      CHECK(outcome(all.at(columns[i]), row.command) == row.expected[i]);
    }
  }
}

TEST_CASE("suspend ends the allocation and keeps the config; resume begins another one") {
  const RoomRecord suspended = records().at("suspended");
  CHECK(suspended.current() == nullptr);
  CHECK(suspended.config == "config");
  CHECK(suspended.allocations.back().unscheduled_at == at(20));
  CHECK(suspended.allocations.back().ended == EndReason::suspended);

  const RoomRecord resumed = must(apply(suspended, ResumeRoom{placement(second, 2)}, at(30)));
  REQUIRE(resumed.current() != nullptr);
  CHECK(resumed.current()->process == second);
  CHECK(resumed.current()->scheduled_at == at(30));
  REQUIRE(resumed.allocations.size() == 2);
  CHECK(resumed.allocations[0] == suspended.allocations[0]);
}

TEST_CASE("destroy drops the config and says when and why") {
  const RoomRecord destroyed = records().at("destroyed");
  CHECK(destroyed.current() == nullptr);
  CHECK_FALSE(destroyed.config);
  CHECK(destroyed.destroyed_at == at(20));
  CHECK(destroyed.allocations.back().unscheduled_at == at(20));
  CHECK(destroyed.allocations.back().ended == EndReason::destroyed);
}

TEST_CASE(
    "a suspended room that is destroyed keeps the end of its last stay, with the new reason") {
  const RoomRecord destroyed = must(apply(records().at("suspended"), DestroyRoom{}, at(30)));
  CHECK(destroyed.destroyed_at == at(30));
  CHECK(destroyed.allocations.back().unscheduled_at == at(20));
  CHECK(destroyed.allocations.back().ended == EndReason::destroyed);
}

TEST_CASE("a moved room ends one allocation and begins the next at the same moment") {
  const RoomRecord moved = must(apply(records().at("allocated"),
                                      MoveRoom{.from = first,
                                               .reason = EndReason::process_start_failed,
                                               .placement = placement(second, 2)},
                                      at(30)));
  REQUIRE(moved.allocations.size() == 2);
  CHECK(moved.allocations[0].unscheduled_at == at(30));
  CHECK(moved.allocations[0].ended == EndReason::process_start_failed);
  CHECK(moved.current()->scheduled_at == at(30));
  CHECK(moved.current()->process == second);
}

TEST_CASE("a room whose process ends becomes what the policy says, with the reason") {
  const RoomRecord room = records().at("allocated");
  const RoomRecord suspended = must(apply(
      room,
      EndAllocation{.from = first, .reason = EndReason::host_lost, .outcome = RoomState::suspended},
      at(30)));
  CHECK(suspended.allocations.back().ended == EndReason::host_lost);
  CHECK(suspended.config == "config");
  const RoomRecord destroyed = must(
      apply(room,
            EndAllocation{
                .from = first, .reason = EndReason::process_idle, .outcome = RoomState::destroyed},
            at(30)));
  CHECK(destroyed.allocations.back().ended == EndReason::process_idle);
  CHECK(destroyed.destroyed_at == at(30));
  CHECK_FALSE(destroyed.config);
}

TEST_CASE("a room keeps the newest allocations, up to the limit") {
  RoomRecord room = records().at("suspended");
  std::uint64_t next = 2;
  for (std::size_t i = 0; i < limits::allocations_per_room + 10; ++i) {
    const RoomRecord resumed = must(apply(room, ResumeRoom{placement(second, next++)}, at(30)));
    CHECK(resumed.allocations.size() <= limits::allocations_per_room);
    CHECK(first_changed_allocation(room, resumed) == resumed.allocations.size() - 1);
    room = must(apply(resumed, SuspendRoom{}, at(30)));
    CHECK(first_changed_allocation(resumed, room) == room.allocations.size() - 1);
  }
  CHECK(room.allocations.size() == limits::allocations_per_room);
  CHECK(room.allocations.back().id == AllocationId{9, next - 1});
  CHECK(room.allocations.front().id == AllocationId{9, next - limits::allocations_per_room});
}

TEST_CASE("the first changed allocation is found for every kind of change") {
  const auto all = records();
  const RoomRecord& room = all.at("allocated");
  CHECK(first_changed_allocation(room, room) == 1);
  CHECK(first_changed_allocation(RoomRecord(), room) == 0);
  CHECK(first_changed_allocation(room, all.at("suspended")) == 0);
  CHECK(first_changed_allocation(room, must(apply(room, UpdateConfig{"new"}, at(30)))) == 1);
  const RoomRecord resumed =
      must(apply(all.at("suspended"), ResumeRoom{placement(second, 2)}, at(30)));
  CHECK(first_changed_allocation(all.at("suspended"), resumed) == 1);
  CHECK(first_changed_allocation(room, resumed) == 0);
  const RoomRecord moved = must(apply(resumed,
                                      MoveRoom{.from = second,
                                               .reason = EndReason::moved_to_free_slot,
                                               .placement = placement(first, 3)},
                                      at(40)));
  CHECK(first_changed_allocation(resumed, moved) == 1);
  CHECK(first_changed_allocation(moved, RoomRecord()) == 0);
}

TEST_CASE("a clock that is set back does not put the times of a room out of order") {
  RoomRecord room = make_room(RoomId("room"), DeploymentKey{7}, "", placement(first, 1), at(1000));
  room = must(apply(room, SuspendRoom{}, at(900)));
  room = must(apply(room, ResumeRoom{placement(first, 2)}, at(800)));
  room = must(apply(room, DestroyRoom{}, at(700)));
  CHECK(room.allocations[0].unscheduled_at == at(1000));
  CHECK(room.allocations[1].scheduled_at == at(1000));
  CHECK(room.allocations[1].unscheduled_at == at(1000));
  CHECK(room.destroyed_at == at(1000));
}

TEST_CASE("a refusal names the process that the room is not on") {
  const auto result = apply(records().at("allocated"), EndAllocation{.from = second}, at(30));
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().message == "room is not on process 00000000-0000-0001-0000-000000000002");
}

TEST_CASE("what clients see of a room depends on its process only while it is allocated") {
  CHECK(room_status(RoomState::allocated, true) == RoomStatus::active);
  CHECK(room_status(RoomState::allocated, false) == RoomStatus::scheduling);
  for (const bool runs : {false, true}) {
    CHECK(room_status(RoomState::suspended, runs) == RoomStatus::suspended);
    CHECK(room_status(RoomState::destroyed, runs) == RoomStatus::destroyed);
  }
}

TEST_CASE("the words of a room's status and reasons are snake case") {
  const char* const statuses[] = {"scheduling", "active", "suspended", "destroyed"};
  REQUIRE(std::size(statuses) == room_status_count);
  for (int i = 0; i < room_status_count; ++i) {
    CHECK(std::string(to_string(static_cast<RoomStatus>(i))) == statuses[i]);
  }
  const char* const placed[] = {"running_process", "starting_process", "new_process",
                                "reserved_process"};
  for (int i = 0; i < 4; ++i) {
    CHECK(std::string(to_string(static_cast<PlacementReason>(i))) == placed[i]);
  }
  const char* const ended[] = {"none",
                               "destroyed",
                               "suspended",
                               "moved_to_free_slot",
                               "process_stopped",
                               "process_idle",
                               "process_crashed",
                               "process_start_failed",
                               "host_lost",
                               "no_capacity"};
  for (int i = 0; i < 10; ++i) CHECK(std::string(to_string(static_cast<EndReason>(i))) == ended[i]);
}

}  // namespace innkeeper::domain
