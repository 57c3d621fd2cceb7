#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/actors/region_fixture.hpp"
#include "tests/actors/simulation/ledger.hpp"

namespace innkeeper::actors::testing {

// The hosts of a simulation and the processes that run on them. They do what the real host does (actors/host_actor):
// they obey the highest epoch that they have seen, keep each end until its report is answered, and list
// everything when they register. What happens to a process, and when, is chance.
class SimulatedHosts {
 public:
  using Say = std::function<void(std::string)>;  // writes down what happened
  SimulatedHosts(World& world, innkeeper::testing::Random& random, Ledger& ledger, Say say);

  void add(std::string name, std::uint32_t processes);

  // Reads orders and answers that have come.
  void obey();
  // Something happens to one process of one host, if there is any. False when there is nothing to happen.
  bool live();
  // Brings every process where it was going: started ones run, stopped ones have ended and said so.
  void finish();

  // There is a new scheduler: those who are there register with it.
  void attach_all();
  // A host that nobody can reach, and perhaps its processes gone with it; and one that is back.
  void lose_one();
  void return_one();
  void return_all();

  // One sentence for each process that is here or on disk and should be in both places. Precondition:
  // nothing is under way.
  [[nodiscard]] std::vector<std::string> leaks(const store::RegionSnapshot& stored) const;

 private:
  struct Host {
    FakeHostPtr fake;
    Reply<wire::HostAccepted> registering;
    bool registered = false;
    std::uint64_t epoch = 0;  // the highest that was seen
    std::size_t starts_read = 0, stops_read = 0;
    std::set<domain::ProcessId> stopping;
    std::set<domain::ProcessId> ended;  // and the scheduler knows
    std::map<domain::ProcessId, Reply<wire::Done>> ends;  // reports without an answer yet
  };

  void read_orders(Host& host);
  void read_answers(Host& host);
  void attach(Host& host);
  void report(Host& host, const wire::ProcessReport& report);
  void end(Host& host, wire::ProcessReport& report, domain::ExitReason reason);
  void advance(Host& host, wire::ProcessReport& report);

  World& world_;
  innkeeper::testing::Random& random_;
  Ledger& ledger_;
  Say say_;
  std::vector<Host> hosts_;
};

}  // namespace innkeeper::actors::testing
