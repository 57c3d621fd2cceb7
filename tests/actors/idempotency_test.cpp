#include "tests/actors/region_fixture.hpp"

namespace innkeeper::actors::testing {

using domain::ErrorCode;

TEST_CASE("the same key and body get the first answer again, and no second room") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto first = w.ok(w.create_with_key("key", "digest"));
  w.start(*first.process);
  CHECK(w.ok(w.create_with_key("key", "digest")) == first);
  w.ok(w.destroy(first.room));
  CHECK(w.ok(w.create_with_key("key", "digest")) == first);
  CHECK(w.stored().rooms.size() == 1);
}

TEST_CASE("the same key with another body is refused") {
  World w;
  w.add_host("host-1", room_for(4));
  w.ok(w.create_with_key("key", "digest"));
  const auto error = w.error(w.create_with_key("key", "another"));
  CHECK(error.code == ErrorCode::invalid);
  CHECK(error.field == "Idempotency-Key");
}

TEST_CASE("the same key of another app is another key") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto one = w.ok(w.create_with_key("key", "digest"));
  const auto other = w.ok(w.create(
      {.app = other_app, .region = seattle, .idempotency_key = "key", .request_digest = "digest"}));
  CHECK(one.room != other.room);
}

TEST_CASE("duplicates at the same time get one answer, and only after the commit") {
  for (const std::uint64_t seed : innkeeper::testing::test_seeds(10)) {
    INFO("INNKEEPER_TEST_SEED=" << seed);
    innkeeper::testing::Random random(seed);
    World w;
    w.add_host("host-1", room_for(4));
    std::vector<Reply<domain::ConnectionInfo>> replies;
    for (int i = 0; i < 8; ++i) {
      replies.push_back(w.create_with_key("key", "digest"));
      for (auto n = random.below(5); n > 0; --n) w.run_one(random.bits());
      for (const auto& reply : replies)
        if (reply->has_value()) REQUIRE(w.stored().rooms.size() == 1);
    }
    const auto odd = w.create_with_key("key", "another");
    const auto first = w.ok(replies[0]);
    for (const auto& reply : replies) CHECK(w.ok(reply) == first);
    CHECK(w.error(odd).code == ErrorCode::invalid);
    CHECK(w.stored().rooms.size() == 1);
    CHECK(w.stored().idempotency.size() == 1);
  }
}

TEST_CASE("a key keeps its answer over a restart of the scheduler") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto process = *w.active_room().process;
  const auto first = w.ok(w.create_with_key("key", "digest"));
  REQUIRE(first.active);
  w.restart_region();
  CHECK(w.ok(w.create_with_key("key", "digest")) == first);
  CHECK(w.error(w.create_with_key("key", "another")).code == ErrorCode::invalid);
  CHECK(first.process == process);
}

TEST_CASE("a key is forgotten after a day, in memory and on disk") {
  World w{{.idle_timeout_enabled = false}};
  w.add_host("host-1", room_for(4));
  const auto first = w.ok(w.create_with_key("key", "digest"));
  w.jump(23h + 59min);
  CHECK(w.ok(w.create_with_key("key", "digest")) == first);
  w.jump(2min);
  CHECK(w.stored().idempotency.empty());
  CHECK(w.ok(w.create_with_key("key", "another")).room != first.room);
}

TEST_CASE("a key whose create failed can be used again, and then lives as long as any") {
  World w{{.idle_timeout_enabled = false}};
  w.add_host("host-1", room_for(4));
  // The id is taken by a room that another region wrote, so that only the store knows.
  const store::Mutation taken{store::InsertRoom{
      .region = domain::RegionName("Elsewhere"),
      .app = app,
      .room = std::make_shared<const domain::RoomRecord>(domain::make_room(
          domain::RoomId("taken"), w.catalog->find_app(app)->latest()->key, {}, {.allocation = {1, 1}, .process = {1, 2}}, w.now()))}};
  w.ok(w.request<wire::Done>(w.store, commit_atom::value, LeasePtr{std::make_shared<Lease>()},
                             MutationPtr{std::make_shared<store::Mutation>(taken)}));
  const auto one = w.create_with_key("key", "digest", "taken");
  const auto duplicate = w.create_with_key("key", "digest", "taken");
  const auto error = w.error(one);
  CHECK(error.code == ErrorCode::refused);
  CHECK(error.field == "roomId");
  CHECK(w.error(duplicate).code == ErrorCode::overloaded);
  CHECK(w.stored().idempotency.empty());

  w.jump(12h);
  const auto second = w.ok(w.create_with_key("key", "digest", "free"));
  w.jump(13h);  // a day after the failure
  CHECK(w.ok(w.create_with_key("key", "digest", "free")) == second);
  w.jump(12h);
  CHECK(w.stored().idempotency.empty());
}

TEST_CASE("a chosen id that is taken is refused, whatever became of the room") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto room = w.active_room("chosen").room;
  const auto taken = [&] {
    const auto error = w.error(w.create("chosen"));
    CHECK(error.code == ErrorCode::refused);
    CHECK(error.field == "roomId");
    const auto other =
        w.error(w.create({.app = other_app, .region = seattle, .room = domain::RoomId("chosen")}));
    CHECK(other.code == ErrorCode::refused);
  };
  taken();
  w.ok(w.suspend(room));
  taken();
  w.restart_region();
  taken();
  w.ok(w.destroy(room));
  taken();
  w.restart_region();
  taken();
}

TEST_CASE("of many that choose the same id at once, one gets it") {
  World w;
  w.add_host("host-1", room_for(4));
  std::vector<Reply<domain::ConnectionInfo>> replies;
  for (int i = 0; i < 10; ++i) replies.push_back(w.create("chosen"));
  w.step();
  int created = 0;
  for (const auto& reply : replies) {
    REQUIRE(reply->has_value());
    if (reply->value()) ++created;
  }
  CHECK(created == 1);
}

TEST_CASE("an id that only the store knows as taken leaves no trace of the refused room") {
  World w{{.rooms_per_process = 1}};
  w.add_host("host-1", room_for(1));
  const store::Mutation taken{store::InsertRoom{
      .region = domain::RegionName("Elsewhere"),
      .app = app,
      .room = std::make_shared<const domain::RoomRecord>(domain::make_room(
          domain::RoomId("taken"), w.catalog->find_app(app)->latest()->key, {}, {.allocation = {1, 1}, .process = {1, 2}}, w.now()))}};
  w.ok(w.request<wire::Done>(w.store, commit_atom::value, LeasePtr{std::make_shared<Lease>()},
                             MutationPtr{std::make_shared<store::Mutation>(taken)}));
  const auto process = w.active_room("first").process;
  w.ok(w.destroy(domain::RoomId("first")));
  CHECK(w.error(w.create("taken")).code == ErrorCode::refused);
  CHECK(w.error(w.info(domain::RoomId("taken"))).code == ErrorCode::not_found);
  CHECK(w.ok(w.create("other")).process == process);
  // In the queue too.
  CHECK(w.error(w.create("taken")).code == ErrorCode::refused);
  const auto waits = w.ok(w.create("waits"));
  w.ok(w.destroy(domain::RoomId("other")));
  CHECK(w.ok(w.connect(waits.room)).active);
}

}  // namespace innkeeper::actors::testing
