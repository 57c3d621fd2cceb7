#include "tests/actors/region_fixture.hpp"

#include "actors/domain/limits.hpp"

// Commands that meet each other. Each case runs under many orders of the messages.
namespace innkeeper::actors::testing {

using domain::ErrorCode;
using domain::ExitReason;
using domain::RoomState;
using domain::RoomStatus;

namespace {

// Runs `test` with a fresh world and an order of messages for each of several seeds; `shuffle` runs a few
// messages, `finish` all that are left.
template <class Test>
void in_many_orders(const Options& options, Test test) {
  for (const std::uint64_t seed : innkeeper::testing::test_seeds(25)) {
    INFO("INNKEEPER_TEST_SEED=" << seed);
    innkeeper::testing::Random random(seed);
    World w{options};
    const auto shuffle = [&] {
      for (auto n = random.below(10); n > 0; --n) w.run_one(random.bits());
    };
    const auto finish = [&] {
      while (w.run_one(random.bits())) {
      }
      w.step();
    };
    test(w, shuffle, finish);
  }
}

}  // namespace

TEST_CASE("two resumes at once bring one allocation") {
  in_many_orders({}, [](World& w, auto shuffle, auto finish) {
    w.add_host("host-1", room_for(4));
    const auto room = w.active_room().room;
    w.ok(w.suspend(room));
    const auto one = w.resume(room);
    shuffle();
    const auto two = w.resume(room);
    finish();
    CHECK(w.ok(one) == w.ok(two));
    CHECK(w.stored_room(room)->allocations.size() == 2);
    CHECK(w.ok(w.process(*w.ok(one).process)).rooms_allocated == 1);
  });
}

TEST_CASE("suspend and resume in flight at once leave the room in one of both states, with its slots in order") {
  in_many_orders({.rooms_per_process = 1}, [](World& w, auto shuffle, auto finish) {
    w.add_host("host-1", room_for(1));
    const auto room = w.active_room().room;
    std::vector<Reply<wire::Done>> suspended;
    std::vector<Reply<domain::ConnectionInfo>> resumed;
    for (int i = 0; i < 3; ++i) {
      suspended.push_back(w.suspend(room));
      shuffle();
      resumed.push_back(w.resume(room));
      shuffle();
    }
    finish();
    for (const auto& reply : suspended) REQUIRE(w.get(reply));
    for (const auto& reply : resumed) REQUIRE(w.get(reply));
    CHECK(w.stored_room(room)->state != RoomState::destroyed);
    // The one slot is used exactly when the room is allocated.
    const auto other = w.ok(w.create());
    CHECK(other.active == (w.ok(w.info(room)).status == RoomStatus::suspended));
  });
}

TEST_CASE("connection info during a suspend resumes the room or says that it is suspended") {
  for (const bool resumes : {true, false}) {
    in_many_orders({.policy = {.connection_info_resumes = resumes}},
                   [resumes](World& w, auto shuffle, auto finish) {
                     w.add_host("host-1", room_for(4));
                     const auto room = w.active_room().room;
                     const auto suspended = w.suspend(room);
                     shuffle();
                     const auto connected = w.connect(room);
                     finish();
                     REQUIRE(w.get(suspended));
                     const auto info = w.get(connected);
                     if (resumes) {
                       REQUIRE(info);
                       CHECK(info->active);
                       CHECK(w.ok(w.info(room)).status == RoomStatus::active);
                     } else {
                       CHECK(w.ok(w.info(room)).status == RoomStatus::suspended);
                       if (!info) CHECK(info.error().code == ErrorCode::refused);
                     }
                   });
  }
}

TEST_CASE("a room that is destroyed while it moves to a free slot is gone, and the slot goes to the next") {
  in_many_orders({.rooms_per_process = 1}, [](World& w, auto shuffle, auto finish) {
    w.add_host("host-1", room_for(1));
    const auto first = w.active_room();
    const auto moves = w.ok(w.create());
    const auto next = w.ok(w.create());
    const auto left = w.destroy(first.room);
    shuffle();
    const auto destroyed = w.destroy(moves.room);
    finish();
    REQUIRE(w.get(left));
    REQUIRE(w.get(destroyed));
    CHECK(w.ok(w.info(moves.room)).status == RoomStatus::destroyed);
    CHECK(w.ok(w.connect(next.room)).active);
  });
}

TEST_CASE("a room that is suspended while it moves to a free slot is suspended") {
  in_many_orders({.rooms_per_process = 1}, [](World& w, auto shuffle, auto finish) {
    w.add_host("host-1", room_for(1));
    const auto first = w.active_room();
    const auto moves = w.ok(w.create());
    const auto next = w.ok(w.create());
    const auto left = w.destroy(first.room);
    shuffle();
    const auto suspended = w.suspend(moves.room);
    finish();
    REQUIRE(w.get(left));
    REQUIRE(w.get(suspended));
    CHECK(w.ok(w.info(moves.room)).status == RoomStatus::suspended);
    CHECK(w.ok(w.connect(next.room)).active);
  });
}

TEST_CASE("a process that ends while rooms come to it, leave it and are stopped with it leaves nothing behind") {
  for (const auto reason : {ExitReason::crashed, ExitReason::exited}) {
    in_many_orders({.rooms_per_process = 3}, [reason](World& w, auto shuffle, auto finish) {
      w.add_host("host-1", room_for(2));
      const auto one = w.active_room("one");
      const auto two = w.ok(w.create("two"));
      const auto three = w.create("three");
      shuffle();
      const auto destroyed = w.destroy(two.room);
      shuffle();
      const auto ended = w.begin_report(*one.process, wire::ProcessPhase::ended, reason);
      shuffle();
      const auto four = w.create("four");
      shuffle();
      const auto stopped = w.stop(*one.process);
      finish();
      CHECK(w.ok(w.process(*one.process)).rooms_allocated == 0);
      CHECK(w.ok(w.info(two.room)).status == RoomStatus::destroyed);
      REQUIRE(w.get(three));
      REQUIRE(w.get(four));
      REQUIRE(w.get(stopped));
      REQUIRE(w.get(ended));
      CHECK(destroyed->has_value());
    });
  }
}

TEST_CASE("a process that starts running while rooms come and move makes all of them active") {
  in_many_orders({.rooms_per_process = 3}, [](World& w, auto shuffle, auto finish) {
    w.add_host("host-1", room_for(1));
    const auto one = w.ok(w.create());
    const auto waits = w.connect(one.room, 60'000);
    w.boot(*one.process);
    const auto ran = w.begin_report(*one.process, wire::ProcessPhase::running);
    shuffle();
    const auto two = w.create();
    shuffle();
    const auto suspended = w.suspend(one.room);
    shuffle();
    const auto resumed = w.resume(one.room);
    finish();
    REQUIRE(w.get(ran));
    REQUIRE(w.get(suspended));
    REQUIRE(w.get(resumed));
    CHECK(waits->has_value());
    CHECK(w.ok(w.connect(w.ok(two).room)).active);
    CHECK(w.ok(w.connect(one.room)).active);
  });
}

TEST_CASE("a create that asks about its room before it is answered gets an answer each time") {
  in_many_orders({}, [](World& w, auto shuffle, auto finish) {
    w.add_host("host-1", room_for(1));
    const auto id = domain::RoomId("mine");
    const auto created = w.create(id.str());
    shuffle();
    const auto info = w.info(id);
    const auto connected = w.connect(id);
    shuffle();
    const auto suspended = w.suspend(id);
    const auto destroyed = w.destroy(id);
    finish();
    REQUIRE(w.get(created));
    REQUIRE(w.get(suspended));
    REQUIRE(w.get(destroyed));
    CHECK(info->has_value());
    CHECK(connected->has_value());
    CHECK(w.ok(w.info(id)).status == RoomStatus::destroyed);
  });
}

TEST_CASE("many who wait for a room are all answered when it is active") {
  World w;
  w.add_host("host-1", room_for(1));
  const auto room = w.ok(w.create());
  std::vector<Reply<domain::ConnectionInfo>> waiters;
  for (int i = 0; i < 2000; ++i) waiters.push_back(w.connect(room.room, 60'000));
  w.step();
  for (const auto& waiter : waiters) REQUIRE_FALSE(waiter->has_value());
  CHECK_FALSE(w.ok(w.connect(room.room)).active);  // without waiting
  w.start(*room.process);
  for (const auto& waiter : waiters) {
    REQUIRE(waiter->has_value());
    REQUIRE(waiter->value());
    CHECK(waiter->value()->active);
  }
}

TEST_CASE("who waits for a room that is destroyed or suspended is told so") {
  World w;
  w.add_host("host-1", room_for(1));
  const auto one = w.ok(w.create());
  const auto two = w.ok(w.create());
  const auto waits_for_one = w.connect(one.room, 60'000);
  const auto waits_for_two = w.connect(two.room, 60'000);
  w.step();
  w.ok(w.destroy(one.room));
  CHECK(w.error(waits_for_one).code == ErrorCode::not_found);
  w.ok(w.suspend(two.room));
  // Its next question schedules the room again, as the policy is.
  CHECK_FALSE(w.ok(waits_for_two).active);
}

TEST_CASE("who waits for a room stays with it when it moves") {
  World w{{.rooms_per_process = 1}};
  w.add_host("host-1", room_for(1));
  const auto first = w.active_room();
  const auto room = w.ok(w.create());
  const auto waits = w.connect(room.room, 60'000);
  w.step();
  CHECK_FALSE(waits->has_value());
  w.ok(w.destroy(first.room));
  CHECK(w.ok(waits).active);
  CHECK(w.ok(waits).process == first.process);
}

TEST_CASE("a room has a bound on those who wait for it, and those who gave up make place") {
  World w{{.timeouts = {.scheduling = 1h}}};
  w.add_host("host-1", room_for(1));
  const auto room = w.ok(w.create()).room;
  std::vector<Reply<domain::ConnectionInfo>> waiters;
  for (std::size_t i = 0; i < domain::limits::waiters_per_room; ++i)
    waiters.push_back(w.connect(room, 1'000));
  w.run();
  const auto refused = w.error(w.connect(room, 1'000));
  CHECK(refused.code == ErrorCode::overloaded);
  CHECK(refused.retry_after_s > 0);
  w.jump(2s);
  const auto later = w.connect(room, 1'000);
  w.run();
  CHECK_FALSE(later->has_value());
}

}  // namespace innkeeper::actors::testing
