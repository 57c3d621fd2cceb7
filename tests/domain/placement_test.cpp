#include "actors/domain/placement.hpp"

#include <catch2/catch.hpp>

#include "actors/domain/limits.hpp"
#include "tests/domain/aborts.hpp"

namespace innkeeper::domain {
namespace {

constexpr DeploymentKey game{1};
constexpr DeploymentKey other{2};
constexpr Resources small{.cpu_millis = 250, .memory_mb = 128, .ports = 1};
constexpr Resources big{.cpu_millis = 4000, .memory_mb = 4096, .ports = 100};
const HostName host("host-1");

ProcessId id(std::uint64_t number) { return {1, number}; }

PlacementIndex index_of(PlacementPolicy policy) {
  PlacementIndex index(policy);
  index.add_host(host, big, true);
  return index;
}

// A process of `game` on the host (or reserved) with that many of its four slots used.
void add(PlacementIndex& index, std::uint64_t number, ProcessPhase phase, std::uint32_t used = 0) {
  index.add_process(id(number), game, 4, small, phase,
                    phase == ProcessPhase::reserved ? std::nullopt : std::optional(host));
  for (std::uint32_t i = 0; i < used; ++i) index.occupy(id(number));
}

std::optional<std::uint64_t> chosen(const PlacementIndex& index,
                                    ProcessPhase least = ProcessPhase::reserved) {
  const auto choice = index.choose(game, least);
  if (!choice) return std::nullopt;
  return choice->process.lo;
}

}  // namespace

TEST_CASE("packed takes the fullest process with a free slot, spread the emptiest") {
  for (const auto policy : {PlacementPolicy::packed, PlacementPolicy::spread}) {
    auto index = index_of(policy);
    CHECK(chosen(index) == std::nullopt);
    add(index, 1, ProcessPhase::running, 1);
    add(index, 2, ProcessPhase::running, 3);
    add(index, 3, ProcessPhase::running, 0);
    add(index, 4, ProcessPhase::running, 4);
    CHECK(chosen(index) == (policy == PlacementPolicy::packed ? 2u : 3u));
    CHECK(index.check().empty());
  }
}

TEST_CASE("ties break by process id, lowest first") {
  for (const auto policy : {PlacementPolicy::packed, PlacementPolicy::spread}) {
    auto index = index_of(policy);
    for (const std::uint64_t number : {5u, 3u, 9u}) add(index, number, ProcessPhase::running, 2);
    CHECK(chosen(index) == 3u);
  }
}

TEST_CASE("running comes before starting before reserved, whatever is used") {
  for (const auto policy : {PlacementPolicy::packed, PlacementPolicy::spread}) {
    auto index = index_of(policy);
    add(index, 1, ProcessPhase::reserved, policy == PlacementPolicy::packed ? 3 : 0);
    CHECK(chosen(index) == 1u);
    add(index, 2, ProcessPhase::starting, 2);
    CHECK(chosen(index) == 2u);
    add(index, 3, ProcessPhase::running, policy == PlacementPolicy::packed ? 0 : 3);
    CHECK(chosen(index) == 3u);
    CHECK(index.choose(game)->phase == ProcessPhase::running);
    index.set_phase(id(3), ProcessPhase::closed);
    CHECK(chosen(index) == 2u);
    CHECK(chosen(index, ProcessPhase::starting) == 2u);
    CHECK(chosen(index, ProcessPhase::running) == std::nullopt);
    index.set_phase(id(2), ProcessPhase::closed);
    CHECK(chosen(index) == 1u);
    CHECK(chosen(index, ProcessPhase::starting) == std::nullopt);
    CHECK(chosen(index, ProcessPhase::closed) == std::nullopt);
    CHECK(index.check().empty());
  }
}

TEST_CASE("a drained process accepts no new room, and keeps those that it has") {
  auto index = index_of(PlacementPolicy::packed);
  add(index, 1, ProcessPhase::running, 2);
  index.set_phase(id(1), ProcessPhase::closed);
  CHECK(chosen(index) == std::nullopt);
  CHECK(index.used(id(1)) == 2);
  index.release(id(1));
  CHECK(index.used(id(1)) == 1);
  CHECK(chosen(index) == std::nullopt);
  index.occupy(id(1));  // a room that recovery finds there
  CHECK(index.used(id(1)) == 2);
  index.set_phase(id(1), ProcessPhase::running);
  CHECK(chosen(index) == 1u);
}

TEST_CASE("a full process is chosen again when a slot becomes free") {
  auto index = index_of(PlacementPolicy::packed);
  add(index, 1, ProcessPhase::running, 4);
  CHECK(chosen(index) == std::nullopt);
  index.release(id(1));
  CHECK(chosen(index) == 1u);
  index.occupy(id(1));
  CHECK(chosen(index) == std::nullopt);
}

TEST_CASE("processes of another deployment are no candidates") {
  auto index = index_of(PlacementPolicy::packed);
  index.add_process(id(1), other, 4, small, ProcessPhase::running, host);
  CHECK(chosen(index) == std::nullopt);
  CHECK(index.choose(other)->process == id(1));
  CHECK(index.slot_totals(other).free == 4);
  CHECK(index.slot_totals(game).free == 0);
}

TEST_CASE("slot totals count what is not closed") {
  auto index = index_of(PlacementPolicy::packed);
  add(index, 1, ProcessPhase::running, 1);
  add(index, 2, ProcessPhase::reserved, 3);
  CHECK(index.slot_totals(game).used == 4);
  CHECK(index.slot_totals(game).free == 4);
  index.set_phase(id(1), ProcessPhase::closed);
  CHECK(index.slot_totals(game).used == 3);
  CHECK(index.slot_totals(game).free == 1);
  index.release(id(1));
  CHECK(index.slot_totals(game).used == 3);
  index.remove_process(id(1));
  CHECK(index.slot_totals(game).free == 1);
  CHECK(index.check().empty());
}

TEST_CASE("the host with the best fit takes a new process") {
  struct Row {
    const char* name;
    Resources free;
    bool open;
  };
  const Row hosts[] = {
      {"a", {.cpu_millis = 1000, .memory_mb = 1000, .ports = 10}, true},
      {"b", {.cpu_millis = 500, .memory_mb = 1000, .ports = 10}, true},
      {"c", {.cpu_millis = 500, .memory_mb = 600, .ports = 10}, true},
      {"d", {.cpu_millis = 500, .memory_mb = 600, .ports = 10}, true},
      {"e", {.cpu_millis = 300, .memory_mb = 100, .ports = 10}, true},
      {"f", {.cpu_millis = 300, .memory_mb = 5000, .ports = 0}, true},
      {"g", {.cpu_millis = 250, .memory_mb = 5000, .ports = 10}, false},
  };
  PlacementIndex index(PlacementPolicy::packed);
  // In the reverse order, so that it is not the order of arrival that decides.
  for (auto row = std::rbegin(hosts); row != std::rend(hosts); ++row) {
    index.add_host(HostName(row->name), row->free, row->open);
  }
  const auto best = [&](const Resources& needs) {
    const auto name = index.choose_host(needs);
    return name ? name->str() : "none";
  };
  CHECK(best({.cpu_millis = 250, .memory_mb = 100, .ports = 1}) == "e");  // least CPU left
  CHECK(best({.cpu_millis = 250, .memory_mb = 101, .ports = 1}) == "c");  // f has no port
  CHECK(best({.cpu_millis = 250, .memory_mb = 101, .ports = 0}) == "f");
  CHECK(best({.cpu_millis = 500, .memory_mb = 600, .ports = 10}) == "c");  // d ties, c is lower
  CHECK(best({.cpu_millis = 500, .memory_mb = 601, .ports = 1}) == "b");
  CHECK(best({.cpu_millis = 501, .memory_mb = 1, .ports = 1}) == "a");
  CHECK(best({.cpu_millis = 1001, .memory_mb = 1, .ports = 1}) == "none");
  CHECK(best({.cpu_millis = 1, .memory_mb = 5000, .ports = 1}) == "none");  // g is not open
  index.update_host(HostName("g"), hosts[6].free, true);
  CHECK(best({.cpu_millis = 1, .memory_mb = 5000, .ports = 1}) == "g");
  CHECK(index.check().empty());
}

TEST_CASE("a process takes from its host from assignment to removal") {
  PlacementIndex index(PlacementPolicy::packed);
  const Resources capacity{.cpu_millis = 500, .memory_mb = 1000, .ports = 2};
  index.add_host(host, capacity, true);
  add(index, 1, ProcessPhase::reserved);
  CHECK(index.free_on(host) == capacity);
  CHECK(index.host_of(id(1)) == std::nullopt);

  index.assign_host(id(1), host);
  CHECK(index.host_of(id(1)) == host);
  CHECK(index.choose(game)->phase == ProcessPhase::starting);
  CHECK(index.free_on(host) == Resources{.cpu_millis = 250, .memory_mb = 872, .ports = 1});
  add(index, 2, ProcessPhase::running);
  CHECK(index.choose_host(small) == std::nullopt);

  index.set_phase(id(1), ProcessPhase::closed);
  CHECK(index.choose_host(small) == std::nullopt);
  index.remove_process(id(1));
  CHECK(index.choose_host(small) == host);
  CHECK_FALSE(index.has_process(id(1)));
  CHECK(index.check().empty());
}

TEST_CASE("a host whose capacity was lowered below what it carries has nothing free") {
  auto index = index_of(PlacementPolicy::packed);
  add(index, 1, ProcessPhase::running);
  add(index, 2, ProcessPhase::running);
  index.update_host(host, {.cpu_millis = 300, .memory_mb = 300, .ports = 5}, true);
  CHECK(index.free_on(host) == Resources{.cpu_millis = 0, .memory_mb = 44, .ports = 3});
  CHECK(index.choose_host(small) == std::nullopt);
  index.remove_process(id(1));
  CHECK(index.free_on(host) == Resources{.cpu_millis = 50, .memory_mb = 172, .ports = 4});
  index.remove_process(id(2));
  index.remove_host(host);
  CHECK_FALSE(index.has_host(host));
  CHECK(index.check().empty());
}

TEST_CASE("an explanation names each candidate and why it was not taken") {
  auto index = index_of(PlacementPolicy::packed);
  index.add_host(HostName("tight"), {.cpu_millis = 100, .memory_mb = 9999, .ports = 9}, true);
  index.add_host(HostName("forgetful"), {.cpu_millis = 300, .memory_mb = 1, .ports = 9}, true);
  index.add_host(HostName("closed-ports"), {.cpu_millis = 300, .memory_mb = 999, .ports = 0}, true);
  index.add_host(HostName("away"), big, false);
  add(index, 1, ProcessPhase::closed, 1);
  add(index, 2, ProcessPhase::reserved, 1);
  add(index, 3, ProcessPhase::starting, 1);
  add(index, 4, ProcessPhase::running, 1);
  add(index, 5, ProcessPhase::running, 2);
  add(index, 6, ProcessPhase::running, 4);

  const auto explanation = index.explain(game, small);
  CHECK(explanation.policy == PlacementPolicy::packed);
  CHECK(explanation.wanted == small);
  CHECK(explanation.processes_total == 6);
  CHECK(explanation.hosts_total == 5);
  struct ProcessRow {
    std::uint64_t number;
    ProcessPhase phase;
    std::uint32_t used;
    Verdict verdict;
  };
  const ProcessRow processes[] = {
      {5, ProcessPhase::running, 2, Verdict::chosen},
      {4, ProcessPhase::running, 1, Verdict::less_preferred},
      {3, ProcessPhase::starting, 1, Verdict::less_preferred},
      {2, ProcessPhase::reserved, 1, Verdict::less_preferred},
      {6, ProcessPhase::running, 4, Verdict::full},
      {1, ProcessPhase::closed, 1, Verdict::closed},
  };
  REQUIRE(explanation.processes.size() == std::size(processes));
  for (std::size_t i = 0; i < std::size(processes); ++i) {
    INFO("process " << i);
    CHECK(explanation.processes[i].id == id(processes[i].number));
    CHECK(explanation.processes[i].phase == processes[i].phase);
    CHECK(explanation.processes[i].used == processes[i].used);
    CHECK(explanation.processes[i].slots == 4);
    CHECK(explanation.processes[i].verdict == processes[i].verdict);
  }
  const std::pair<const char*, Verdict> hosts[] = {
      {"host-1", Verdict::less_preferred}, {"forgetful", Verdict::no_memory},
      {"closed-ports", Verdict::no_ports}, {"tight", Verdict::no_cpu},
      {"away", Verdict::host_away},
  };
  REQUIRE(explanation.hosts.size() == std::size(hosts));
  for (std::size_t i = 0; i < std::size(hosts); ++i) {
    INFO("host " << i);
    CHECK(explanation.hosts[i].name.str() == hosts[i].first);
    CHECK(explanation.hosts[i].verdict == hosts[i].second);
  }
}

TEST_CASE("an explanation without a free slot chooses a host, if one fits") {
  auto index = index_of(PlacementPolicy::spread);
  add(index, 1, ProcessPhase::running, 4);
  CHECK(index.explain(game, small).hosts.at(0).verdict == Verdict::chosen);
  index.update_host(host, big, false);
  CHECK(index.explain(game, small).hosts.at(0).verdict == Verdict::host_away);
  CHECK(index.explain(DeploymentKey{99}, small).processes.empty());
}

TEST_CASE("an explanation is bounded, and what is chosen is in it") {
  PlacementIndex index(PlacementPolicy::packed);
  // The only host that fits comes after all those with too little memory.
  for (int i = 0; i < 50; ++i) {
    index.add_host(HostName("host-" + std::to_string(i)),
                   {.cpu_millis = 1000, .memory_mb = 1, .ports = 9}, true);
  }
  index.add_host(HostName("fits"), {.cpu_millis = 2000, .memory_mb = 999, .ports = 9}, true);
  for (std::uint64_t i = 0; i < 50; ++i) add(index, i + 1, ProcessPhase::reserved, 4);
  const auto explanation = index.explain(game, small);
  CHECK(explanation.processes.size() == limits::explained_candidates);
  CHECK(explanation.processes_total == 50);
  CHECK(explanation.hosts.size() == limits::explained_candidates);
  CHECK(explanation.hosts_total == 51);
  CHECK(explanation.hosts[0].name == HostName("fits"));
  CHECK(explanation.hosts[0].verdict == Verdict::chosen);
}

TEST_CASE("an index that is moved goes on as before") {
  auto index = index_of(PlacementPolicy::packed);
  add(index, 1, ProcessPhase::running, 1);
  PlacementIndex moved(std::move(index));
  moved.occupy(id(1));
  CHECK(chosen(moved) == 1u);
  PlacementIndex assigned(PlacementPolicy::spread);
  assigned = std::move(moved);
  CHECK(assigned.used(id(1)) == 2);
  CHECK(assigned.check().empty());
}

TEST_CASE("broken invariants of the caller abort") {
  auto index = index_of(PlacementPolicy::packed);
  add(index, 1, ProcessPhase::running, 4);
  add(index, 2, ProcessPhase::running, 0);
  add(index, 3, ProcessPhase::reserved, 0);
  using testing::aborts;
  const HostName nowhere("nowhere");
  const ProcessId unknown = id(99);
  CHECK(aborts([&] { index.occupy(id(1)); }));
  CHECK(aborts([&] { index.release(id(2)); }));
  CHECK(aborts([&] { index.remove_process(id(1)); }));
  CHECK(aborts([&] { index.occupy(unknown); }));
  CHECK(aborts([&] { index.release(unknown); }));
  CHECK(aborts([&] { (void)index.used(unknown); }));
  CHECK(aborts([&] { (void)index.slots(unknown); }));
  CHECK(aborts([&] { (void)index.host_of(unknown); }));
  CHECK(aborts([&] { index.remove_process(unknown); }));
  CHECK(aborts([&] { index.set_phase(unknown, ProcessPhase::running); }));
  CHECK(aborts([&] { index.set_phase(id(3), ProcessPhase::running); }));   // it has no host
  CHECK(aborts([&] { index.set_phase(id(2), ProcessPhase::reserved); }));  // it has one
  CHECK(aborts([&] { index.assign_host(id(2), host); }));                  // it has one already
  CHECK(aborts([&] { index.assign_host(id(3), nowhere); }));
  CHECK(aborts([&] { add(index, 1, ProcessPhase::running); }));
  CHECK(aborts([&] { index.add_process(id(4), game, 0, small, ProcessPhase::running, host); }));
  CHECK(aborts([&] { index.add_process(id(4), game, 1, small, ProcessPhase::running, nowhere); }));
  CHECK(aborts(
      [&] { index.add_process(id(4), game, 1, small, ProcessPhase::running, std::nullopt); }));
  CHECK(aborts([&] { index.add_host(host, big, true); }));
  CHECK(aborts([&] { index.remove_host(host); }));  // processes are on it
  CHECK(aborts([&] { index.remove_host(nowhere); }));
  CHECK(aborts([&] { index.update_host(nowhere, big, true); }));
  CHECK(aborts([&] { (void)index.free_on(nowhere); }));
  CHECK(index.check().empty());
}

TEST_CASE("the words of placement are snake case") {
  CHECK(std::string(to_string(PlacementPolicy::packed)) == "packed");
  CHECK(std::string(to_string(PlacementPolicy::spread)) == "spread");
  const char* const verdicts[] = {"chosen", "full",      "closed",   "less_preferred",
                                  "no_cpu", "no_memory", "no_ports", "host_away"};
  for (int i = 0; i < 8; ++i) CHECK(std::string(to_string(static_cast<Verdict>(i))) == verdicts[i]);
}

}  // namespace innkeeper::domain
