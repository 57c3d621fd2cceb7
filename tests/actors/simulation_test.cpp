#include "tests/actors/simulation/simulation.hpp"

#include <cstdlib>

#include "actors/domain/room.hpp"
#include "tests/store/support/checks.hpp"
#include "tests/support/seeds.hpp"

// A region with its clients, hosts and faults, from seeds. INNKEEPER_SEED in the environment replays one.
namespace innkeeper::actors::testing {

TEST_CASE("whatever happens in whatever order, what was acknowledged is there and the invariants hold") {
  std::size_t acknowledged = 0, crashes = 0, torn_batches = 0, store_failures = 0;
  for (const std::uint64_t seed : innkeeper::testing::test_seeds(8, "INNKEEPER_SEED")) {
    const auto report = Simulation(seed).run(250);
    INFO(report.text());
    REQUIRE(report.broken.empty());
    acknowledged += report.acknowledged;
    crashes += report.crashes;
    torn_batches += report.torn_batches;
    store_failures += report.store_failures;
  }
  if (std::getenv("INNKEEPER_SEED") != nullptr) return;
  // Runs in which nothing happens show nothing.
  CHECK(acknowledged > 100);
  CHECK(crashes > 0);
  CHECK(torn_batches > 0);
  CHECK(store_failures > 0);
}

namespace {

// One room more than fits, on some process that has not ended, behind everybody's back.
void overfill_a_process(World& w) {
  const auto stored = w.stored();
  for (const auto& process : stored.processes) {
    if (domain::is_final(process.status)) continue;
    std::vector<store::Mutation> mutations;
    for (std::uint64_t i = 0; i <= w.options.rooms_per_process; ++i) {
      const domain::Placement placement{.allocation = domain::AllocationId{7, i + 1}, .process = process.id};
      const auto room = domain::make_room(domain::RoomId("planted-" + std::to_string(i)), process.deployment, {},
                                          placement, w.now());
      mutations.push_back({store::InsertRoom{
          .region = seattle, .app = app, .room = std::make_shared<const domain::RoomRecord>(room)}});
    }
    store::testing::commit_all(*w.faults->healthy, mutations);
    return;
  }
}

}  // namespace

TEST_CASE("the simulation finds a store that forgets what it said it had committed") {
  Simulation simulation(1);
  simulation.between_steps = [](World& w, std::size_t step) { w.faults->lies = step >= 40; };
  const auto report = simulation.run(200);
  REQUIRE_FALSE(report.broken.empty());
  CHECK(report.schedule.size() > 40);
  CHECK(report.text().find("acknowledged") != std::string::npos);
  CHECK(report.text().find("INNKEEPER_SEED=1\n") != std::string::npos);
}

TEST_CASE("the simulation finds a process with more rooms than slots") {
  Simulation simulation(1);
  bool planted = false;
  simulation.between_steps = [&](World& w, std::size_t step) {
    if (step >= 40 && !std::exchange(planted, true)) overfill_a_process(w);
  };
  const auto report = simulation.run(200);
  REQUIRE_FALSE(report.broken.empty());
  CHECK(report.text().find(" slots.") != std::string::npos);
  CHECK(report.text().find("nobody can have created") != std::string::npos);
}

TEST_CASE("the same seed gives the same run") {
  const auto one = Simulation(3).run(60);
  const auto two = Simulation(3).run(60);
  CHECK(one.schedule == two.schedule);
  CHECK(one.acknowledged == two.acknowledged);
}

}  // namespace innkeeper::actors::testing
