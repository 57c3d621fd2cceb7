#include "metrics/log.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "tests/actors/region_fixture.hpp"

// What the actors of a region write into the log, and how often.
namespace innkeeper::actors::testing {
namespace {

// Keeps the lines of a world, which must outlive this.
class Lines {
 public:
  explicit Lines(World&) {
    log::set_level(log::Level::debug);
    log::set_sink([this](std::string_view line) { lines_.emplace_back(line); });
  }
  ~Lines() {
    log::set_level(log::Level::error);
    log::set_sink([](std::string_view) {});
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  [[nodiscard]] std::ptrdiff_t count(const std::string& part) const {
    return std::count_if(lines_.begin(), lines_.end(),
                         [&](const auto& line) { return line.find(part) != std::string::npos; });
  }

 private:
  std::vector<std::string> lines_;
};

Reply<std::uint64_t> probe(World& w) {
  return w.request<std::uint64_t>(w.store, probe_atom::value);
}

}  // namespace

TEST_CASE("the life of a room is told at level debug") {
  World w{{.policy = {.destroyed_retention = 1h}}};
  const Lines lines{w};
  w.add_host("host-1", room_for(2));
  w.active_room("mine");
  CHECK(lines.count(" debug room.created region=Seattle app=app-1 room=mine") == 1);
  w.ok(w.destroy(domain::RoomId("mine")));
  CHECK(lines.count(" debug room.destroyed region=Seattle app=app-1 room=mine reason=destroyed") ==
        1);
  w.jump(2h);
  CHECK(lines.count(" debug store.purged region=Seattle rooms=1 ") == 1);
}

TEST_CASE("a store that fails is told of once, and once more when it works again") {
  World w;
  const Lines lines{w};
  w.add_host("host-1", room_for(2));
  w.faults->broken = true;
  CHECK_FALSE(w.get(w.create()));
  for (int i = 0; i < 5; ++i) CHECK_FALSE(w.get(probe(w)));
  CHECK(lines.count("store.commit_failed reason=\"the disk is broken\"") == 1);
  CHECK(lines.count(" store.") == 1);
  w.faults->broken = false;
  CHECK(w.get(probe(w)));
  CHECK(lines.count("store.recovered") == 1);
  w.faults->broken = true;
  CHECK_FALSE(w.get(w.create()));
  CHECK(lines.count("store.commit_failed") == 1);  // nobody may write before the region was loaded
  w.faults->broken = false;
  w.recover_store();
  w.faults->broken = true;
  CHECK_FALSE(w.get(w.create()));
  CHECK(lines.count("store.commit_failed") == 2);
  w.faults->broken = false;
  w.recover_store();
}

TEST_CASE("a region that cannot be read is told of once, and the store recovers with it") {
  World w;
  const Lines lines{w};
  w.kill_region();
  const auto load = [&](std::uint64_t epoch) {
    return w.request<SnapshotPtr>(
        w.store, load_atom::value,
        LeasePtr{std::make_shared<Lease>(Lease{.region = seattle, .epoch = epoch})});
  };
  for (std::uint64_t epoch = 10; epoch < 13; ++epoch) {
    w.faults->at_load = true;
    CHECK(w.error(load(epoch)).message == "the disk is broken");
    CHECK(w.get(probe(w)));
  }
  CHECK(lines.count("store.read_failed part=\"region Seattle\" reason=\"the disk is broken\"") ==
        1);
  CHECK(lines.count("store.recovered") == 0);
  CHECK(w.get(load(20)));
  CHECK(lines.count("store.recovered") == 1);
}

TEST_CASE("a slow commit is told of") {
  World w;
  const Lines lines{w};
  w.add_host("host-1", room_for(2));
  const auto check =
      std::exchange(w.faults->after_commit, [] { std::this_thread::sleep_for(550ms); });
  w.ok(w.create());
  w.faults->after_commit = check;
  CHECK(lines.count(" warning store.slow_commit ms=5") >= 1);
}

}  // namespace innkeeper::actors::testing
