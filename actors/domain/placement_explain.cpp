#include <algorithm>

#include "actors/domain/limits.hpp"
#include "actors/domain/placement.hpp"
#include "actors/domain/placement_state.hpp"

namespace innkeeper::domain {

const char* to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::chosen:
      return "chosen";
    case Verdict::full:
      return "full";
    case Verdict::closed:
      return "closed";
    case Verdict::less_preferred:
      return "less_preferred";
    case Verdict::no_cpu:
      return "no_cpu";
    case Verdict::no_memory:
      return "no_memory";
    case Verdict::no_ports:
      return "no_ports";
    case Verdict::host_away:
      return "host_away";
  }
  return "unknown";
}

PlacementExplanation PlacementIndex::explain(DeploymentKey deployment,
                                             const Resources& needs) const {
  using Group = State::Group;
  PlacementExplanation explanation;
  explanation.policy = state_->policy;
  explanation.wanted = needs;

  bool chosen = false;
  if (const State::DeploymentGroups* groups = state_->deployment(deployment)) {
    explanation.processes_total = static_cast<std::uint32_t>(groups->processes);
    for (const Group group :
         {Group::running, Group::starting, Group::reserved, Group::full, Group::closed}) {
      for (const State::Entry& entry : (*groups)[group]) {
        if (explanation.processes.size() == limits::explained_candidates) break;
        const State::Process& process = *entry.process;
        Verdict verdict = Verdict::less_preferred;
        if (group == Group::full) verdict = Verdict::full;
        if (group == Group::closed) verdict = Verdict::closed;
        if (verdict == Verdict::less_preferred && !chosen) {
          verdict = Verdict::chosen;
          chosen = true;
        }
        explanation.processes.push_back({.id = process.id,
                                         .phase = process.phase,
                                         .used = process.used,
                                         .slots = process.slots,
                                         .verdict = verdict});
      }
    }
  }

  // Hosts: those with enough CPU as best fit orders them, the best one first even if others were
  // passed over for it, then those that miss least CPU, then those that are away.
  explanation.hosts_total = static_cast<std::uint32_t>(state_->hosts.size());
  const auto add = [&](const State::Host& host, Verdict verdict) {
    if (explanation.hosts.size() == limits::explained_candidates) return false;
    explanation.hosts.push_back({.name = host.name, .free = host.free(), .verdict = verdict});
    return true;
  };
  const State::Host* best = state_->best_host(needs);
  if (best != nullptr) add(*best, chosen ? Verdict::less_preferred : Verdict::chosen);
  const auto enough = state_->open_hosts.lower_bound(
      {.free_cpu_millis = needs.cpu_millis, .free_memory_mb = 0, .host = nullptr});
  for (auto at = enough; at != state_->open_hosts.end(); ++at) {
    if (at->host == best) continue;
    const Resources free = at->host->free();
    Verdict verdict = Verdict::less_preferred;
    if (free.memory_mb < needs.memory_mb) {
      verdict = Verdict::no_memory;
    } else if (free.ports < needs.ports) {
      verdict = Verdict::no_ports;
    }
    if (!add(*at->host, verdict)) break;
  }
  for (auto at = enough; at != state_->open_hosts.begin();) {
    --at;
    if (!add(*at->host, Verdict::no_cpu)) break;
  }
  for (const State::HostEntry& entry : state_->away_hosts) {
    if (!add(*entry.host, Verdict::host_away)) break;
  }
  return explanation;
}

std::vector<std::string> PlacementIndex::check() const {
  std::vector<std::string> broken;
  const auto say = [&](std::string sentence) { broken.push_back(std::move(sentence)); };

  struct Sums {
    std::uint64_t cpu_millis = 0, memory_mb = 0, ports = 0;
    std::size_t processes = 0;
  };
  std::unordered_map<const State::Host*, Sums> on_hosts;
  struct Counts {
    std::size_t processes = 0;
    SlotTotals totals;
  };
  std::unordered_map<const State::DeploymentGroups*, Counts> of_deployments;

  for (const auto& [id, process] : state_->processes) {
    const std::string name = "Process " + to_string(id);
    if (process.id != id) say(name + " is kept under an id that is not its own.");
    if (process.used > process.slots) say(name + " has more used slots than slots.");
    if (process.group != state_->group_of(process)) say(name + " is in a group of another phase.");
    if (process.entry->process != &process) say(name + " has the entry of another process.");
    if (process.entry->rank != state_->rank_of(process)) say(name + " has an outdated rank.");
    const auto& entries = (*process.deployment)[process.group];
    const auto found =
        entries.find({.rank = process.entry->rank, .process = process.entry->process});
    if (found == entries.end()) say(name + " is missing from its group.");
    if (process.phase != ProcessPhase::closed &&
        (process.host == nullptr) != (process.phase == ProcessPhase::reserved)) {
      say(name + " has a phase that does not match its having a host.");
    }
    Counts& counts = of_deployments[process.deployment];
    ++counts.processes;
    if (process.phase != ProcessPhase::closed) {
      counts.totals.used += process.used;
      counts.totals.free += process.slots - process.used;
    }
    if (process.host != nullptr) {
      Sums& sums = on_hosts[process.host];
      sums.cpu_millis += process.needs.cpu_millis;
      sums.memory_mb += process.needs.memory_mb;
      sums.ports += process.needs.ports;
      ++sums.processes;
    }
  }

  for (const auto& [key, groups] : state_->deployments) {
    const std::string name = "Deployment " + std::to_string(key);
    const Counts& counts = of_deployments[&groups];
    std::size_t entries = 0;
    for (const State::Entries& group : groups.groups) entries += group.size();
    if (groups.processes == 0) say(name + " is kept without a process.");
    if (groups.processes != counts.processes) say(name + " counts its processes wrongly.");
    if (entries != counts.processes) say(name + " has entries of processes that are gone.");
    if (groups.totals.used != counts.totals.used) say(name + " counts its used slots wrongly.");
    if (groups.totals.free != counts.totals.free) say(name + " counts its free slots wrongly.");
  }

  for (const auto& [host_name, host] : state_->hosts) {
    const std::string name = "Host " + host_name.str();
    const Sums& sums = on_hosts[&host];
    if (host.processes != sums.processes) say(name + " counts its processes wrongly.");
    if (host.taken_cpu_millis != sums.cpu_millis || host.taken_memory_mb != sums.memory_mb ||
        host.taken_ports != sums.ports) {
      say(name + " counts wrongly what its processes take.");
    }
    const auto& entries = host.open ? state_->open_hosts : state_->away_hosts;
    const auto found = entries.find(*host.entry);
    if (found == entries.end() || found->host != &host) say(name + " is missing from the order.");
    const Resources free = host.free();
    if (host.entry->free_cpu_millis != free.cpu_millis ||
        host.entry->free_memory_mb != free.memory_mb) {
      say(name + " has an outdated place in the order.");
    }
  }
  if (state_->open_hosts.size() + state_->away_hosts.size() != state_->hosts.size()) {
    say("The order of hosts has entries of hosts that are gone.");
  }
  return broken;
}

}  // namespace innkeeper::domain
