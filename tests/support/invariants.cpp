#include "tests/support/invariants.hpp"

#include <map>
#include <optional>
#include <set>
#include <unordered_set>
#include <utility>

#include "actors/domain/limits.hpp"

namespace innkeeper::testing {
namespace {

using domain::Allocation;
using domain::EndReason;
using domain::ExitReason;
using domain::ProcessId;
using domain::ProcessRecord;
using domain::ProcessStatus;
using domain::RoomRecord;
using domain::RoomState;
using domain::Timestamp;

class Checker {
 public:
  Checker(const Snapshot& snapshot, Moment moment) : snapshot_(snapshot), moment_(moment) {}

  std::vector<std::string> run() {
    for (const ProcessRecord& process : snapshot_.processes) check_process(process);
    check_ports();
    for (const auto& room : snapshot_.rooms) {
      if (room == nullptr) {
        say("The snapshot holds a room that is null.");
      } else {
        check_room(*room);
      }
    }
    check_slots();
    return std::move(broken_);
  }

 private:
  void say(std::string sentence) { broken_.push_back(std::move(sentence)); }

  // Processes

  void check_process(const ProcessRecord& process) {
    subject_ = "Process " + to_string(process.id);
    if (process.id.nil()) tell("has no id.");
    if (!processes_.emplace(process.id, &process).second) tell("is there twice.");
    if (snapshot_.slots.count(static_cast<std::uint32_t>(process.deployment)) == 0) {
      tell("is of an unknown deployment.");
    }
    check_process_times(process);
    check_process_status(process);
  }

  void check_process_times(const ProcessRecord& process) {
    const std::pair<const char*, const std::optional<Timestamp>*> moments[] = {
        {"was scheduled", &process.scheduled_at},   {"was booted", &process.booted_at},
        {"was started", &process.started_at},       {"was ordered to stop", &process.stopping_at},
        {"was terminated", &process.terminated_at},
    };
    Timestamp latest = process.created_at;
    const char* latest_name = "was created";
    for (const auto& [name, moment] : moments) {
      if (!moment->has_value()) continue;
      if (**moment < latest) tell(std::string(name) + " before it " + latest_name + ".");
      latest = **moment;
      latest_name = name;
    }
    if (process.started_at && !process.booted_at) tell("was started without having booted.");
    if (process.booted_at && !process.scheduled_at) tell("was booted without having a host.");
    if (process.host.empty() == process.scheduled_at.has_value()) {
      tell("has a host without having been scheduled, or the reverse.");
    }
    if (process.booted_at && process.ports.empty()) tell("has booted without ports.");
    if (!process.booted_at && !process.ports.empty()) tell("has ports without having booted.");
    if (process.stopping_at.has_value() != (process.stop_reason != ExitReason::none)) {
      tell("has a stop time without a stop reason, or the reverse.");
    }
  }

  void check_process_status(const ProcessRecord& process) {
    const std::string is = std::string("is ") + to_string(process.status);
    if (is_final(process.status)) {
      if (!process.terminated_at) tell(is + " without an end time.");
      if (process.exit_reason == ExitReason::none) tell(is + " without an exit reason.");
      if (process.exit_reason != ExitReason::none &&
          stops(process.exit_reason) != (process.status == ProcessStatus::stopped)) {
        tell(is + " for the reason " + to_string(process.exit_reason) + ".");
      }
      return;
    }
    if (process.terminated_at) tell(is + " with an end time.");
    if (process.exit_reason != ExitReason::none) tell(is + " with an exit reason.");
    switch (process.status) {
      case ProcessStatus::starting:
        if (process.started_at) tell(is + " with a start time.");
        if (process.stopping_at) tell(is + " with a stop time.");
        break;
      case ProcessStatus::running:
      case ProcessStatus::draining:
        if (!process.started_at) tell(is + " without a start time.");
        if (process.stopping_at) tell(is + " with a stop time.");
        break;
      case ProcessStatus::stopping:
        if (!process.stopping_at) tell(is + " without a stop time.");
        if (process.host.empty()) tell(is + " without a host.");
        break;
      case ProcessStatus::stopped:
      case ProcessStatus::failed:
        break;
    }
  }

  static bool stops(ExitReason reason) {
    return reason == ExitReason::exited || reason == ExitReason::ordered ||
           reason == ExitReason::idle || reason == ExitReason::unneeded;
  }

  void check_ports() {
    std::map<std::pair<std::string, std::uint16_t>, ProcessId> owners;
    for (const ProcessRecord& process : snapshot_.processes) {
      if (is_final(process.status)) continue;
      for (const domain::ExposedPort& port : process.ports) {
        const auto [at, added] =
            owners.emplace(std::pair(process.host.str(), port.port), process.id);
        if (!added) {
          say("Process " + to_string(process.id) + " shares port " + std::to_string(port.port) +
              " of host " + process.host.str() + " with process " + to_string(at->second) + ".");
        }
      }
    }
  }

  // Rooms

  void check_room(const RoomRecord& room) {
    subject_ = "Room " + room.id.str();
    if (!domain::is_valid_room_id(room.id.str())) tell("has an id that no room may have.");
    if (!rooms_.insert(room.id.str()).second) tell("is there twice.");
    check_allocations(room);
    switch (room.state) {
      case RoomState::allocated:
        if (room.allocations.empty() || room.allocations.back().unscheduled_at) {
          tell("is allocated without a current allocation.");
        } else {
          check_current(room, room.allocations.back());
        }
        break;
      case RoomState::suspended:
        if (has_open_allocation(room)) tell("is suspended with a current allocation.");
        break;
      case RoomState::destroyed:
        if (has_open_allocation(room)) tell("is destroyed with a current allocation.");
        if (room.config) tell("is destroyed and still has its config.");
        if (!room.destroyed_at) tell("is destroyed without the time of it.");
        break;
    }
    if (room.state != RoomState::destroyed && room.destroyed_at) {
      tell("has a time of destruction without being destroyed.");
    }
  }

  static bool has_open_allocation(const RoomRecord& room) {
    for (const Allocation& allocation : room.allocations) {
      if (!allocation.unscheduled_at) return true;
    }
    return false;
  }

  void check_allocations(const RoomRecord& room) {
    if (room.allocations.empty()) tell("has never been allocated.");
    if (room.allocations.size() > domain::limits::allocations_per_room) {
      tell("has more allocations than are kept.");
    }
    Timestamp latest = room.created_at;
    for (std::size_t i = 0; i < room.allocations.size(); ++i) {
      const Allocation& allocation = room.allocations[i];
      const std::string which = "allocation " + to_string(allocation.id);
      if (!allocations_.insert(allocation.id).second)
        tell("has " + which + ", which is there twice.");
      if (allocation.scheduled_at < latest) {
        tell("has " + which + ", which begins before what came before it ended.");
      }
      latest = allocation.scheduled_at;
      if (allocation.unscheduled_at) {
        if (*allocation.unscheduled_at < latest)
          tell("has " + which + ", which ends before it begins.");
        latest = *allocation.unscheduled_at;
        if (allocation.ended == EndReason::none)
          tell("has " + which + ", which ended for no reason.");
      } else {
        if (i + 1 != room.allocations.size()) {
          tell("has " + which + ", which has not ended and is not the last.");
        }
        if (allocation.ended != EndReason::none) {
          tell("has " + which + ", which has a reason for its end and has not ended.");
        }
      }
    }
    if (room.destroyed_at && *room.destroyed_at < latest) {
      tell("was destroyed before its last allocation ended.");
    }
  }

  void check_current(const RoomRecord& room, const Allocation& current) {
    const std::string process_name = "process " + to_string(current.process);
    ++current_rooms_[current.process];
    const auto found = processes_.find(current.process);
    if (found == processes_.end()) {
      tell("is on " + process_name + ", which does not exist.");
      return;
    }
    const ProcessRecord& process = *found->second;
    if (process.deployment != room.deployment) {
      tell("is on " + process_name + ", which is of another deployment.");
    }
    if (moment_ == Moment::settled && is_final(process.status)) {
      tell("is on " + process_name + ", which has ended.");
    }
  }

  void check_slots() {
    for (const ProcessRecord& process : snapshot_.processes) {
      const auto used = current_rooms_.find(process.id);
      const auto slots = snapshot_.slots.find(static_cast<std::uint32_t>(process.deployment));
      if (used == current_rooms_.end() || slots == snapshot_.slots.end()) continue;
      if (used->second > slots->second) {
        say("Process " + to_string(process.id) + " has " + std::to_string(used->second) +
            " rooms in " + std::to_string(slots->second) + " slots.");
      }
    }
  }

  void tell(const std::string& predicate) { say(subject_ + " " + predicate); }

  const Snapshot& snapshot_;
  Moment moment_;
  std::vector<std::string> broken_;
  std::string subject_;  // what the next sentences are about
  std::unordered_map<ProcessId, const ProcessRecord*> processes_;
  std::unordered_map<ProcessId, std::uint32_t> current_rooms_;
  std::unordered_set<std::string> rooms_;
  std::unordered_set<domain::AllocationId> allocations_;
};

}  // namespace

void Snapshot::add_slots(const domain::CatalogSnapshot& catalog) {
  for (const auto& [key, deployment] : catalog.by_key) {
    slots[key] = deployment->spec.rooms_per_process;
  }
}

std::vector<std::string> broken_invariants(const Snapshot& snapshot, Moment moment) {
  return Checker(snapshot, moment).run();
}

std::unordered_map<ProcessId, std::uint32_t> rooms_on_processes(const Snapshot& snapshot) {
  std::unordered_map<ProcessId, std::uint32_t> counts;
  for (const auto& room : snapshot.rooms) {
    if (room == nullptr) continue;
    if (const Allocation* current = room->current()) ++counts[current->process];
  }
  return counts;
}

std::string as_lines(const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences) text += sentence + "\n";
  return text;
}

}  // namespace innkeeper::testing
