#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/actors/region_fixture.hpp"
#include "tests/actors/simulation/hosts.hpp"
#include "tests/actors/simulation/ledger.hpp"

namespace innkeeper::actors::testing {

// What a run came to.
struct SimulationReport {
  std::uint64_t seed = 0;
  std::vector<std::string> broken;    // the first sentences of the checkers that found something; empty: all is well
  std::vector<std::string> schedule;  // what happened, in order
  std::size_t acknowledged = 0;       // changes of rooms
  std::size_t crashes = 0;
  std::size_t torn_batches = 0;  // crashes while requests had no answer yet
  std::size_t store_failures = 0;
  // The sentences, the seed that brings them back, and the schedule.
  [[nodiscard]] std::string text() const;
};

// One region, its clients, hosts and faults, all from one seed: the same seed gives the same run. Commands,
// what happens to processes, time, failures of the store, deaths of actors and crashes of the node come in
// any order, with any order of messages between them. Whenever no message is left, the invariants, the
// answers of the scheduler and the ledger of what was acknowledged must hold.
class Simulation {
 public:
  explicit Simulation(std::uint64_t seed);

  // So many steps, then everything heals, comes to rest and is checked once more. Ends at the first break.
  SimulationReport run(std::size_t steps);
  // Called between steps, with the number of the step; for planting a violation.
  std::function<void(World&, std::size_t)> between_steps;

 private:
  static Options options_for(std::uint64_t seed);

  void step();
  void act();
  void some_messages(std::uint64_t most);
  void drain();
  void check();
  void say(std::string what) { report_.schedule.push_back(std::move(what)); }

  // Of clients.
  void create();
  void create_again();
  void command_room();
  void stop_process();
  void launch();
  // Of the world.
  void let_time_pass();
  void kill_room();
  void kill_scheduler();
  void crash();
  void break_store();
  void mend_store();
  void come_to_rest();

  innkeeper::testing::Random random_;
  World world_;
  Ledger ledger_;
  SimulatedHosts hosts_;
  SimulationReport report_;
  std::vector<domain::CreateRoom> creates_;  // that can be repeated: with a key or a chosen id
  std::uint64_t created_ = 0;
  std::uint64_t updates_ = 0;
  std::size_t store_mended_in_ = 0;  // steps; 0: it works, as far as the simulation knows
};

}  // namespace innkeeper::actors::testing
