#include "tests/actors/region_fixture.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

// The region after its scheduler or its store broke.
namespace innkeeper::actors::testing {

using domain::ErrorCode;
using domain::ExitReason;
using domain::RoomState;
using domain::RoomStatus;

namespace {

// A room, its process and its record, in each state.
struct Rooms {
  domain::ConnectionInfo active;
  domain::RoomId suspended, destroyed, scheduling, waiting;

  explicit Rooms(World& w) {
    w.add_host("host-1", room_for(2));
    active = w.active_room("active");
    w.ok(w.update(active.room, "config"));
    suspended = w.ok(w.create("suspended")).room;
    w.ok(w.suspend(suspended));
    destroyed = w.ok(w.create("destroyed")).room;
    w.ok(w.destroy(destroyed));
    scheduling = w.ok(w.create("fills")).room;
    scheduling = w.ok(w.create("scheduling")).room;
    w.ok(w.create("fills-too"));
    waiting = w.ok(w.create("waiting")).room;
  }
};

}  // namespace

TEST_CASE("a scheduler that is started again from the store knows everything that was acknowledged") {
  World w;
  const Rooms rooms(w);
  const auto host = w.hosts.at("host-1");
  const auto before = w.stored();
  const auto started = host->starts.size();
  w.restart_region();
  w.check();
  CHECK(w.ok(w.connect(rooms.active.room)).active);
  CHECK(w.ok(w.info(rooms.active.room)).config == "config");
  CHECK(w.ok(w.info(rooms.suspended)).status == RoomStatus::suspended);
  CHECK(w.ok(w.info(rooms.destroyed)).status == RoomStatus::destroyed);
  CHECK(w.ok(w.info(rooms.scheduling)).status == RoomStatus::scheduling);
  CHECK(w.ok(w.explain(rooms.waiting)).queue_position == 1);
  const auto after = w.stored();
  REQUIRE(after.rooms.size() == before.rooms.size());
  for (std::size_t i = 0; i < before.rooms.size(); ++i) CHECK(*after.rooms[i] == *before.rooms[i]);
  CHECK(after.processes == before.processes);
  CHECK(host->stops.empty());
  // The order for the process that had not booted is given again, under the new epoch.
  REQUIRE(host->starts.size() == started + 1);
  CHECK(host->starts.back().epoch == w.epoch());
  // Everything still works.
  w.ok(w.destroy(rooms.active.room));
  CHECK(w.ok(w.connect(rooms.waiting)).active);
  CHECK_FALSE(w.ok(w.resume(rooms.suspended)).active);
}

TEST_CASE("rooms of a scheduler that was replaced cannot write any more") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room();
  const auto old_actor = caf::actor_cast<room_actor>(w.room_actor_of(room.room));
  w.restart_region();
  const auto late = w.request<wire::Done>(old_actor, destroy_atom::value);
  w.step();
  REQUIRE(late->has_value());
  REQUIRE_FALSE(late->value());
  CHECK(late->value().error().code == ErrorCode::unavailable);
  CHECK(w.stored_room(room.room)->state == RoomState::allocated);
  CHECK(w.ok(w.connect(room.room)).active);
}

TEST_CASE("commands in flight when the scheduler dies are done or not done, and a success was done") {
  for (const std::uint64_t seed : innkeeper::testing::test_seeds(40)) {
    INFO("INNKEEPER_TEST_SEED=" << seed);
    innkeeper::testing::Random random(seed);
    World w;
    w.add_host("host-1", room_for(4));
    const auto one = w.active_room("one").room;
    const auto two = w.ok(w.create("two")).room;
    const auto created = w.create("three");
    const auto destroyed = w.destroy(one);
    const auto suspended = w.suspend(two);
    const auto updated = w.update(two, "new");
    for (auto n = random.below(25); n > 0; --n) w.run_one(random.bits());
    caf::anon_send_exit(w.scheduler, caf::exit_reason::unhandled_exception);
    while (w.run_one(random.bits())) {
    }
    w.scheduler = nullptr;
    w.start_region();
    w.register_all();
    w.step();
    const auto done = [](const auto& reply) { return reply->has_value() && reply->value(); };
    if (done(created)) CHECK(w.ok(w.info(domain::RoomId("three"))).room.str() == "three");
    if (done(destroyed)) CHECK(w.ok(w.info(one)).status == RoomStatus::destroyed);
    if (done(suspended)) CHECK(w.ok(w.info(two)).status == RoomStatus::suspended);
    if (done(updated)) CHECK(w.ok(w.info(two)).config == "new");
  }
}

TEST_CASE("while the store fails, changes are refused and reads go on") {
  World w;
  const Rooms rooms(w);
  w.faults->at_commit = true;
  CHECK(w.error(w.destroy(rooms.active.room)).code == ErrorCode::unavailable);
  w.faults->broken = true;
  CHECK(w.error(w.create()).code == ErrorCode::unavailable);
  CHECK(w.error(w.suspend(rooms.active.room)).code == ErrorCode::unavailable);
  CHECK(w.error(w.resume(rooms.suspended)).code == ErrorCode::unavailable);
  CHECK(w.error(w.connect(rooms.suspended)).code == ErrorCode::unavailable);
  CHECK(w.error(w.update(rooms.active.room, "x")).code == ErrorCode::unavailable);
  CHECK(w.error(w.launch()).code == ErrorCode::unavailable);
  CHECK(w.error(w.stop(*rooms.active.process)).code == ErrorCode::unavailable);
  CHECK(w.error(w.begin_report(*rooms.active.process, wire::ProcessPhase::running)).code ==
        ErrorCode::unavailable);
  CHECK_FALSE(w.error(w.create()).message.empty());
  // Reads.
  CHECK(w.ok(w.connect(rooms.active.room)).active);
  CHECK(w.ok(w.info(rooms.active.room)).status == RoomStatus::active);
  CHECK(w.ok(w.info(rooms.suspended)).status == RoomStatus::suspended);
  CHECK(w.ok(w.process(*rooms.active.process)).rooms_allocated == 2);
  CHECK(w.ok(w.rooms(*rooms.active.process)).size() == 2);
  CHECK(w.ok(w.explain(rooms.waiting)).queue_position == 1);
  CHECK_FALSE(w.ok(w.request<bool>(w.scheduler, ready_atom::value)));
  CHECK(w.metric("innkeeper_store_up") == 0);

  w.faults->broken = false;
  w.recover_store();
  CHECK(w.metric("innkeeper_store_up") == 1);
  CHECK(w.ok(w.info(rooms.active.room)).status == RoomStatus::active);
  w.ok(w.destroy(rooms.active.room));
  CHECK(w.ok(w.connect(rooms.waiting)).active);
  CHECK(w.ok(w.request<bool>(w.scheduler, ready_atom::value)));
}

TEST_CASE("a failed commit acknowledges nothing, whether or not it reached the disk") {
  for (const bool arrives : {false, true}) {
    for (const std::uint64_t seed : innkeeper::testing::test_seeds(15)) {
      INFO("INNKEEPER_TEST_SEED=" << seed << ", the failing commit arrives: " << arrives);
      innkeeper::testing::Random random(seed);
      World w;
      const Rooms rooms(w);
      w.faults->commit_arrives = arrives;
      const auto created = w.create_with_key("key", "digest", "late");
      const auto duplicate = w.create_with_key("key", "digest", "late");
      const auto destroyed = w.destroy(rooms.active.room);
      const auto resumed = w.resume(rooms.suspended);
      const auto stopped = w.stop(*rooms.active.process);
      for (auto n = random.below(8); n > 0; --n) w.run_one(random.bits());
      w.faults->at_commit = true;
      while (w.run_one(random.bits())) {
      }
      w.faults->at_commit = false;
      w.step();
      REQUIRE(w.faults->met > 0);
      w.recover_store();
      w.step();
      const auto done = [](const auto& reply) { return reply->has_value() && reply->value(); };
      if (done(created)) CHECK(w.ok(w.info(domain::RoomId("late"))).room.str() == "late");
      if (done(destroyed)) CHECK(w.ok(w.info(rooms.active.room)).status == RoomStatus::destroyed);
      if (done(stopped)) CHECK(w.ok(w.process(*rooms.active.process)).stopping_at);
      CHECK((created->has_value() && destroyed->has_value() && resumed->has_value()));
      // The key is good for exactly one room, whatever happened.
      const auto again = w.ok(w.create_with_key("key", "digest", "late"));
      CHECK(again.room.str() == "late");
      if (done(duplicate)) CHECK(again == duplicate->value().value());
    }
  }
}

TEST_CASE("a stop that cannot be recorded is not acknowledged") {
  World w;
  w.add_host("host-1", room_for(1));
  const auto room = w.active_room();
  w.faults->at_commit = true;
  const auto stopped = w.stop(*room.process);
  w.step();
  if (stopped->has_value()) CHECK_FALSE(stopped->value());
  w.recover_store();
  CHECK(w.ok(w.connect(room.room)).active);
}

TEST_CASE("whoever waits is told when the store fails under it") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room();
  w.faults->at_commit = true;
  const auto stopped = w.stop(*room.process);
  const auto launched = w.launch();
  const auto keyed = w.create_with_key("key", "digest");
  const auto repeated = w.create_with_key("key", "digest");
  CHECK(w.error(stopped).code == ErrorCode::unavailable);
  CHECK(w.error(launched).code == ErrorCode::unavailable);
  CHECK(w.error(keyed).code == ErrorCode::unavailable);
  CHECK(w.error(repeated).retry_after_s == 1);
  w.recover_store();
  w.faults->at_commit = true;
  CHECK(w.error(w.begin_report(*room.process, wire::ProcessPhase::ended, ExitReason::crashed)).code ==
        ErrorCode::unavailable);
  w.recover_store();
}

TEST_CASE("whoever waits is told when the scheduler dies, and may try again") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room();
  const auto stopped = w.stop(*room.process);
  const auto launched = w.launch();
  const auto keyed = w.create_with_key("key", "digest");
  const auto repeated = w.create_with_key("key", "digest");
  const auto ended = w.begin_report(*room.process, wire::ProcessPhase::ended, ExitReason::crashed);
  w.run_one(0);  // the scheduler takes all of them, and dies before the store has answered
  caf::anon_send_exit(w.scheduler, caf::exit_reason::unhandled_exception);
  w.scheduler = nullptr;
  w.run();
  const auto told = [](const auto& reply) {
    return reply->has_value() && !reply->value() && reply->value().error().code == ErrorCode::overloaded;
  };
  CHECK(told(stopped));
  CHECK(told(launched));
  CHECK(told(repeated));
  CHECK(told(ended));
  CHECK(keyed->has_value());
  w.start_region();
  w.register_all();
  w.step();
}

TEST_CASE("whoever waits for a room whose actor dies is told, and may try again") {
  World w;
  w.add_host("host-1", room_for(1));
  const auto room = w.ok(w.create());
  const auto waits = w.connect(room.room, 60'000);
  w.step();
  REQUIRE_FALSE(waits->has_value());
  w.kill_room(room.room);
  CHECK(w.error(waits).code == ErrorCode::overloaded);
  // And so is who waits for a change to reach the disk.
  const auto actor = w.room_actor_of(room.room);
  const auto updated = w.update(room.room, "new");
  w.run_one(0);  // the scheduler hands it on
  w.run_one(0);  // the room hands it to the store
  caf::anon_send_exit(actor, caf::exit_reason::unhandled_exception);
  w.step();
  REQUIRE(updated->has_value());
  if (!updated->value()) CHECK(updated->value().error().code == ErrorCode::overloaded);
}

TEST_CASE("an end that a host tells again is answered when it is on disk, and not before") {
  World w;
  const auto host = w.add_host("host-1", room_for(1));
  const auto room = w.active_room();
  auto ended = host->processes.at(*room.process);
  ended.phase = wire::ProcessPhase::ended;
  ended.exit_reason = ExitReason::exited;
  // The registration tells it first; its commit fails.
  host->processes[*room.process] = ended;
  const auto registered = w.begin_register(host);
  const auto told = w.request<wire::Done>(w.scheduler, report_atom::value, host->name, ended);
  w.faults->at_commit = true;
  CHECK(w.error(told).code == ErrorCode::unavailable);
  w.recover_store();
  w.ok(w.request<wire::Done>(w.scheduler, report_atom::value, host->name, ended));
  CHECK(w.stored_process(*room.process).exit_reason == ExitReason::exited);
  CHECK(registered->has_value());
}

TEST_CASE("a region loads although the store failed twice before anybody looked") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room();
  const auto outcome = w.stored().rooms.size();
  for (int i = 0; i < 3; ++i) {
    w.faults->at_load = true;
    auto read = w.request<RoomRecordPtr>(w.store, load_atom::value, room.room);
    w.run();
    REQUIRE(read->has_value());
    CHECK_FALSE(read->value());
    auto probed = w.request<std::uint64_t>(w.store, probe_atom::value);
    w.run();
    CHECK(probed->value().value() == static_cast<std::uint64_t>(i) + 1);
  }
  w.restart_region();
  CHECK(w.ok(w.create()).room != room.room);
  CHECK(w.stored().rooms.size() == outcome + 1);
}

TEST_CASE("a scheduler whose store failed cannot go on as if nothing had been") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room();
  w.faults->at_commit = true;
  CHECK(w.error(w.update(room.room, "lost")).code == ErrorCode::unavailable);
  auto probed = w.request<std::uint64_t>(w.store, probe_atom::value);
  w.run();
  REQUIRE(probed->value());
  // The store works; this scheduler's picture may not be true.
  CHECK(w.error(w.update(room.room, "new")).code == ErrorCode::unavailable);
  w.restart_region();
  w.ok(w.update(room.room, "new"));
}

}  // namespace innkeeper::actors::testing
