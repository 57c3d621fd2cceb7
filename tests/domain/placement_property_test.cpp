#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include <catch2/catch.hpp>

#include "actors/domain/limits.hpp"
#include "actors/domain/placement.hpp"
#include "tests/support/invariants.hpp"
#include "tests/support/seeds.hpp"

// The index against a model that keeps plain lists and looks at all of them for every question.
namespace innkeeper::domain {
namespace {

struct ModelProcess {
  DeploymentKey deployment{};
  Resources needs;
  ProcessPhase phase = ProcessPhase::reserved;
  std::optional<HostName> host;
  std::uint32_t slots = 1;
  std::uint32_t used = 0;
};
struct ModelHost {
  Resources capacity;
  bool open = false;
};

struct Model {
  PlacementPolicy policy = PlacementPolicy::packed;
  std::map<ProcessId, ModelProcess> processes;
  std::map<HostName, ModelHost> hosts;

  [[nodiscard]] std::optional<ProcessId> choose(DeploymentKey deployment,
                                                ProcessPhase least) const {
    std::optional<ProcessId> best;
    for (const auto& [id, process] : processes) {
      if (process.deployment != deployment || process.phase == ProcessPhase::closed) continue;
      if (process.phase < least || process.used >= process.slots) continue;
      if (!best) {
        best = id;
        continue;
      }
      const ModelProcess& held = processes.at(*best);
      // Ids go up, so an equal one is never better.
      const bool fuller =
          policy == PlacementPolicy::packed ? process.used > held.used : process.used < held.used;
      if (process.phase > held.phase || (process.phase == held.phase && fuller)) best = id;
    }
    return best;
  }

  [[nodiscard]] Resources free_on(const HostName& name) const {
    std::int64_t cpu = hosts.at(name).capacity.cpu_millis;
    std::int64_t memory = hosts.at(name).capacity.memory_mb;
    std::int64_t ports = hosts.at(name).capacity.ports;
    for (const auto& [id, process] : processes) {
      if (process.host != name) continue;
      cpu -= process.needs.cpu_millis;
      memory -= process.needs.memory_mb;
      ports -= process.needs.ports;
    }
    const auto shown = [](std::int64_t left) {
      return static_cast<std::uint32_t>(std::max<std::int64_t>(left, 0));
    };
    return {.cpu_millis = shown(cpu), .memory_mb = shown(memory), .ports = shown(ports)};
  }

  [[nodiscard]] std::optional<HostName> choose_host(const Resources& needs) const {
    std::optional<std::tuple<std::uint32_t, std::uint32_t, HostName>> best;
    for (const auto& [name, host] : hosts) {
      const Resources free = free_on(name);
      if (!host.open || free.cpu_millis < needs.cpu_millis || free.memory_mb < needs.memory_mb ||
          free.ports < needs.ports) {
        continue;
      }
      const auto fit = std::tuple(free.cpu_millis, free.memory_mb, name);
      if (!best || fit < *best) best = fit;
    }
    if (!best) return std::nullopt;
    return std::get<2>(*best);
  }
};

class Duel {
 public:
  explicit Duel(std::uint64_t seed)
      : random_(seed),
        policy_(random_.chance(50) ? PlacementPolicy::packed : PlacementPolicy::spread),
        index_(policy_) {
    model_.policy = policy_;
  }

  void step() {
    switch (random_.below(10)) {
      case 0:
        change_host();
        break;
      case 1:
        add_process();
        break;
      case 2:
        change_phase();
        break;
      case 3:
        remove_process();
        break;
      case 4:
      case 5:
        release();
        break;
      default:
        occupy();
        break;
    }
  }

  void compare() {
    for (std::uint32_t key = 1; key <= 3; ++key) compare_deployment(DeploymentKey{key});
    for (const auto& [name, host] : model_.hosts)
      CHECK(index_.free_on(name) == model_.free_on(name));
    for (const auto& [id, process] : model_.processes) {
      CHECK(index_.has_process(id));
      CHECK(index_.used(id) == process.used);
      CHECK(index_.slots(id) == process.slots);
      CHECK(index_.used(id) <= index_.slots(id));
      CHECK(index_.host_of(id) == process.host);
    }
    CHECK(testing::as_lines(index_.check()).empty());
  }

 private:
  void compare_deployment(DeploymentKey deployment) {
    for (const auto least :
         {ProcessPhase::reserved, ProcessPhase::starting, ProcessPhase::running}) {
      const auto choice = index_.choose(deployment, least);
      const auto expected = model_.choose(deployment, least);
      REQUIRE(choice.has_value() == expected.has_value());
      if (!choice) continue;
      CHECK(choice->process == *expected);
      CHECK(choice->phase == model_.processes.at(*expected).phase);
    }
    const Resources needs = some_resources(400);
    const auto host = model_.choose_host(needs);
    CHECK(index_.choose_host(needs) == host);

    PlacementIndex::SlotTotals totals;
    std::uint32_t processes = 0;
    for (const auto& [id, process] : model_.processes) {
      if (process.deployment != deployment) continue;
      ++processes;
      if (process.phase == ProcessPhase::closed) continue;
      totals.used += process.used;
      totals.free += process.slots - process.used;
    }
    CHECK(index_.slot_totals(deployment).used == totals.used);
    CHECK(index_.slot_totals(deployment).free == totals.free);

    compare_explanation(index_.explain(deployment, needs), deployment, host, processes);
  }

  void compare_explanation(const PlacementExplanation& explanation, DeploymentKey deployment,
                           const std::optional<HostName>& host, std::uint32_t processes) {
    CHECK(explanation.processes_total == processes);
    CHECK(explanation.hosts_total == model_.hosts.size());
    CHECK(explanation.processes.size() ==
          std::min<std::size_t>(processes, limits::explained_candidates));
    CHECK(explanation.hosts.size() ==
          std::min<std::size_t>(model_.hosts.size(), limits::explained_candidates));
    const auto process = model_.choose(deployment, ProcessPhase::reserved);
    for (const ProcessCandidate& candidate : explanation.processes) {
      CHECK((candidate.verdict == Verdict::chosen) == (process == candidate.id));
    }
    if (process) CHECK(explanation.processes.at(0).id == *process);
    for (const HostCandidate& candidate : explanation.hosts) {
      CHECK((candidate.verdict == Verdict::chosen) == (!process && host == candidate.name));
      CHECK(candidate.free == model_.free_on(candidate.name));
    }
    if (host) CHECK(explanation.hosts.at(0).name == *host);
  }

  // Coarse numbers, so that hosts tie often.
  Resources some_resources(std::uint32_t cpu_max) {
    return {.cpu_millis = static_cast<std::uint32_t>(100 * (1 + random_.below(cpu_max / 100))),
            .memory_mb = static_cast<std::uint32_t>(128 * random_.below(6)),
            .ports = static_cast<std::uint32_t>(random_.below(4))};
  }

  template <class Map>
  typename Map::iterator any_of(Map& map) {
    auto at = map.begin();
    if (!map.empty()) std::advance(at, static_cast<std::ptrdiff_t>(random_.below(map.size())));
    return at;
  }

  std::optional<HostName> some_host() {
    const auto at = any_of(model_.hosts);
    if (at == model_.hosts.end()) return std::nullopt;
    return at->first;
  }

  void change_host() {
    const HostName name("host-" + std::to_string(random_.below(30)));
    const Resources capacity = some_resources(1500);
    const bool open = random_.chance(80);
    const auto found = model_.hosts.find(name);
    if (found == model_.hosts.end()) {
      index_.add_host(name, capacity, open);
      model_.hosts[name] = {.capacity = capacity, .open = open};
      return;
    }
    const bool carries = std::any_of(model_.processes.begin(), model_.processes.end(),
                                     [&](const auto& entry) { return entry.second.host == name; });
    if (!carries && random_.chance(50)) {
      index_.remove_host(name);
      model_.hosts.erase(found);
    } else {
      index_.update_host(name, capacity, open);
      found->second = {.capacity = capacity, .open = open};
    }
    CHECK(index_.has_host(name) == (model_.hosts.count(name) != 0));
  }

  void add_process() {
    const ProcessId id{random_.below(3), random_.below(1000)};
    if (model_.processes.count(id) != 0) return;
    ModelProcess process;
    process.deployment = DeploymentKey{static_cast<std::uint32_t>(1 + random_.below(3))};
    process.needs = some_resources(400);
    process.slots = static_cast<std::uint32_t>(1 + random_.below(5));
    process.host = random_.chance(70) ? some_host() : std::nullopt;
    if (process.host) {
      const ProcessPhase phases[] = {ProcessPhase::starting, ProcessPhase::running,
                                     ProcessPhase::closed};
      process.phase = phases[random_.below(3)];
    } else {
      process.phase = random_.chance(90) ? ProcessPhase::reserved : ProcessPhase::closed;
    }
    index_.add_process(id, process.deployment, process.slots, process.needs, process.phase,
                       process.host);
    model_.processes[id] = process;
  }

  void change_phase() {
    const auto at = any_of(model_.processes);
    if (at == model_.processes.end()) return;
    auto& [id, process] = *at;
    if (process.phase == ProcessPhase::reserved && random_.chance(80)) {
      const auto host = some_host();
      if (!host) return;
      index_.assign_host(id, *host);
      process.host = host;
      process.phase = ProcessPhase::starting;
      return;
    }
    const ProcessPhase with_host[] = {ProcessPhase::starting, ProcessPhase::running,
                                      ProcessPhase::closed};
    const ProcessPhase without[] = {ProcessPhase::reserved, ProcessPhase::closed};
    process.phase = process.host ? with_host[random_.below(3)] : without[random_.below(2)];
    index_.set_phase(id, process.phase);
  }

  void remove_process() {
    const auto at = any_of(model_.processes);
    if (at == model_.processes.end()) return;
    while (at->second.used > 0) {
      index_.release(at->first);
      --at->second.used;
    }
    index_.remove_process(at->first);
    CHECK_FALSE(index_.has_process(at->first));
    model_.processes.erase(at);
  }

  void occupy() {
    const auto at = any_of(model_.processes);
    if (at == model_.processes.end() || at->second.used == at->second.slots) return;
    index_.occupy(at->first);
    ++at->second.used;
  }

  void release() {
    const auto at = any_of(model_.processes);
    if (at == model_.processes.end() || at->second.used == 0) return;
    index_.release(at->first);
    --at->second.used;
  }

  testing::Random random_;
  PlacementPolicy policy_;
  PlacementIndex index_;
  Model model_;
};

}  // namespace

TEST_CASE("the placement index answers as a model that looks at everything") {
  for (const std::uint64_t seed : testing::test_seeds(60)) {
    INFO("INNKEEPER_TEST_SEED=" << seed);
    Duel duel(seed);
    for (int step = 0; step < 400; ++step) {
      INFO("step " << step);
      duel.step();
      if (step % 7 == 0 || step > 390) duel.compare();
    }
  }
}

TEST_CASE("filling a deployment with 10,000 slots a process never exceeds a slot") {
  for (const auto policy : {PlacementPolicy::packed, PlacementPolicy::spread}) {
    PlacementIndex index(policy);
    index.add_host(HostName("host-1"), {.cpu_millis = 1000, .memory_mb = 1000, .ports = 10}, true);
    const Resources needs{.cpu_millis = 1, .memory_mb = 1, .ports = 1};
    for (std::uint64_t i = 1; i <= 3; ++i) {
      index.add_process({1, i}, DeploymentKey{1}, limits::rooms_per_process, needs,
                        ProcessPhase::running, HostName("host-1"));
    }
    std::uint64_t placed = 0;
    while (const auto choice = index.choose(DeploymentKey{1})) {
      index.occupy(choice->process);
      ++placed;
    }
    CHECK(placed == 3 * limits::rooms_per_process);
    CHECK(index.slot_totals(DeploymentKey{1}).free == 0);
    CHECK(index.check().empty());
  }
}

}  // namespace innkeeper::domain
