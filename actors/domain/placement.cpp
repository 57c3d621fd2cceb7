#include "actors/domain/placement.hpp"

#include "actors/domain/assert.hpp"
#include "actors/domain/placement_state.hpp"

namespace innkeeper::domain {
namespace {

std::uint32_t left_of(std::uint32_t capacity, std::uint64_t taken) noexcept {
  return taken >= capacity ? 0 : static_cast<std::uint32_t>(capacity - taken);
}

}  // namespace

const char* to_string(PlacementPolicy policy) noexcept {
  switch (policy) {
    case PlacementPolicy::packed:
      return "packed";
    case PlacementPolicy::spread:
      return "spread";
  }
  return "unknown";
}

// State

bool PlacementIndex::State::HostBefore::operator()(const HostEntry& a,
                                                   const HostEntry& b) const noexcept {
  if (a.free_cpu_millis != b.free_cpu_millis) return a.free_cpu_millis < b.free_cpu_millis;
  if (a.free_memory_mb != b.free_memory_mb) return a.free_memory_mb < b.free_memory_mb;
  if (a.host == nullptr || b.host == nullptr) return a.host == nullptr && b.host != nullptr;
  return a.host->name < b.host->name;
}

Resources PlacementIndex::State::Host::free() const noexcept {
  return {.cpu_millis = left_of(capacity.cpu_millis, taken_cpu_millis),
          .memory_mb = left_of(capacity.memory_mb, taken_memory_mb),
          .ports = left_of(capacity.ports, taken_ports)};
}

PlacementIndex::State::Process& PlacementIndex::State::process(ProcessId id) {
  const auto found = processes.find(id);
  INNKEEPER_ASSERT(found != processes.end());
  return found->second;
}

const PlacementIndex::State::Process& PlacementIndex::State::process(ProcessId id) const {
  const auto found = processes.find(id);
  INNKEEPER_ASSERT(found != processes.end());
  return found->second;
}

PlacementIndex::State::Host& PlacementIndex::State::host(const HostName& name) {
  const auto found = hosts.find(name);
  INNKEEPER_ASSERT(found != hosts.end());
  return found->second;
}

const PlacementIndex::State::Host& PlacementIndex::State::host(const HostName& name) const {
  const auto found = hosts.find(name);
  INNKEEPER_ASSERT(found != hosts.end());
  return found->second;
}

const PlacementIndex::State::DeploymentGroups* PlacementIndex::State::deployment(
    DeploymentKey key) const {
  const auto found = deployments.find(static_cast<std::uint32_t>(key));
  return found == deployments.end() ? nullptr : &found->second;
}

PlacementIndex::State::Group PlacementIndex::State::group_of(
    const Process& process) const noexcept {
  if (process.phase == ProcessPhase::closed) return Group::closed;
  if (process.used >= process.slots) return Group::full;
  switch (process.phase) {
    case ProcessPhase::running:
      return Group::running;
    case ProcessPhase::starting:
      return Group::starting;
    case ProcessPhase::reserved:
      return Group::reserved;
    case ProcessPhase::closed:
      break;
  }
  return Group::closed;
}

std::uint32_t PlacementIndex::State::rank_of(const Process& process) const noexcept {
  switch (policy) {
    case PlacementPolicy::packed:
      return ~process.used;
    case PlacementPolicy::spread:
      return process.used;
  }
  return process.used;
}

const PlacementIndex::State::Host* PlacementIndex::State::best_host(const Resources& needs) const {
  const HostEntry least{.free_cpu_millis = needs.cpu_millis, .free_memory_mb = 0, .host = nullptr};
  for (auto at = open_hosts.lower_bound(least); at != open_hosts.end(); ++at) {
    if (at->free_memory_mb >= needs.memory_mb && at->host->free().ports >= needs.ports) {
      return at->host;
    }
  }
  return nullptr;
}

void PlacementIndex::State::reorder(Process& process) {
  DeploymentGroups& deployment = *process.deployment;
  auto node = deployment[process.group].extract(process.entry);
  node.value().rank = rank_of(process);
  process.group = group_of(process);
  process.entry = deployment[process.group].insert(std::move(node)).position;
}

void PlacementIndex::State::reorder(Host& host, bool was_open) {
  auto node = (was_open ? open_hosts : away_hosts).extract(host.entry);
  const Resources free = host.free();
  node.value().free_cpu_millis = free.cpu_millis;
  node.value().free_memory_mb = free.memory_mb;
  host.entry = (host.open ? open_hosts : away_hosts).insert(std::move(node)).position;
}

void PlacementIndex::State::count_slots(const Process& process, bool add) {
  if (process.phase == ProcessPhase::closed) return;
  SlotTotals& totals = process.deployment->totals;
  const std::uint32_t free = process.slots - process.used;
  totals.used = add ? totals.used + process.used : totals.used - process.used;
  totals.free = add ? totals.free + free : totals.free - free;
}

void PlacementIndex::State::take(Host& host, Process& process) {
  process.host = &host;
  host.taken_cpu_millis += process.needs.cpu_millis;
  host.taken_memory_mb += process.needs.memory_mb;
  host.taken_ports += process.needs.ports;
  ++host.processes;
  reorder(host, host.open);
}

void PlacementIndex::State::give_back(Process& process) {
  if (process.host == nullptr) return;
  Host& host = *process.host;
  process.host = nullptr;
  host.taken_cpu_millis -= process.needs.cpu_millis;
  host.taken_memory_mb -= process.needs.memory_mb;
  host.taken_ports -= process.needs.ports;
  --host.processes;
  reorder(host, host.open);
}

// Hosts

PlacementIndex::PlacementIndex(PlacementPolicy policy) : state_(std::make_unique<State>(policy)) {}
PlacementIndex::~PlacementIndex() = default;
PlacementIndex::PlacementIndex(PlacementIndex&&) noexcept = default;
PlacementIndex& PlacementIndex::operator=(PlacementIndex&&) noexcept = default;

void PlacementIndex::add_host(const HostName& name, const Resources& capacity, bool open) {
  const auto [at, added] = state_->hosts.try_emplace(name);
  INNKEEPER_ASSERT(added);
  State::Host& host = at->second;
  host.name = name;
  host.capacity = capacity;
  host.open = open;
  auto& entries = open ? state_->open_hosts : state_->away_hosts;
  host.entry = entries
                   .insert({.free_cpu_millis = capacity.cpu_millis,
                            .free_memory_mb = capacity.memory_mb,
                            .host = &host})
                   .first;
}

void PlacementIndex::update_host(const HostName& name, const Resources& capacity, bool open) {
  State::Host& host = state_->host(name);
  const bool was_open = host.open;
  host.capacity = capacity;
  host.open = open;
  state_->reorder(host, was_open);
}

void PlacementIndex::remove_host(const HostName& name) {
  State::Host& host = state_->host(name);
  INNKEEPER_ASSERT(host.processes == 0);
  (host.open ? state_->open_hosts : state_->away_hosts).erase(host.entry);
  state_->hosts.erase(state_->hosts.find(name));  // by iterator: `name` may be the host's own
}

bool PlacementIndex::has_host(const HostName& name) const { return state_->hosts.count(name) != 0; }

Resources PlacementIndex::free_on(const HostName& name) const { return state_->host(name).free(); }

// Processes

void PlacementIndex::add_process(ProcessId id, DeploymentKey deployment, std::uint32_t slots,
                                 const Resources& needs, ProcessPhase phase,
                                 const std::optional<HostName>& host) {
  INNKEEPER_ASSERT(slots > 0);
  INNKEEPER_ASSERT(phase == ProcessPhase::closed ||
                   host.has_value() == (phase != ProcessPhase::reserved));
  const auto [at, added] = state_->processes.try_emplace(id);
  INNKEEPER_ASSERT(added);
  State::Process& process = at->second;
  process.id = id;
  process.needs = needs;
  process.slots = slots;
  process.phase = phase;
  State::DeploymentGroups& groups = state_->deployments[static_cast<std::uint32_t>(deployment)];
  groups.key = deployment;
  ++groups.processes;
  process.deployment = &groups;
  process.group = state_->group_of(process);
  process.entry =
      groups[process.group].insert({.rank = state_->rank_of(process), .process = &process}).first;
  state_->count_slots(process, true);
  if (host) state_->take(state_->host(*host), process);
}

void PlacementIndex::assign_host(ProcessId id, const HostName& host) {
  State::Process& process = state_->process(id);
  INNKEEPER_ASSERT(process.phase == ProcessPhase::reserved);
  state_->take(state_->host(host), process);
  process.phase = ProcessPhase::starting;
  state_->reorder(process);
}

void PlacementIndex::set_phase(ProcessId id, ProcessPhase phase) {
  State::Process& process = state_->process(id);
  if (process.phase == phase) return;
  INNKEEPER_ASSERT(phase == ProcessPhase::closed ||
                   (process.host != nullptr) == (phase != ProcessPhase::reserved));
  state_->count_slots(process, false);
  process.phase = phase;
  state_->count_slots(process, true);
  state_->reorder(process);
}

void PlacementIndex::remove_process(ProcessId id) {
  State::Process& process = state_->process(id);
  INNKEEPER_ASSERT(process.used == 0);
  state_->count_slots(process, false);
  state_->give_back(process);
  State::DeploymentGroups& groups = *process.deployment;
  groups[process.group].erase(process.entry);
  if (--groups.processes == 0) state_->deployments.erase(static_cast<std::uint32_t>(groups.key));
  state_->processes.erase(id);
}

bool PlacementIndex::has_process(ProcessId id) const { return state_->processes.count(id) != 0; }

std::uint32_t PlacementIndex::used(ProcessId id) const { return state_->process(id).used; }

std::uint32_t PlacementIndex::slots(ProcessId id) const { return state_->process(id).slots; }

std::optional<HostName> PlacementIndex::host_of(ProcessId id) const {
  const State::Host* host = state_->process(id).host;
  if (host == nullptr) return std::nullopt;
  return host->name;
}

void PlacementIndex::occupy(ProcessId id) {
  State::Process& process = state_->process(id);
  INNKEEPER_ASSERT(process.used < process.slots);
  state_->count_slots(process, false);
  ++process.used;
  state_->count_slots(process, true);
  state_->reorder(process);
}

void PlacementIndex::release(ProcessId id) {
  State::Process& process = state_->process(id);
  INNKEEPER_ASSERT(process.used > 0);
  state_->count_slots(process, false);
  --process.used;
  state_->count_slots(process, true);
  state_->reorder(process);
}

// Choices

std::optional<PlacementIndex::Choice> PlacementIndex::choose(DeploymentKey deployment,
                                                             ProcessPhase least) const {
  using Group = State::Group;
  const State::DeploymentGroups* groups = state_->deployment(deployment);
  if (groups == nullptr) return std::nullopt;
  for (const Group group : {Group::running, Group::starting, Group::reserved}) {
    const State::Entries& entries = (*groups)[group];
    if (entries.empty()) continue;
    const State::Process& best = *entries.begin()->process;
    if (best.phase < least) return std::nullopt;
    return Choice{.process = best.id, .phase = best.phase};
  }
  return std::nullopt;
}

std::optional<HostName> PlacementIndex::choose_host(const Resources& needs) const {
  const State::Host* host = state_->best_host(needs);
  if (host == nullptr) return std::nullopt;
  return host->name;
}

PlacementIndex::SlotTotals PlacementIndex::slot_totals(DeploymentKey deployment) const {
  const State::DeploymentGroups* groups = state_->deployment(deployment);
  return groups == nullptr ? SlotTotals{} : groups->totals;
}

}  // namespace innkeeper::domain
