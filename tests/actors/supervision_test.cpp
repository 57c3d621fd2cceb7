#include "tests/actors/region_fixture.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

// Rooms whose actor dies of an error.
namespace innkeeper::actors::testing {

using domain::ErrorCode;
using domain::ExitReason;
using domain::RoomStatus;

TEST_CASE("a room actor that dies is started again from what is committed, and counted") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room();
  w.ok(w.update(room.room, "config"));
  const auto before = w.room_actor_of(room.room);
  w.kill_room(room.room);
  w.step();
  CHECK(w.restarts("room") == 1);
  const auto after = w.room_actor_of(room.room);
  REQUIRE(after);
  CHECK(after != before);
  CHECK(w.ok(w.info(room.room)).config == "config");
  CHECK(w.ok(w.connect(room.room)) == room);
  w.ok(w.suspend(room.room));
  CHECK(w.ok(w.resume(room.room)).active);
  w.ok(w.destroy(room.room));
}

TEST_CASE("a room actor that dies while its room is scheduling still becomes active") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto room = w.ok(w.create());
  w.kill_room(room.room);
  w.boot(*room.process);
  w.start(*room.process);
  CHECK(w.ok(w.connect(room.room)).active);
  CHECK(w.restarts("room") == 1);
}

TEST_CASE("a waiting room whose actor dies keeps its place in the queue") {
  World w{{.rooms_per_process = 1}};
  w.add_host("host-1", room_for(1));
  const auto first = w.active_room();
  const auto second = w.ok(w.create());
  const auto third = w.ok(w.create());
  w.kill_room(second.room);
  w.step();
  CHECK(w.ok(w.explain(second.room)).queue_position == 1);
  w.ok(w.destroy(first.room));
  CHECK(w.ok(w.connect(second.room)).active);
  CHECK_FALSE(w.ok(w.connect(third.room)).active);
}

TEST_CASE("a room actor that dies with commands in flight loses nothing that was acknowledged") {
  for (const std::uint64_t seed : innkeeper::testing::test_seeds(60)) {
    INFO("INNKEEPER_TEST_SEED=" << seed);
    innkeeper::testing::Random random(seed);
    World w{{.rooms_per_process = 1}};
    w.add_host("host-1", room_for(1));
    const auto room = w.active_room("mine").room;
    const auto behind = w.ok(w.create("behind")).room;
    const auto updated = w.update(room, "new");
    const auto suspended = w.suspend(room);
    const auto resumed = w.resume(room);
    const auto destroyed = random.chance(50) ? w.destroy(room) : nullptr;
    for (auto n = random.below(20); n > 0; --n) w.run_one(random.bits());
    const auto actor = w.room_actor_of(room);  // runs what is left, unless nothing is
    if (actor) caf::anon_send_exit(actor, caf::exit_reason::unhandled_exception);
    for (auto n = random.below(6); n > 0; --n) w.run_one(random.bits());
    const auto later = w.update(room, "later");
    while (w.run_one(random.bits())) {
    }
    w.step();
    const auto done = [](const auto& reply) { return reply && reply->has_value() && reply->value(); };
    const auto record = w.stored_room(room);
    if (done(destroyed)) CHECK(record->state == domain::RoomState::destroyed);
    if (done(later)) CHECK(record->config == "later");
    if (done(updated) && !done(later) && !done(destroyed)) CHECK(record->config.has_value());
    CHECK((done(suspended) || !suspended->has_value() || !suspended->value()));
    CHECK(resumed != nullptr);
    if (record->state == domain::RoomState::allocated && record->allocations.size() == 1)
      CHECK_FALSE(w.ok(w.connect(behind)).active);
  }
}

TEST_CASE("a create whose actor dies is there or not there, and its slot with it") {
  for (const std::uint64_t seed : innkeeper::testing::test_seeds(40)) {
    INFO("INNKEEPER_TEST_SEED=" << seed);
    innkeeper::testing::Random random(seed);
    World w{{.rooms_per_process = 1}};
    w.add_host("host-1", room_for(1));
    const auto first = w.active_room();
    w.ok(w.destroy(first.room));
    const auto created = w.create_with_key("key", "digest", "mine");
    w.run_one(0);  // the scheduler takes it
    auto probed = w.request<caf::actor>(w.scheduler, probe_atom::value, domain::RoomId("mine"));
    while (!probed->has_value()) w.run_one(0);
    const auto actor = probed->value().value();
    for (auto n = random.below(5); n > 0; --n) w.run_one(random.bits());
    if (actor) caf::anon_send_exit(actor, caf::exit_reason::unhandled_exception);
    while (w.run_one(random.bits())) {
    }
    w.step();
    const auto there = w.stored_room(domain::RoomId("mine")) != nullptr;
    if (created->has_value() && created->value()) CHECK(there);
    CHECK(w.get(w.info(domain::RoomId("mine"))).has_value() == there);
    const auto again = w.ok(w.create_with_key("key", "digest", "mine"));
    CHECK(again.room.str() == "mine");
    if (!there) CHECK(again.process == first.process);
  }
}

TEST_CASE("commands for a room that is being recovered are told to come again") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room().room;
  w.kill_room(room);
  // Until the store has answered, the scheduler knows that the room cannot answer.
  std::vector<domain::Error> errors;
  for (int i = 0; i < 30; ++i) {
    const auto reply = w.destroy(domain::RoomId("nobody"));
    const auto updated = w.update(room, std::to_string(i));
    w.run_one(0);
    static_cast<void>(reply);
    if (updated->has_value() && !updated->value()) errors.push_back(updated->value().error());
  }
  w.step();
  for (const auto& error : errors) {
    CHECK(error.code == ErrorCode::overloaded);
    CHECK(error.retry_after_s > 0);
  }
  w.ok(w.update(room, "after"));
  CHECK(w.ok(w.info(room)).config == "after");
}

TEST_CASE("a process that ends while a room of it is being recovered takes the room along") {
  for (const std::uint64_t seed : innkeeper::testing::test_seeds(20)) {
    INFO("INNKEEPER_TEST_SEED=" << seed);
    innkeeper::testing::Random random(seed);
    World w;
    w.add_host("host-1", room_for(2));
    const auto room = w.active_room();
    w.kill_room(room.room);
    for (auto n = random.below(6); n > 0; --n) w.run_one(random.bits());
    const auto ended = w.begin_report(*room.process, wire::ProcessPhase::ended, ExitReason::crashed);
    while (w.run_one(random.bits())) {
    }
    w.step();
    REQUIRE(w.get(ended));
    CHECK(w.ok(w.info(room.room)).status == RoomStatus::suspended);
  }
}

TEST_CASE("a room that cannot be read again stops its region, as any failure of the store does") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room();
  w.kill_room(room.room);
  w.faults->at_load = true;
  w.run();
  CHECK(w.faults->met == 1);
  CHECK(w.error(w.create()).code == ErrorCode::unavailable);
  w.recover_store();
  CHECK(w.ok(w.connect(room.room)).active);
}

}  // namespace innkeeper::actors::testing
