#include "tests/support/invariants.hpp"

#include <algorithm>
#include <functional>

#include <catch2/catch.hpp>

#include "actors/domain/limits.hpp"

// Each rule is planted once into a sound snapshot and must be reported.
namespace innkeeper::testing {
namespace {

using namespace domain;

constexpr DeploymentKey deployment{7};

Timestamp at(int ms) { return Timestamp(Duration(ms)); }

// A running process with one room, a reserved process with one room, one suspended, one destroyed
// room.
struct Region {
  ProcessRecord running;
  ProcessRecord reserved;
  ProcessRecord stopped;
  RoomRecord active;
  RoomRecord waiting;
  RoomRecord suspended;
  RoomRecord destroyed;
  std::uint32_t slots = 2;
  bool deployment_known = true;

  Region() {
    running.id = {1, 1};
    running.deployment = deployment;
    running.host = HostName("host-1");
    running.status = ProcessStatus::running;
    running.ports = {{.name = "default", .host = "h", .port = 20000, .transport = Transport::tcp}};
    running.created_at = at(10);
    running.scheduled_at = at(11);
    running.booted_at = at(12);
    running.started_at = at(13);

    reserved.id = {1, 2};
    reserved.deployment = deployment;
    reserved.created_at = at(10);

    stopped = running;
    stopped.id = {1, 3};
    stopped.status = ProcessStatus::stopped;
    stopped.stopping_at = at(14);
    stopped.stop_reason = ExitReason::ordered;
    stopped.exit_reason = ExitReason::ordered;
    stopped.terminated_at = at(15);

    active = room("active", running.id, 1);
    waiting = room("waiting", reserved.id, 2);
    suspended = room("suspended", stopped.id, 3);
    suspended.state = RoomState::suspended;
    suspended.allocations[0].unscheduled_at = at(40);
    suspended.allocations[0].ended = EndReason::suspended;
    destroyed = room("destroyed", stopped.id, 4);
    destroyed.state = RoomState::destroyed;
    destroyed.config.reset();
    destroyed.destroyed_at = at(40);
    destroyed.allocations[0].unscheduled_at = at(40);
    destroyed.allocations[0].ended = EndReason::destroyed;
  }

  static RoomRecord room(const char* id, ProcessId process, std::uint64_t allocation) {
    return make_room(RoomId(id), deployment, "config",
                     {.allocation = {9, allocation},
                      .process = process,
                      .reason = PlacementReason::running_process},
                     at(20));
  }

  [[nodiscard]] Snapshot snapshot() const {
    Snapshot result;
    for (const auto* record : {&active, &waiting, &suspended, &destroyed}) {
      result.rooms.push_back(std::make_shared<const RoomRecord>(*record));
    }
    result.processes = {running, reserved, stopped};
    if (deployment_known) result.slots[static_cast<std::uint32_t>(deployment)] = slots;
    return result;
  }
};

struct Violation {
  const char* sentence;  // part of what must be said
  std::function<void(Region&)> plant;
};

}  // namespace

TEST_CASE("a sound region breaks no invariant") {
  CHECK(as_lines(broken_invariants(Region().snapshot())).empty());
  CHECK(broken_invariants(Snapshot()).empty());
}

TEST_CASE("every planted violation is reported, and names what is broken") {
  const std::vector<Violation> violations = {
      // Rooms and their allocations
      {"Room active is allocated without a current allocation.",
       [](Region& r) {
         r.active.allocations[0].unscheduled_at = at(30);
         r.active.allocations[0].ended = EndReason::suspended;
       }},
      {"Room active has never been allocated.", [](Region& r) { r.active.allocations.clear(); }},
      {"which has not ended and is not the last.",
       [](Region& r) {
         r.active.allocations.push_back(r.active.allocations[0]);
         r.active.allocations[1].id = {9, 100};
       }},
      {"Room suspended is suspended with a current allocation.",
       [](Region& r) {
         r.suspended.allocations[0].unscheduled_at.reset();
         r.suspended.allocations[0].ended = EndReason::none;
       }},
      {"Room destroyed is destroyed with a current allocation.",
       [](Region& r) {
         r.destroyed.allocations[0].unscheduled_at.reset();
         r.destroyed.allocations[0].ended = EndReason::none;
       }},
      {"Room destroyed is destroyed and still has its config.",
       [](Region& r) { r.destroyed.config = ""; }},
      {"Room destroyed is destroyed without the time of it.",
       [](Region& r) { r.destroyed.destroyed_at.reset(); }},
      {"Room active has a time of destruction without being destroyed.",
       [](Region& r) { r.active.destroyed_at = at(50); }},
      {"Room destroyed was destroyed before its last allocation ended.",
       [](Region& r) { r.destroyed.destroyed_at = at(39); }},
      {"which begins before what came before it ended.",
       [](Region& r) { r.active.allocations[0].scheduled_at = at(19); }},
      {"which begins before what came before it ended.",
       [](Region& r) {
         Allocation next = r.active.allocations[0];
         next.id = {9, 100};
         next.scheduled_at = at(39);
         r.suspended.state = RoomState::allocated;
         r.suspended.allocations.push_back(next);
       }},
      {"which ends before it begins.",
       [](Region& r) { r.suspended.allocations[0].unscheduled_at = at(19); }},
      {"which ended for no reason.",
       [](Region& r) { r.suspended.allocations[0].ended = EndReason::none; }},
      {"which has a reason for its end and has not ended.",
       [](Region& r) { r.active.allocations[0].ended = EndReason::destroyed; }},
      {"Room active has more allocations than are kept.",
       [](Region& r) {
         Allocation past = r.suspended.allocations[0];
         past.scheduled_at = at(20);
         past.unscheduled_at = at(20);
         for (std::size_t i = 0; i < limits::allocations_per_room; ++i) {
           past.id = {10, i};
           r.active.allocations.insert(r.active.allocations.begin(), past);
         }
       }},
      // Ids
      {"Room active is there twice.", [](Region& r) { r.waiting.id = r.active.id; }},
      {"Room no/room has an id that no room may have.",
       [](Region& r) { r.active.id = RoomId("no/room"); }},
      {"which is there twice.",
       [](Region& r) { r.waiting.allocations[0].id = r.active.allocations[0].id; }},
      {"is there twice.", [](Region& r) { r.stopped.id = r.running.id; }},
      {"Process 00000000-0000-0000-0000-000000000000 has no id.",
       [](Region& r) { r.stopped.id = {}; }},
      // Rooms on processes
      {"which does not exist.",
       [](Region& r) {
         r.active.allocations[0].process = {5, 5};
       }},
      {"which has ended.", [](Region& r) { r.active.allocations[0].process = r.stopped.id; }},
      {"which is of another deployment.",
       [](Region& r) { r.active.deployment = DeploymentKey{8}; }},
      {"has 2 rooms in 1 slots.",
       [](Region& r) {
         r.slots = 1;
         r.waiting.allocations[0].process = r.running.id;
       }},
      {"is of an unknown deployment.", [](Region& r) { r.deployment_known = false; }},
      // Times of processes
      {"was scheduled before it was created.", [](Region& r) { r.running.scheduled_at = at(9); }},
      {"was booted before it was scheduled.", [](Region& r) { r.running.booted_at = at(10); }},
      {"was started before it was booted.", [](Region& r) { r.running.started_at = at(11); }},
      {"was ordered to stop before it was started.",
       [](Region& r) { r.stopped.stopping_at = at(12); }},
      {"was terminated before it was ordered to stop.",
       [](Region& r) { r.stopped.terminated_at = at(13); }},
      {"was started without having booted.", [](Region& r) { r.running.booted_at.reset(); }},
      {"was booted without having a host.", [](Region& r) { r.running.scheduled_at.reset(); }},
      {"has a host without having been scheduled, or the reverse.",
       [](Region& r) { r.reserved.host = HostName("host-1"); }},
      {"has a host without having been scheduled, or the reverse.",
       [](Region& r) { r.running.host = HostName(); }},
      {"has booted without ports.", [](Region& r) { r.running.ports.clear(); }},
      {"has ports without having booted.", [](Region& r) { r.reserved.ports = r.running.ports; }},
      {"has a stop time without a stop reason, or the reverse.",
       [](Region& r) { r.stopped.stop_reason = ExitReason::none; }},
      {"has a stop time without a stop reason, or the reverse.",
       [](Region& r) { r.running.stop_reason = ExitReason::idle; }},
      // Status of processes
      {"is stopped without an end time.", [](Region& r) { r.stopped.terminated_at.reset(); }},
      {"is stopped without an exit reason.",
       [](Region& r) { r.stopped.exit_reason = ExitReason::none; }},
      {"is stopped for the reason crashed.",
       [](Region& r) { r.stopped.exit_reason = ExitReason::crashed; }},
      {"is failed for the reason ordered.",
       [](Region& r) { r.stopped.status = ProcessStatus::failed; }},
      {"is running with an end time.", [](Region& r) { r.running.terminated_at = at(60); }},
      {"is running with an exit reason.",
       [](Region& r) { r.running.exit_reason = ExitReason::idle; }},
      {"is running without a start time.", [](Region& r) { r.running.started_at.reset(); }},
      {"is running with a stop time.", [](Region& r) { r.running.stopping_at = at(60); }},
      {"is starting with a start time.",
       [](Region& r) { r.running.status = ProcessStatus::starting; }},
      {"is starting with a stop time.", [](Region& r) { r.reserved.stopping_at = at(60); }},
      {"is draining without a start time.",
       [](Region& r) {
         r.running.status = ProcessStatus::draining;
         r.running.started_at.reset();
       }},
      {"is stopping without a stop time.",
       [](Region& r) { r.running.status = ProcessStatus::stopping; }},
      {"is stopping without a host.",
       [](Region& r) { r.reserved.status = ProcessStatus::stopping; }},
      // Ports
      {"shares port 20000 of host host-1 with process",
       [](Region& r) {
         r.reserved = r.running;
         r.reserved.id = {1, 2};
       }},
      {"shares port 20000 of host host-1 with process",
       [](Region& r) { r.running.ports.push_back(r.running.ports[0]); }},
  };
  for (const Violation& violation : violations) {
    INFO("expected: " << violation.sentence);
    Region region;
    violation.plant(region);
    const auto broken = broken_invariants(region.snapshot());
    INFO("reported: " << as_lines(broken));
    CHECK(std::any_of(broken.begin(), broken.end(), [&](const std::string& sentence) {
      return sentence.find(violation.sentence) != std::string::npos;
    }));
  }
}

TEST_CASE("an ended process may carry rooms only while the region is not settled") {
  Region region;
  region.active.allocations[0].process = region.stopped.id;
  CHECK(broken_invariants(region.snapshot(), Moment::settled).size() == 1);
  CHECK(broken_invariants(region.snapshot(), Moment::unsettled).empty());
}

TEST_CASE("processes on different hosts, and ended ones, may have the same port number") {
  Region region;
  region.reserved = region.running;
  region.reserved.id = {1, 2};
  region.reserved.host = HostName("host-2");
  CHECK(as_lines(broken_invariants(region.snapshot())).empty());
}

TEST_CASE("a null room is reported, not followed") {
  Snapshot snapshot;
  snapshot.rooms.push_back(nullptr);
  CHECK(broken_invariants(snapshot).size() == 1);
  CHECK(rooms_on_processes(snapshot).empty());
}

TEST_CASE("rooms on processes are counted by their current allocation") {
  const Region region;
  const auto counts = rooms_on_processes(region.snapshot());
  CHECK(counts.size() == 2);
  CHECK(counts.at(region.running.id) == 1);
  CHECK(counts.at(region.reserved.id) == 1);
}

TEST_CASE("slots come from the catalog") {
  auto known = std::make_shared<Deployment>();
  known->key = deployment;
  known->spec.rooms_per_process = 12;
  CatalogSnapshot catalog;
  catalog.by_key[7] = known;
  Snapshot snapshot;
  snapshot.add_slots(catalog);
  CHECK(snapshot.slots.at(7) == 12);
}

}  // namespace innkeeper::testing
