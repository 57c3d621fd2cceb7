#include "tests/actors/region_fixture.hpp"

// What is kept, for how long, and at what price.
namespace innkeeper::actors::testing {

using domain::ErrorCode;
using domain::ExitReason;
using domain::RoomStatus;

TEST_CASE("a room that nobody needs has no actor, and the next command wakes it") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room().room;
  CHECK(w.room_actor_of(room));
  w.ok(w.suspend(room));
  CHECK_FALSE(w.room_actor_of(room));
  w.ok(w.info(room));
  w.ok(w.suspend(room));
  CHECK_FALSE(w.room_actor_of(room));
  w.ok(w.update(room, "asleep"));
  CHECK_FALSE(w.room_actor_of(room));
  CHECK(w.ok(w.info(room)).config == "asleep");
  w.ok(w.resume(room));
  CHECK(w.room_actor_of(room));
  w.ok(w.suspend(room));
  w.ok(w.connect(room));
  CHECK(w.room_actor_of(room));
  w.ok(w.destroy(room));
  CHECK_FALSE(w.room_actor_of(room));
}

TEST_CASE("after a restart only rooms that are somewhere have an actor") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto active = w.active_room("active").room;
  const auto suspended = w.ok(w.create("suspended")).room;
  w.ok(w.suspend(suspended));
  const auto destroyed = w.ok(w.create("destroyed")).room;
  w.ok(w.destroy(destroyed));
  w.restart_region();
  CHECK(w.room_actor_of(active));
  CHECK_FALSE(w.room_actor_of(suspended));
  CHECK_FALSE(w.room_actor_of(destroyed));
  w.jump(1s);
  CHECK(w.metric("innkeeper_room_actors{region=\"Seattle\"}") == 1);
}

TEST_CASE("a destroyed room is kept for the retention time, then its id is free") {
  World w{{.policy = {.destroyed_retention = 10h}, .idle_timeout_enabled = false}};
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room("chosen").room;
  w.ok(w.destroy(room));
  w.jump(10h - 1s);
  CHECK(w.ok(w.info(room)).status == RoomStatus::destroyed);
  CHECK(w.error(w.create("chosen")).code == ErrorCode::refused);
  w.jump(2s);
  CHECK(w.error(w.info(room)).code == ErrorCode::not_found);
  CHECK_FALSE(w.stored_room(room));
  CHECK(w.ok(w.create("chosen")).active);
  CHECK(w.ok(w.info(room)).allocations.size() == 1);
}

TEST_CASE("retention goes on over a restart") {
  World w{{.policy = {.destroyed_retention = 10h}, .idle_timeout_enabled = false}};
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room("chosen");
  w.ok(w.destroy(room.room));
  w.ok(w.stop(*room.process));
  w.end(*room.process, ExitReason::exited);
  w.jump(6h);
  w.restart_region();
  w.jump(3h);
  CHECK(w.ok(w.info(room.room)).status == RoomStatus::destroyed);
  w.jump(1h + 1s);
  CHECK(w.error(w.info(room.room)).code == ErrorCode::not_found);
  w.advance(1s);
  CHECK(w.error(w.process(*room.process)).code == ErrorCode::not_found);
  CHECK(w.stored().processes.empty());
  CHECK(w.stored().rooms.empty());
}

TEST_CASE("many destroyed rooms are purged in batches") {
  World w{{.policy = {.destroyed_retention = 10h}, .rooms_per_process = 2000, .idle_timeout_enabled = false}};
  w.add_host("host-1", room_for(1));
  w.active_room("stays");
  std::vector<Reply<wire::Done>> gone;
  for (int i = 0; i < 1200; ++i) static_cast<void>(w.create("r" + std::to_string(i)));
  w.run();
  for (int i = 0; i < 1200; ++i) gone.push_back(w.destroy(domain::RoomId("r" + std::to_string(i))));
  w.step();
  for (const auto& reply : gone) REQUIRE(reply->value());
  const auto commits = w.faults->commits;
  w.jump(10h + 1s);
  CHECK(w.stored().rooms.size() == 701);
  w.advance(300ms);
  CHECK(w.stored().rooms.size() == 1);
  CHECK(w.faults->commits == commits + 3);
}

TEST_CASE("an ended process is kept as long as a room, with those that were on it") {
  World w{{.policy = {.destroyed_retention = 10h}}};
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room();
  w.end(*room.process, ExitReason::crashed);
  w.jump(9h);
  CHECK(w.ok(w.process(*room.process)).terminated_at);
  CHECK(w.ok(w.rooms(*room.process, false)).size() == 1);
  w.jump(2h);
  CHECK(w.error(w.process(*room.process)).code == ErrorCode::not_found);
  // The suspended room outlives it.
  CHECK(w.ok(w.info(room.room)).status == RoomStatus::suspended);
  CHECK(w.ok(w.info(room.room)).allocations.size() == 1);
  w.ok(w.destroy(room.room));
  w.jump(11h);
  CHECK(w.error(w.info(room.room)).code == ErrorCode::not_found);
}

TEST_CASE("a purge that the store refuses loses nothing") {
  World w{{.policy = {.destroyed_retention = 10h}, .idle_timeout_enabled = false}};
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room().room;
  w.ok(w.destroy(room));
  w.faults->at_commit = true;
  w.jump(11h);
  CHECK(w.ok(w.info(room)).status == RoomStatus::destroyed);
  w.recover_store();
  w.advance(200ms);
  CHECK(w.error(w.info(room)).code == ErrorCode::not_found);
}

}  // namespace innkeeper::actors::testing
