#include "tests/actors/region_fixture.hpp"

// Hosts that go, come back, and say what runs on them.
namespace innkeeper::actors::testing {

using domain::EndReason;
using domain::ExitReason;
using domain::ProcessStatus;
using domain::RoomStatus;

TEST_CASE("a host that goes away keeps its rooms until its grace is over") {
  World w;
  const auto host = w.add_host("host-1", room_for(4));
  const auto room = w.active_room();
  w.lose(host);
  w.jump(29s);
  CHECK(w.ok(w.connect(room.room)).active);
  CHECK(w.stored_process(*room.process).status == ProcessStatus::running);
  w.jump(2s);
  CHECK(w.ok(w.info(room.room)).status == RoomStatus::suspended);
  CHECK(w.stored_room(room.room)->allocations.back().ended == EndReason::host_lost);
  CHECK(w.stored_process(*room.process).exit_reason == ExitReason::host_lost);
}

TEST_CASE("a host that is back in time keeps its rooms for good") {
  World w;
  const auto host = w.add_host("host-1", room_for(4));
  const auto room = w.active_room();
  w.lose(host);
  w.jump(20s);
  w.bring_back(host);
  w.jump(1h);
  CHECK(w.ok(w.connect(room.room)).active);
  CHECK(w.ok(w.connect(room.room)).process == room.process);
  CHECK(host->starts.size() == 1);
  CHECK(host->stops.empty());
}

TEST_CASE("a host that is away gets no new process") {
  World w{{.rooms_per_process = 1}};
  const auto host = w.add_host("host-1", room_for(4));
  w.lose(host);
  const auto room = w.ok(w.create());
  CHECK_FALSE(w.ok(w.process(*room.process)).scheduled_at);
  w.bring_back(host);
  CHECK(host->was_started(*room.process));
}

TEST_CASE("rooms whose process never ran are placed anew when its host is lost") {
  // Whatever the failure policy: the client was told that the room is being scheduled.
  World w;
  const auto host = w.add_host("host-1", room_for(1));
  const auto room = w.ok(w.create());
  w.lose(host);
  const auto other = w.add_host("host-2", room_for(1));
  w.jump(31s);
  const auto current = w.ok(w.info(room.room)).current;
  REQUIRE(current);
  CHECK(current->process != *room.process);
  REQUIRE(other->was_started(current->process));
  w.start(current->process);
  CHECK(w.ok(w.info(room.room)).status == RoomStatus::active);
}

TEST_CASE("a host that comes back after its grace is told to stop what was given up") {
  World w;
  const auto host = w.add_host("host-1", room_for(4));
  const auto room = w.active_room();
  w.lose(host);
  w.jump(31s);
  ++host->incarnation;
  const auto accepted = w.register_host(host);
  CHECK(accepted.stop == std::vector{*room.process});
}

TEST_CASE("a region is ready when the hosts that it knows have registered") {
  World w;
  const auto host = w.add_host("host-1", room_for(4));
  const auto room = w.active_room();
  const auto ready = [&] { return w.ok(w.request<bool>(w.scheduler, ready_atom::value)); };
  CHECK(ready());
  w.kill_region();
  w.start_region();
  CHECK_FALSE(ready());
  w.register_all();
  CHECK(ready());
  CHECK(w.ok(w.connect(room.room)).active);
}

TEST_CASE("a host that never comes back does not keep its region from being ready for ever") {
  World w;
  const auto host = w.add_host("old-name", room_for(4));
  const auto room = w.active_room();
  w.lose(host);
  w.kill_region();
  w.start_region();
  const auto ready = [&] { return w.ok(w.request<bool>(w.scheduler, ready_atom::value)); };
  w.jump(29s);
  CHECK_FALSE(ready());
  w.jump(2s);
  CHECK(ready());
  CHECK(w.ok(w.info(room.room)).status == RoomStatus::suspended);
  // Should it come after all, it is one like any other.
  host->processes.clear();
  w.bring_back(host);
  CHECK(w.ok(w.resume(room.room)).process != room.process);
}

TEST_CASE("registration adopts what runs, stops what nobody knows, and sends lost orders again") {
  World w{{.rooms_per_process = 1}};
  const auto host = w.add_host("host-1", room_for(8));
  const auto runs = w.active_room("runs");
  const auto booted = w.ok(w.create("booted"));
  w.boot(*booted.process);
  const auto ordered = w.ok(w.create("ordered"));
  const auto crashed = w.active_room("crashed");
  const auto gone = w.active_room("gone");
  const auto stopping = w.active_room("stopping");
  w.ok(w.stop(*stopping.process));

  w.kill_region();
  // While no scheduler looks: one process crashes, one vanishes without a trace, one that booted runs by now.
  host->processes[*crashed.process].phase = wire::ProcessPhase::ended;
  host->processes[*crashed.process].exit_reason = ExitReason::crashed;
  host->processes.erase(*gone.process);
  host->processes[*booted.process].phase = wire::ProcessPhase::running;
  const domain::ProcessId unknown{7, 7};
  host->processes[unknown] = {.process = unknown, .phase = wire::ProcessPhase::running};
  const domain::ProcessId ended{8, 8};
  host->processes[ended] = {.process = ended, .phase = wire::ProcessPhase::ended};
  host->starts.clear();
  host->stops.clear();
  w.start_region();
  const auto accepted = w.register_host(host);

  CHECK(accepted.epoch == w.epoch());
  CHECK(accepted.stop == std::vector{unknown});
  CHECK(w.ok(w.connect(runs.room)) == runs);
  CHECK(w.ok(w.connect(booted.room)).active);
  CHECK(w.ok(w.info(ordered.room)).status == RoomStatus::scheduling);
  REQUIRE(host->starts.size() == 1);
  CHECK(host->starts[0].process == *ordered.process);
  CHECK(w.ok(w.info(crashed.room)).status == RoomStatus::suspended);
  CHECK(w.stored_process(*crashed.process).exit_reason == ExitReason::crashed);
  CHECK(w.ok(w.info(gone.room)).status == RoomStatus::suspended);
  CHECK(w.stored_process(*gone.process).exit_reason == ExitReason::host_lost);
  CHECK(host->was_stopped(*stopping.process));
}

TEST_CASE("a report of life from a process that nobody knows, or that is elsewhere, stops it") {
  World w;
  const auto host = w.add_host("host-1", room_for(4));
  const auto other = w.add_host("host-2", room_for(4));
  const auto room = w.active_room();
  const auto owner = w.host_of(*room.process);
  const auto stranger = owner == host ? other : host;
  const auto tell = [&](const FakeHostPtr& from, domain::ProcessId id) {
    w.ok(w.request<wire::Done>(w.scheduler, report_atom::value, from->name,
                               wire::ProcessReport{.process = id, .phase = wire::ProcessPhase::running}));
  };
  tell(host, {9, 9});
  CHECK(host->was_stopped({9, 9}));
  tell(stranger, *room.process);
  CHECK(stranger->was_stopped(*room.process));
  CHECK_FALSE(owner->was_stopped(*room.process));
  CHECK(w.ok(w.connect(room.room)).active);
}

TEST_CASE("a host of another protocol version is refused and gets nothing") {
  World w;
  auto host = std::make_shared<FakeHost>();
  host->name = domain::HostName("old");
  const auto error = w.error(w.request<wire::HostAccepted>(
      w.scheduler, register_atom::value,
      wire::HostRegistration{.host = host->name,
                             .protocol = wire::protocol_version + 1,
                             .region = seattle,
                             .capacity = room_for(4)},
      caf::actor{}));
  CHECK(error.code == domain::ErrorCode::refused);
  const auto room = w.ok(w.create());
  CHECK_FALSE(w.ok(w.process(*room.process)).scheduled_at);
}

TEST_CASE("a host whose capacity shrank keeps what it has and gets nothing more") {
  World w{{.rooms_per_process = 1}};
  const auto host = w.add_host("host-1", room_for(3));
  const auto one = w.active_room();
  const auto two = w.active_room();
  host->capacity = room_for(1);
  w.register_host(host);
  CHECK(w.ok(w.connect(one.room)).active);
  CHECK(w.ok(w.connect(two.room)).active);
  const auto three = w.ok(w.create());
  CHECK_FALSE(w.ok(w.process(*three.process)).scheduled_at);
}

TEST_CASE("samples of a process come from its host, and are empty while that is away") {
  World w;
  const auto host = w.add_host("host-1", room_for(3));
  const auto room = w.active_room();
  const auto ask = [&] {
    return w.ok(w.request<domain::ProcessMetrics>(w.scheduler, metrics_atom::value, app, *room.process));
  };
  CHECK(ask().cpu.size() == 1);
  w.lose(host);
  CHECK(ask().cpu.empty());
}

}  // namespace innkeeper::actors::testing
