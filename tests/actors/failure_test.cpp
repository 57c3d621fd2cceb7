#include "tests/actors/region_fixture.hpp"

// Processes that do not start, crash, or get lost.
namespace innkeeper::actors::testing {

using config::FailurePolicy;
using domain::EndReason;
using domain::ExitReason;
using domain::ProcessStatus;
using domain::RoomStatus;

TEST_CASE("a process that does not start is tried three times, one and two seconds apart, then its rooms end") {
  World w;
  const auto host = w.add_host("host-1", room_for(4));
  const auto room = w.ok(w.create("one"));
  const auto other = w.ok(w.create("two"));
  REQUIRE(other.process == room.process);
  const auto waits = w.connect(room.room, 60'000);
  const auto current = [&] { return *w.ok(w.info(room.room)).current; };

  w.end(current().process, ExitReason::start_timeout);
  CHECK(host->starts.size() == 1);
  CHECK(current().process != *room.process);
  CHECK(w.stored_process(current().process).attempt == 2);
  w.advance(900ms);
  CHECK(host->starts.size() == 1);
  w.advance(200ms);
  CHECK(host->starts.size() == 2);
  CHECK(w.ok(w.info(other.room)).current->process == current().process);

  w.end(current().process, ExitReason::start_failed);
  w.advance(1900ms);
  CHECK(host->starts.size() == 2);
  w.advance(200ms);
  REQUIRE(host->starts.size() == 3);
  CHECK(w.stored_process(current().process).attempt == 3);
  CHECK_FALSE(waits->has_value());

  w.end(current().process, ExitReason::crashed);  // before it had bound its port: it did not start either
  for (const auto& id : {room.room, other.room}) {
    CHECK(w.ok(w.info(id)).status == RoomStatus::destroyed);
    const auto record = w.stored_room(id);
    CHECK(record->allocations.size() == 3);
    for (const auto& allocation : record->allocations)
      CHECK(allocation.ended == EndReason::process_start_failed);
  }
  CHECK(w.error(waits).code == domain::ErrorCode::not_found);
  w.advance(10s);
  CHECK(host->starts.size() == 3);
}

TEST_CASE("a start that goes well after one that failed is forgotten later") {
  World w{{.policy = {.on_process_failure = FailurePolicy::suspend}, .rooms_per_process = 1}};
  w.add_host("host-1", room_for(4));
  const auto room = w.ok(w.create());
  for (int round = 0; round < 3; ++round) {
    for (int failure = 0; failure < 2; ++failure) {
      w.end(w.ok(w.info(room.room)).current->process, ExitReason::start_failed);
      w.advance(3s);
    }
    const auto process = w.ok(w.info(room.room)).current->process;
    w.start(process);
    CHECK(w.ok(w.connect(room.room)).active);
    w.end(process, ExitReason::crashed);
    CHECK_FALSE(w.ok(w.resume(room.room)).active);
  }
}

TEST_CASE("waiting for a slot in between does not give a room more attempts") {
  World w{{.rooms_per_process = 1}};
  w.add_host("host-1", room_for(8));
  const auto room = w.ok(w.create("bad")).room;
  int failures = 0;
  while (w.ok(w.info(room)).status != RoomStatus::destroyed) {
    REQUIRE(failures < 10);
    w.end(w.ok(w.info(room)).current->process, ExitReason::start_failed);
    ++failures;
    // Another process takes the room in before its own is started again, and does not start either.
    w.ok(w.launch());
    w.advance(200ms);
  }
  CHECK(failures == 3);
}

TEST_CASE("a crash suspends the rooms by default") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto room = w.active_room();
  const auto other = w.ok(w.create());
  w.end(*room.process, ExitReason::crashed);
  for (const auto& id : {room.room, other.room}) {
    CHECK(w.ok(w.info(id)).status == RoomStatus::suspended);
    CHECK(w.stored_room(id)->allocations.back().ended == EndReason::process_crashed);
  }
  const auto process = w.stored_process(*room.process);
  CHECK(process.status == ProcessStatus::failed);
  CHECK(process.exit_reason == ExitReason::crashed);
  CHECK(process.exit_summary == "as the test says");
}

TEST_CASE("a crash destroys the rooms when the policy says so") {
  World w{{.policy = {.on_process_failure = FailurePolicy::destroy}}};
  w.add_host("host-1", room_for(4));
  const auto room = w.active_room();
  w.end(*room.process, ExitReason::crashed);
  CHECK(w.ok(w.info(room.room)).status == RoomStatus::destroyed);
  CHECK(w.stored_room(room.room)->allocations.back().ended == EndReason::process_crashed);
}

TEST_CASE("a crash places the rooms anew when the policy says so, together as before") {
  World w{{.policy = {.on_process_failure = FailurePolicy::reschedule}}};
  const auto host = w.add_host("host-1", room_for(4));
  const auto room = w.active_room();
  const auto other = w.ok(w.create());
  w.end(*room.process, ExitReason::crashed);
  const auto moved = w.ok(w.connect(room.room));
  CHECK_FALSE(moved.active);
  CHECK(moved.process != room.process);
  CHECK(w.ok(w.connect(other.room)).process == moved.process);
  CHECK(host->starts.size() == 2);
  w.start(*moved.process);
  CHECK(w.ok(w.connect(room.room)).active);
  CHECK(w.ok(w.info(room.room)).allocations.size() == 2);
}

TEST_CASE("a room that brings down one process after the other is suspended in the end") {
  World w{{.policy = {.on_process_failure = FailurePolicy::reschedule}, .rooms_per_process = 1}};
  w.add_host("host-1", room_for(4));
  const auto room = w.active_room();
  int crashes = 0;
  while (w.ok(w.info(room.room)).status != RoomStatus::suspended) {
    REQUIRE(crashes < 10);
    const auto process = w.ok(w.info(room.room)).current->process;
    if (w.stored_process(process).status != ProcessStatus::running) w.start(process);
    w.end(process, ExitReason::crashed);
    ++crashes;
  }
  CHECK(crashes == 4);
}

TEST_CASE("crashes and failed starts in turn add up too") {
  World w{{.policy = {.on_process_failure = FailurePolicy::reschedule}, .rooms_per_process = 1}};
  w.add_host("host-1", room_for(4));
  const auto room = w.active_room();
  int failures = 0;
  while (w.ok(w.info(room.room)).status != RoomStatus::suspended) {
    REQUIRE(failures < 10);
    const auto process = w.ok(w.info(room.room)).current->process;
    const bool crashes = failures % 2 == 0;
    if (crashes && w.stored_process(process).status != ProcessStatus::running) w.start(process);
    w.end(process, crashes ? ExitReason::crashed : ExitReason::start_failed);
    w.jump(2s);
    ++failures;
  }
  CHECK(failures == 5);
}

TEST_CASE("crashes that are far apart do not add up") {
  World w{{.policy = {.on_process_failure = FailurePolicy::reschedule}, .rooms_per_process = 1}};
  w.add_host("host-1", room_for(4));
  const auto room = w.active_room();
  for (int crashes = 0; crashes < 6; ++crashes) {
    w.jump(1h);
    w.end(w.ok(w.info(room.room)).current->process, ExitReason::crashed);
    REQUIRE(w.ok(w.info(room.room)).status == RoomStatus::scheduling);
    w.start(w.ok(w.info(room.room)).current->process);
  }
  CHECK(w.ok(w.connect(room.room)).active);
}

TEST_CASE("an exit with code 0 before the port was bound counts as a failed start") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto room = w.ok(w.create());
  w.boot(*room.process);
  w.end(*room.process, ExitReason::exited);
  CHECK(w.stored_process(*room.process).exit_reason == ExitReason::start_failed);
  CHECK(w.ok(w.info(room.room)).status == RoomStatus::scheduling);
}

TEST_CASE("a report that is told twice changes nothing the second time") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto room = w.active_room();
  const auto before = w.stored_process(*room.process);
  w.advance(1s);
  w.start(*room.process);
  CHECK(w.stored_process(*room.process) == before);
  w.end(*room.process, ExitReason::crashed);
  const auto ended = w.stored_process(*room.process);
  w.advance(1s);
  w.end(*room.process, ExitReason::exited);
  CHECK(w.stored_process(*room.process) == ended);
}

TEST_CASE("the end of a process is answered when it is on disk") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto room = w.active_room();
  const auto reported = w.begin_report(*room.process, wire::ProcessPhase::ended, ExitReason::crashed);
  while (!reported->has_value()) REQUIRE(w.run_one(0));
  CHECK(w.stored_process(*room.process).status == ProcessStatus::failed);
  w.step();
}

}  // namespace innkeeper::actors::testing
