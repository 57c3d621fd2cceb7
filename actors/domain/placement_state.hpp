#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <tuple>
#include <unordered_map>

#include "actors/domain/placement.hpp"

// The inside of PlacementIndex; for placement*.cpp only.
namespace innkeeper::domain {

struct PlacementIndex::State {
  struct Process;
  struct Host;
  struct DeploymentGroups;

  // Where a process stands among those of its deployment. Each process is in exactly one group. The
  // first three hold those with a free slot, in the order in which rooms prefer them.
  enum class Group : std::uint8_t { running, starting, reserved, full, closed };
  static constexpr std::size_t group_count = 5;

  // Position within a group: lowest rank first, then lowest id. The rank turns the policy into an
  // order, so that the first of a group is always the one to take.
  struct Entry {
    std::uint32_t rank = 0;
    Process* process = nullptr;
  };
  struct EntryBefore {
    bool operator()(const Entry& a, const Entry& b) const noexcept;
  };
  using Entries = std::set<Entry, EntryBefore>;

  struct Process {
    ProcessId id;
    DeploymentGroups* deployment = nullptr;
    Host* host = nullptr;  // null while it is reserved, or was closed then
    Resources needs;
    std::uint32_t slots = 0;
    std::uint32_t used = 0;
    ProcessPhase phase = ProcessPhase::reserved;
    Group group = Group::reserved;
    Entries::iterator entry;  // in its group
  };

  struct DeploymentGroups {
    DeploymentKey key{};
    std::array<Entries, group_count> groups;
    std::size_t processes = 0;
    SlotTotals totals;  // of those that are not closed
    [[nodiscard]] Entries& operator[](Group group) {
      return groups[static_cast<std::size_t>(group)];
    }
    [[nodiscard]] const Entries& operator[](Group group) const {
      return groups[static_cast<std::size_t>(group)];
    }
  };

  // Best fit order: least free CPU, then least free memory, then lowest name. Without a host an
  // entry stands before every host with the same free resources.
  struct HostEntry {
    std::uint32_t free_cpu_millis = 0;
    std::uint32_t free_memory_mb = 0;
    Host* host = nullptr;
  };
  struct HostBefore {
    bool operator()(const HostEntry& a, const HostEntry& b) const noexcept;
  };
  using HostEntries = std::set<HostEntry, HostBefore>;

  struct Host {
    HostName name;
    Resources capacity;
    bool open = false;
    // Sums over the processes on it. They may exceed the capacity once that was lowered.
    std::uint64_t taken_cpu_millis = 0;
    std::uint64_t taken_memory_mb = 0;
    std::uint64_t taken_ports = 0;
    std::size_t processes = 0;
    HostEntries::iterator entry;  // in open_hosts or away_hosts
    [[nodiscard]] Resources free() const noexcept;
  };

  explicit State(PlacementPolicy chosen_policy) : policy(chosen_policy) {}

  [[nodiscard]] Process& process(ProcessId id);
  [[nodiscard]] const Process& process(ProcessId id) const;
  [[nodiscard]] Host& host(const HostName& name);
  [[nodiscard]] const Host& host(const HostName& name) const;
  [[nodiscard]] const DeploymentGroups* deployment(DeploymentKey key) const;

  [[nodiscard]] Group group_of(const Process& process) const noexcept;
  [[nodiscard]] std::uint32_t rank_of(const Process& process) const noexcept;
  // The first host of the best fit order that has what is needed; null when none has.
  [[nodiscard]] const Host* best_host(const Resources& needs) const;

  // Moves the entry to where it belongs after a change; allocates nothing.
  void reorder(Process& process);
  void reorder(Host& host, bool was_open);
  void count_slots(const Process& process, bool add);
  void take(Host& host, Process& process);
  void give_back(Process& process);

  PlacementPolicy policy;
  // Elements of these maps do not move, so entries may point at them.
  std::unordered_map<ProcessId, Process> processes;
  std::unordered_map<HostName, Host> hosts;
  std::unordered_map<std::uint32_t, DeploymentGroups> deployments;  // none without a process
  HostEntries open_hosts;
  HostEntries away_hosts;
};

inline bool PlacementIndex::State::EntryBefore::operator()(const Entry& a,
                                                           const Entry& b) const noexcept {
  if (a.rank != b.rank) return a.rank < b.rank;
  return a.process->id < b.process->id;
}

}  // namespace innkeeper::domain
