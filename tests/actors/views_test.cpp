#include "tests/actors/region_fixture.hpp"

// What the scheduler tells about rooms and processes.
namespace innkeeper::actors::testing {

using domain::ExitReason;
using domain::ProcessStatus;
using domain::RoomStatus;
using domain::Verdict;

namespace {

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("an explanation says where an active room is and why") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto first = w.active_room();
  auto x = w.ok(w.explain(first.room));
  CHECK(x.status == RoomStatus::active);
  CHECK(x.summary == "The room is active on process " + to_string(*first.process) + " on host host-1.");
  CHECK(says(x.placed_because, "a new one was started"));
  CHECK(x.ended_because.empty());
  CHECK(x.host == domain::HostName("host-1"));
  REQUIRE(x.process);
  CHECK(x.process->id == *first.process);
  CHECK_FALSE(x.queue_position);
  CHECK_FALSE(x.gives_up_at);
  CHECK(x.app == app);
  CHECK(x.region == seattle);
  REQUIRE(x.placement.processes.size() == 1);
  CHECK(x.placement.processes[0].verdict == Verdict::chosen);
  const auto second = w.ok(w.create());
  x = w.ok(w.explain(second.room));
  CHECK(says(x.placed_because, "was running and had a free slot"));
  CHECK(x.placement.processes[0].verdict == Verdict::full);
}

TEST_CASE("an explanation says that a process is being started") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto room = w.ok(w.create());
  const auto x = w.ok(w.explain(room.room));
  CHECK(x.status == RoomStatus::scheduling);
  CHECK(says(x.summary, "process is being started"));
  CHECK_FALSE(x.queue_position);
  const auto second = w.ok(w.create());
  CHECK(says(w.ok(w.explain(second.room)).placed_because, "was being started and had a free slot"));
}

TEST_CASE("an explanation says what a waiting room waits for, and how long it will") {
  World w{{.rooms_per_process = 1}};
  w.add_host("host-1", room_for(1));
  w.active_room();
  w.ok(w.create());
  const auto room = w.ok(w.create());
  const auto x = w.ok(w.explain(room.room));
  CHECK(x.status == RoomStatus::scheduling);
  CHECK(says(x.summary, "waits for capacity"));
  CHECK(says(x.summary, "number 2 in the queue"));
  CHECK(x.queue_position == 2);
  CHECK(x.gives_up_at == w.now() + 100s);
  CHECK(says(x.placed_because, "a process was reserved"));
  CHECK_FALSE(x.host);
  REQUIRE(x.placement.hosts.size() == 1);
  CHECK(x.placement.hosts[0].verdict == Verdict::no_cpu);
}

TEST_CASE("an explanation says that a failed start is about to be repeated, and why the last one ended") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto room = w.ok(w.create());
  w.end(*room.process, ExitReason::start_timeout);
  const auto x = w.ok(w.explain(room.room));
  CHECK(says(x.summary, "waits a moment before its process is started again"));
  CHECK(says(x.ended_because, "did not start"));
}

TEST_CASE("an explanation says why a room is no longer anywhere") {
  struct Row {
    std::function<void(World&, const domain::ConnectionInfo&)> happens;
    RoomStatus status;
    std::string because;
  };
  const Row rows[] = {
      {[](World& w, const auto& r) { w.ok(w.suspend(r.room)); }, RoomStatus::suspended, "suspended by a command"},
      {[](World& w, const auto& r) { w.ok(w.destroy(r.room)); }, RoomStatus::destroyed, "destroyed by a command"},
      {[](World& w, const auto& r) { w.end(*r.process, ExitReason::crashed); }, RoomStatus::suspended,
       "The process crashed: as the test says."},
      {[](World& w, const auto& r) { w.end(*r.process, ExitReason::exited); }, RoomStatus::destroyed,
       "The process ended by itself: as the test says."},
      {[](World& w, const auto& r) {
         w.ok(w.stop(*r.process));
         w.end(*r.process, ExitReason::ordered);
       },
       RoomStatus::destroyed, "The process was stopped by a command: as the test says."},
      {[](World& w, const auto& r) { w.ok(w.stop(*r.process)); }, RoomStatus::destroyed, "stopped by a command"},
      {[](World& w, const auto&) { w.lose(w.hosts.at("host-1")), w.jump(31s); }, RoomStatus::suspended,
       "host was lost"},
  };
  for (const auto& row : rows) {
    INFO(row.because);
    World w;
    w.add_host("host-1", room_for(2));
    const auto room = w.active_room();
    row.happens(w, room);
    const auto x = w.ok(w.explain(room.room));
    CHECK(x.status == row.status);
    CHECK(says(x.summary, row.status == RoomStatus::suspended ? "is suspended" : "is destroyed"));
    CHECK(says(x.ended_because, row.because));
    CHECK(x.placed_because.empty());
    CHECK_FALSE(x.current);
    CHECK_FALSE(x.process);
    // A suspended room would be placed again, a destroyed one never.
    CHECK(x.placement.hosts_total == (row.status == RoomStatus::suspended ? 1 : 0));
  }
}

TEST_CASE("an explanation of a room that was given up says what kept its process from starting") {
  World w{{.policy = {.start_attempts = 1}}};
  w.add_host("host-1", room_for(2));
  const auto room = w.ok(w.create());
  w.end(*room.process, ExitReason::start_timeout);
  const auto x = w.ok(w.explain(room.room));
  CHECK(x.status == RoomStatus::destroyed);
  CHECK(x.ended_because == "The process did not start: as the test says.");
  CHECK(x.placement.hosts.empty());
}

TEST_CASE("an explanation of a room that waited too long says so") {
  World w{{.timeouts = {.scheduling = 5s}}};
  const auto room = w.ok(w.create());
  w.advance(6s);
  CHECK(says(w.ok(w.explain(room.room)).ended_because, "no capacity"));
}

TEST_CASE("an explanation of a room that found a slot elsewhere says so") {
  World w{{.rooms_per_process = 1}};
  w.add_host("host-1", room_for(1));
  const auto first = w.active_room();
  const auto room = w.ok(w.create());
  w.ok(w.destroy(first.room));
  CHECK(says(w.ok(w.explain(room.room)).ended_because, "slot became free elsewhere"));
}

TEST_CASE("processes are listed newest first, filtered by status and time, at most ten") {
  World w{{.rooms_per_process = 1}};
  w.add_host("host-1", room_for(20));
  std::vector<domain::ProcessId> ids;
  std::vector<domain::Timestamp> times;
  for (int i = 0; i < 12; ++i) {
    const auto launched = w.ok(w.launch());
    ids.push_back(launched.id);
    times.push_back(launched.created_at);
    w.advance(100ms);
  }
  w.start(ids[3]);
  const auto all = w.ok(w.latest());
  REQUIRE(all.size() == 10);
  for (std::size_t i = 0; i < 10; ++i) CHECK(all[i].id == ids[11 - i]);
  CHECK(w.ok(w.count()) == 12);
  const auto running = w.ok(w.latest({.app = app, .statuses = {ProcessStatus::running}}));
  REQUIRE(running.size() == 1);
  CHECK(running[0].id == ids[3]);
  CHECK(w.ok(w.count({.app = app, .statuses = {ProcessStatus::starting, ProcessStatus::running}})) == 12);
  CHECK(w.ok(w.count({.app = app, .before = times[5]})) == 5);
  const auto earlier = w.ok(w.latest({.app = app, .before = times[5]}));
  REQUIRE(earlier.size() == 5);
  CHECK(earlier[0].id == ids[4]);
  CHECK(w.ok(w.latest({.app = other_app})).empty());
  CHECK(w.ok(w.latest({.app = domain::AppId("nobody")})).empty());
}

TEST_CASE("the rooms that were on a process and left it are listed apart from those that are on it") {
  World w;
  w.add_host("host-1", room_for(2));
  const auto stays = w.active_room();
  const auto leaves = w.ok(w.create());
  w.ok(w.suspend(leaves.room));
  auto active = w.ok(w.rooms(*stays.process));
  auto former = w.ok(w.rooms(*stays.process, false));
  REQUIRE(active.size() == 1);
  CHECK(active[0].room == stays.room);
  CHECK(active[0].status == RoomStatus::active);
  REQUIRE(former.size() == 1);
  CHECK(former[0].room == leaves.room);
  CHECK(former[0].status == RoomStatus::suspended);
  w.ok(w.resume(leaves.room));
  active = w.ok(w.rooms(*stays.process));
  CHECK(active.size() == 2);
  CHECK(w.ok(w.rooms(*stays.process, false)).empty());
  w.restart_region();
  CHECK(w.ok(w.rooms(*stays.process)).size() == 2);
  w.ok(w.suspend(leaves.room));
  w.restart_region();
  CHECK(w.ok(w.rooms(*stays.process, false)).size() == 1);
}

TEST_CASE("the gauges say what there is") {
  World w{{.rooms_per_process = 2}};
  w.add_host("host-1", room_for(2));
  const auto room = w.active_room();
  w.ok(w.suspend(w.ok(w.create()).room));
  w.ok(w.create());
  w.ok(w.create());
  w.advance(2s);
  const auto gauge = [&](const std::string& name, const std::string& label) {
    return w.metric("innkeeper_" + name + "{region=\"Seattle\",app=\"app-1\"" + label + "}");
  };
  CHECK(gauge("rooms", ",status=\"active\"") == 2);
  CHECK(gauge("rooms", ",status=\"scheduling\"") == 1);
  CHECK(gauge("rooms", ",status=\"suspended\"") == 1);
  CHECK(gauge("processes", ",status=\"running\"") == 1);
  CHECK(gauge("processes", ",status=\"starting\"") == 1);
  CHECK(gauge("rooms_created_total", "") == 4);
}

}  // namespace innkeeper::actors::testing
