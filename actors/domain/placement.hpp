#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/domain/ids.hpp"
#include "actors/domain/process.hpp"
#include "actors/domain/room.hpp"

namespace innkeeper::domain {

enum class PlacementPolicy : std::uint8_t { packed, spread };
[[nodiscard]] const char* to_string(PlacementPolicy policy) noexcept;

// How far a process is, as far as placing rooms on it goes.
enum class ProcessPhase : std::uint8_t {
  reserved,  // no host yet
  starting,  // on a host, port not bound yet
  running,
  closed,    // draining, stopping or ended: takes no new room
};

// What was looked at and why it was not taken. For people; see to_string.
enum class Verdict : std::uint8_t {
  chosen,
  full,           // no free slot
  closed,         // draining or stopping
  less_preferred, // would fit; the policy prefers another
  no_cpu,
  no_memory,
  no_ports,
  host_away,      // draining, lost, or not yet heard of
};
[[nodiscard]] const char* to_string(Verdict verdict) noexcept;

struct ProcessCandidate {
  ProcessId id;
  ProcessPhase phase = ProcessPhase::reserved;
  std::uint32_t used = 0;
  std::uint32_t slots = 0;
  Verdict verdict = Verdict::full;
};
struct HostCandidate {
  HostName name;
  Resources free;
  Verdict verdict = Verdict::no_cpu;
};
// Why a room would go where it would go now: the candidates in the order of preference. At most one of
// them, process or host, is `chosen`: a host only when no process has a free slot.
struct PlacementExplanation {
  PlacementPolicy policy = PlacementPolicy::packed;
  Resources wanted;                         // what one more process of the deployment would need
  std::vector<ProcessCandidate> processes;  // at most limits::explained_candidates
  std::uint32_t processes_total = 0;        // of the deployment, all that have not ended
  std::vector<HostCandidate> hosts;         // at most limits::explained_candidates
  std::uint32_t hosts_total = 0;
};

// Which process has free slots, and which host has room for one more process: the rules of placement
// (design 5) over an index that is kept in step with the scheduler's state.
//
// Candidates for a room are the deployment's processes with a free slot, running before starting before
// reserved; within a phase `packed` takes the one with most used slots and `spread` the one with fewest;
// ties break by process id, lowest first. A host is chosen by best fit: of those with enough CPU, memory
// and ports, the one with the least CPU left, then the least memory left, then the lowest name.
//
// Every operation is O(log n) in processes (choose_host: in hosts, plus those passed over for lack of
// memory or ports) and independent of the number of rooms. Not thread-safe. Operations on unknown ids are
// broken invariants of the caller and abort, as does a slot count that would leave [0, slots].
class PlacementIndex {
 public:
  explicit PlacementIndex(PlacementPolicy policy);
  ~PlacementIndex();
  PlacementIndex(PlacementIndex&&) noexcept;
  PlacementIndex& operator=(PlacementIndex&&) noexcept;

  // Hosts. `capacity` is all that may be handed out. A host that is not open gets no new process.
  void add_host(const HostName& name, const Resources& capacity, bool open);
  void update_host(const HostName& name, const Resources& capacity, bool open);
  void remove_host(const HostName& name);  // precondition: no process is assigned to it
  [[nodiscard]] bool has_host(const HostName& name) const;
  // Free resources; negative room (capacity was lowered) counts as 0.
  [[nodiscard]] Resources free_on(const HostName& name) const;

  // Processes. A process occupies resources of its host from assign_host (or add with a host) to
  // remove_process.
  void add_process(ProcessId id, DeploymentKey deployment, std::uint32_t slots, const Resources& needs,
                   ProcessPhase phase, const std::optional<HostName>& host);
  void assign_host(ProcessId id, const HostName& host);  // reserved -> starting
  void set_phase(ProcessId id, ProcessPhase phase);
  void remove_process(ProcessId id);  // gives back what it took; precondition: no used slot
  [[nodiscard]] bool has_process(ProcessId id) const;
  [[nodiscard]] std::uint32_t used(ProcessId id) const;
  [[nodiscard]] std::uint32_t slots(ProcessId id) const;
  [[nodiscard]] std::optional<HostName> host_of(ProcessId id) const;

  void occupy(ProcessId id);   // takes one slot, whatever the phase
  void release(ProcessId id);  // gives one slot back

  // The process that the next room of the deployment goes to, if one has a free slot. `least` leaves out
  // phases below it: ProcessPhase::running asks for a running one only.
  struct Choice {
    ProcessId process;
    ProcessPhase phase;
  };
  [[nodiscard]] std::optional<Choice> choose(DeploymentKey deployment,
                                             ProcessPhase least = ProcessPhase::reserved) const;
  // The host for one more process.
  [[nodiscard]] std::optional<HostName> choose_host(const Resources& needs) const;

  [[nodiscard]] PlacementExplanation explain(DeploymentKey deployment, const Resources& needs) const;

  // Slots over all processes that are not closed: for metrics.
  struct SlotTotals {
    std::uint64_t used = 0;
    std::uint64_t free = 0;
  };
  [[nodiscard]] SlotTotals slot_totals(DeploymentKey deployment) const;

  // Every broken invariant of the index itself, as sentences; empty when it is sound. For tests.
  [[nodiscard]] std::vector<std::string> check() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace innkeeper::domain
