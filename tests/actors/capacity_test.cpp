#include "tests/actors/region_fixture.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

// What happens when nothing fits.
namespace innkeeper::actors::testing {

using domain::EndReason;
using domain::ExitReason;
using domain::PlacementReason;
using domain::ProcessStatus;
using domain::RoomStatus;

namespace {

Options lonely() { return {.rooms_per_process = 1}; }

}  // namespace

TEST_CASE("a room that fits nowhere waits on a reserved process") {
  World w{lonely()};
  const auto host = w.add_host("host-1", room_for(1));
  w.active_room();
  const auto waiting = w.ok(w.create());
  REQUIRE(waiting.process);
  CHECK_FALSE(waiting.active);
  CHECK(w.ok(w.info(waiting.room)).status == RoomStatus::scheduling);
  const auto process = w.ok(w.process(*waiting.process));
  CHECK(process.status == ProcessStatus::starting);
  CHECK_FALSE(process.scheduled_at);
  CHECK(host->starts.size() == 1);
  CHECK(w.stored_room(waiting.room)->allocations[0].placed == PlacementReason::reserved_process);
}

TEST_CASE("a slot that becomes free goes to the room that waits longest, and its reserved process is dropped") {
  World w{lonely()};
  w.add_host("host-1", room_for(1));
  const auto first = w.active_room();
  std::vector<domain::ConnectionInfo> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(w.ok(w.create()));
    w.advance(100ms);
  }
  auto leaves = first.room;
  for (const auto& next : waiting) {
    w.ok(w.destroy(leaves));
    const auto info = w.ok(w.connect(next.room));
    CHECK(info.active);
    CHECK(info.process == first.process);
    const auto record = w.stored_room(next.room);
    REQUIRE(record->allocations.size() == 2);
    CHECK(record->allocations[0].ended == EndReason::moved_to_free_slot);
    CHECK(record->allocations[1].placed == PlacementReason::running_process);
    const auto dropped = w.stored_process(*next.process);
    CHECK(dropped.status == ProcessStatus::stopped);
    CHECK(dropped.exit_reason == ExitReason::unneeded);
    leaves = next.room;
  }
}

TEST_CASE("a room that comes while others wait goes behind them, however the messages run") {
  for (const std::uint64_t seed : innkeeper::testing::test_seeds(20)) {
    INFO("INNKEEPER_TEST_SEED=" << seed);
    innkeeper::testing::Random random(seed);
    World w{lonely()};
    w.add_host("host-1", room_for(1));
    const auto first = w.active_room();
    const auto second = w.ok(w.create());
    const auto gone = w.destroy(first.room);
    Reply<domain::ConnectionInfo> third;
    for (auto n = random.below(12); n > 0; --n) w.run_one(random.bits());
    third = w.create();
    while (w.run_one(random.bits())) {
    }
    w.step();
    REQUIRE(gone->value());
    CHECK(w.ok(w.connect(second.room)).active);
    CHECK_FALSE(w.ok(w.connect(w.ok(third).room)).active);
  }
}

TEST_CASE("a new host starts what waits, oldest first") {
  World w{lonely()};
  w.add_host("host-1", room_for(1));
  w.active_room();
  const auto one = w.ok(w.create());
  w.advance(100ms);
  const auto two = w.ok(w.create());
  const auto host = w.add_host("host-2", room_for(1));
  w.advance(100ms);
  REQUIRE(host->starts.size() == 1);
  CHECK(host->starts[0].process == *one.process);
  CHECK_FALSE(w.ok(w.process(*two.process)).scheduled_at);
  w.start(*one.process);
  CHECK(w.ok(w.info(one.room)).status == RoomStatus::active);
}

TEST_CASE("a process that ends makes room for one that waits") {
  World w{lonely()};
  const auto host = w.add_host("host-1", room_for(1));
  const auto first = w.active_room();
  const auto waiting = w.ok(w.create());
  w.end(*first.process, ExitReason::crashed);
  CHECK(host->was_started(*waiting.process));
  w.start(*waiting.process);
  CHECK(w.ok(w.info(waiting.room)).status == RoomStatus::active);
}

TEST_CASE("rooms share a reserved process as they would share a running one") {
  World w;  // two slots
  w.add_host("host-1", room_for(1));
  w.active_room();
  w.ok(w.create());
  const auto three = w.ok(w.create());
  const auto four = w.ok(w.create());
  const auto five = w.ok(w.create());
  CHECK(three.process == four.process);
  CHECK(five.process != four.process);
  const auto host = w.add_host("host-2", room_for(1));
  w.advance(100ms);
  REQUIRE(host->starts.size() == 1);
  CHECK(host->starts[0].process == *three.process);
}

TEST_CASE("a waiting room is destroyed after the scheduling timeout, and its process never was") {
  World w{{.timeouts = {.scheduling = 10s}, .rooms_per_process = 1}};
  w.add_host("host-1", room_for(1));
  w.active_room();
  const auto waiting = w.ok(w.create());
  const auto waits = w.connect(waiting.room, 60'000);
  w.advance(9s);
  CHECK_FALSE(waits->has_value());
  CHECK(w.ok(w.info(waiting.room)).status == RoomStatus::scheduling);
  w.advance(1500ms);
  CHECK(w.ok(w.info(waiting.room)).status == RoomStatus::destroyed);
  CHECK(w.stored_room(waiting.room)->allocations.back().ended == EndReason::no_capacity);
  CHECK(w.error(waits).code == domain::ErrorCode::not_found);
  CHECK(domain::is_final(w.stored_process(*waiting.process).status));
}

TEST_CASE("a process that was asked for and fits nowhere fails after the scheduling timeout") {
  World w{{.timeouts = {.scheduling = 10s}, .rooms_per_process = 1}};
  w.add_host("host-1", room_for(1));
  w.active_room();
  const auto launched = w.ok(w.launch());
  CHECK_FALSE(launched.scheduled_at);
  w.advance(11s);
  const auto process = w.stored_process(launched.id);
  CHECK(process.status == ProcessStatus::failed);
  CHECK(process.exit_reason == ExitReason::no_capacity);
}

TEST_CASE("a waiting room can be suspended, destroyed, and its process stopped") {
  World w{lonely()};
  w.add_host("host-1", room_for(1));
  w.active_room();
  const auto one = w.ok(w.create());
  w.ok(w.suspend(one.room));
  CHECK(w.ok(w.info(one.room)).status == RoomStatus::suspended);
  CHECK(w.stored_process(*one.process).exit_reason == ExitReason::unneeded);
  const auto two = w.ok(w.create());
  w.ok(w.destroy(two.room));
  CHECK(w.stored_process(*two.process).exit_reason == ExitReason::unneeded);
  const auto three = w.ok(w.create());
  w.ok(w.stop(*three.process));
  CHECK(w.ok(w.info(three.room)).status == RoomStatus::destroyed);
  CHECK(w.stored_process(*three.process).exit_reason == ExitReason::ordered);
}

TEST_CASE("those behind a room that leaves the queue are not forgotten") {
  // The first in the queue is a room whose resume comes too late, because it is being destroyed. The slot that
  // becomes free in that moment must not be lost to the one behind it.
  for (const std::uint64_t seed : innkeeper::testing::test_seeds(40)) {
    INFO("INNKEEPER_TEST_SEED=" << seed);
    innkeeper::testing::Random random(seed);
    World w{lonely()};
    w.add_host("host-1", room_for(1));
    const auto left = w.active_room("left");
    w.ok(w.suspend(left.room));
    const auto busy = w.ok(w.create("busy"));
    const auto destroyed = w.destroy(left.room);
    const auto resumed = w.resume(left.room);
    for (auto n = random.below(4); n > 0; --n) w.run_one(random.bits());
    const auto behind = w.create("behind");
    for (auto n = random.below(4); n > 0; --n) w.run_one(random.bits());
    const auto gone = w.destroy(busy.room);
    while (w.run_one(random.bits())) {
    }
    w.step();  // the invariants say that nobody waits beside a free slot
    CHECK(resumed->has_value());
    CHECK(destroyed->value());
    CHECK(gone->value());
    CHECK(w.ok(w.connect(w.ok(behind).room)).active);
  }
}

TEST_CASE("after a restart, rooms that wait get the slots that are free") {
  World w{lonely()};
  w.add_host("host-1", room_for(1));
  const auto first = w.active_room();
  const auto waiting = w.ok(w.create());
  // The room's end is on disk, and nothing that should follow from it is.
  const auto gone = w.destroy(first.room);
  w.faults->after_commit = [&, before = w.faults->commits] {
    if (w.faults->commits == before + 1) caf::anon_send_exit(w.scheduler, caf::exit_reason::kill);
  };
  w.run();
  w.faults->after_commit = nullptr;
  w.scheduler = nullptr;
  w.start_region();
  w.register_all();
  CHECK(w.ok(w.connect(waiting.room)).process == first.process);
}

TEST_CASE("a reserved process that lost its room while nobody looked is dropped") {
  World w{lonely()};
  const auto host = w.add_host("host-1", room_for(1));
  w.active_room();
  const auto waiting = w.ok(w.create());
  static_cast<void>(w.destroy(waiting.room));
  w.faults->after_commit = [&, before = w.faults->commits] {
    if (w.faults->commits == before + 1) caf::anon_send_exit(w.scheduler, caf::exit_reason::kill);
  };
  w.run();
  w.faults->after_commit = nullptr;
  w.scheduler = nullptr;
  w.start_region();
  w.register_all();
  CHECK(w.stored_process(*waiting.process).exit_reason == ExitReason::unneeded);
  host->capacity = room_for(3);
  w.register_host(host);
  w.advance(1s);
  CHECK_FALSE(host->was_started(*waiting.process));
}

TEST_CASE("the queue is in the same order after a restart") {
  World w{lonely()};
  w.add_host("host-1", room_for(1));
  const auto first = w.active_room();
  std::vector<domain::RoomId> waiting;
  for (int i = 0; i < 5; ++i) {
    // Ids that sort against the order in which they came.
    waiting.push_back(w.ok(w.create("room-" + std::to_string(9 - i))).room);
    w.advance(100ms);
  }
  w.restart_region();
  for (std::size_t i = 0; i < waiting.size(); ++i)
    CHECK(w.ok(w.explain(waiting[i])).queue_position == i + 1);
  w.ok(w.destroy(first.room));
  CHECK(w.ok(w.connect(waiting[0])).active);
  CHECK_FALSE(w.ok(w.connect(waiting[1])).active);
}

}  // namespace innkeeper::actors::testing
