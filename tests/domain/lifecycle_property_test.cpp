#include <map>
#include <memory>
#include <set>

#include <catch2/catch.hpp>

#include "actors/domain/placement.hpp"
#include "actors/domain/process.hpp"
#include "actors/domain/room.hpp"
#include "tests/support/invariants.hpp"
#include "tests/support/seeds.hpp"

// A small scheduler without actors: rooms, processes and the placement index are driven by random
// commands and events through the rules alone, as the region scheduler drives them, and what comes
// of it is checked after every step.
namespace innkeeper::domain {
namespace {

constexpr std::uint32_t slots_of[] = {1, 3, 8};
constexpr Resources needs{.cpu_millis = 250, .memory_mb = 128, .ports = 1};

class Region {
 public:
  explicit Region(std::uint64_t seed)
      : random_(seed),
        ids_(RegionName("Seattle"), [this] { return random_.bits(); }),
        index_(random_.chance(50) ? PlacementPolicy::packed : PlacementPolicy::spread) {
    for (std::uint32_t key = 1; key <= 3; ++key) snapshot_slots_[key] = slots_of[key - 1];
    for (const char* name : {"host-1", "host-2"}) {
      index_.add_host(HostName(name), {.cpu_millis = 1000, .memory_mb = 1024, .ports = 4}, true);
    }
  }

  void step() {
    // The clock goes back now and then, as clocks do.
    now_ += Duration(static_cast<Duration::rep>(random_.below(50)) - 5);
    switch (random_.below(9)) {
      case 0:
      case 1:
        create();
        break;
      case 2:
        change_room(SuspendRoom{});
        break;
      case 3:
        change_room(DestroyRoom{});
        break;
      case 4:
        resume();
        break;
      case 5:
        change_room(UpdateConfig{std::to_string(random_.below(1000))});
        break;
      case 6:
      case 7:
        report();
        break;
      default:
        end_process();
        break;
    }
    place_reserved();
  }

  [[nodiscard]] std::vector<std::string> broken() const {
    testing::Snapshot snapshot;
    for (const auto& [id, room] : rooms_) {
      snapshot.rooms.push_back(std::make_shared<const RoomRecord>(room));
    }
    for (const auto& [id, process] : processes_) snapshot.processes.push_back(process);
    snapshot.slots = snapshot_slots_;
    auto broken = testing::broken_invariants(snapshot);
    const auto rooms_on = testing::rooms_on_processes(snapshot);
    for (const auto& [id, process] : processes_) {
      const auto found = rooms_on.find(id);
      const std::uint32_t rooms = found == rooms_on.end() ? 0 : found->second;
      if (is_final(process.status) ? index_.has_process(id) : index_.used(id) != rooms) {
        broken.push_back("The index is out of step with process " + to_string(id) + ".");
      }
    }
    for (std::string& sentence : index_.check()) broken.push_back(std::move(sentence));
    return broken;
  }

 private:
  template <class Map>
  typename Map::mapped_type* any_of(Map& map) {
    if (map.empty()) return nullptr;
    auto at = map.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.below(map.size())));
    return &at->second;
  }

  Placement place(DeploymentKey deployment) {
    const auto choice = index_.choose(deployment);
    ProcessId process;
    PlacementReason reason = PlacementReason::new_process;
    if (choice) {
      process = choice->process;
      reason = choice->phase == ProcessPhase::running    ? PlacementReason::running_process
               : choice->phase == ProcessPhase::starting ? PlacementReason::starting_process
                                                         : PlacementReason::reserved_process;
    } else {
      process = ids_.process_id(now_);
      ProcessRecord& record = processes_[process];
      record.id = process;
      record.deployment = deployment;
      record.created_at = now_;
      index_.add_process(process, deployment, slots_of[static_cast<std::uint32_t>(deployment) - 1],
                         needs, ProcessPhase::reserved, std::nullopt);
    }
    index_.occupy(process);
    return {.allocation = ids_.allocation_id(now_), .process = process, .reason = reason};
  }

  void create() {
    const DeploymentKey deployment{static_cast<std::uint32_t>(1 + random_.below(3))};
    const RoomId id = ids_.room_id(now_);
    rooms_[id] = make_room(id, deployment, "config", place(deployment), now_);
  }

  void change_room(const RoomCommand& command) {
    RoomRecord* room = any_of(rooms_);
    if (room == nullptr) return;
    const Allocation* current = room->current();
    const std::optional<ProcessId> before =
        current == nullptr ? std::nullopt : std::optional(current->process);
    const auto changed = apply(*room, command, now_);
    CHECK(changed.has_value() == (room->state != RoomState::destroyed));
    if (!changed) return;
    *room = *changed;
    if (before && room->current() == nullptr) index_.release(*before);
  }

  void resume() {
    RoomRecord* room = any_of(rooms_);
    if (room == nullptr || room->state != RoomState::suspended) return;
    const auto resumed = apply(*room, ResumeRoom{place(room->deployment)}, now_);
    REQUIRE(resumed.has_value());
    *room = *resumed;
  }

  // A host says something about a process, possibly out of order or twice.
  void report() {
    ProcessRecord* process = any_of(processes_);
    if (process == nullptr) return;
    ProcessChange change = ProcessRunning{};
    if (random_.chance(40)) {
      change = ProcessBooted{{{.name = "default",
                               .host = "h",
                               .port = port_of(process->id),
                               .transport = Transport::udp}}};
    } else if (random_.chance(20)) {
      change = DrainProcess{};
    } else if (random_.chance(20)) {
      change = StopProcess{random_.chance(50) ? ExitReason::ordered : ExitReason::idle};
    }
    take(*process, apply(*process, change, now_));
  }

  void end_process() {
    ProcessRecord* process = any_of(processes_);
    if (process == nullptr) return;
    const auto reason = static_cast<ExitReason>(random_.below(exit_reason_count));
    take(*process, apply(*process, ProcessEnded{reason, "ended"}, now_));
  }

  void take(ProcessRecord& process, const Result<ProcessRecord>& changed) {
    if (!changed) {
      CHECK(changed.error().code == ErrorCode::refused);
      return;
    }
    const bool had_ended = is_final(process.status);
    process = *changed;
    if (had_ended) return;
    if (process.status == ProcessStatus::running)
      index_.set_phase(process.id, ProcessPhase::running);
    if (process.status > ProcessStatus::running) index_.set_phase(process.id, ProcessPhase::closed);
    if (!is_final(process.status)) return;
    const bool destroys = end_destroys_rooms(process.exit_reason);
    for (auto& [id, room] : rooms_) {
      const Allocation* current = room.current();
      if (current == nullptr || current->process != process.id) continue;
      const auto ended =
          apply(room,
                EndAllocation{.from = process.id,
                              .reason = EndReason::process_crashed,
                              .outcome = destroys ? RoomState::destroyed : RoomState::suspended},
                now_);
      REQUIRE(ended.has_value());
      room = *ended;
      index_.release(process.id);
    }
    index_.remove_process(process.id);
  }

  void place_reserved() {
    for (auto& [id, process] : processes_) {
      if (!process.reserved()) continue;
      const auto host = index_.choose_host(needs);
      if (!host) return;
      const auto assigned = apply(process, AssignHost{*host}, now_);
      REQUIRE(assigned.has_value());
      process = *assigned;
      index_.assign_host(id, *host);
    }
  }

  // No two processes that run at once share a port: the host's pool sees to that.
  std::uint16_t port_of(ProcessId id) {
    return ports_.try_emplace(id, static_cast<std::uint16_t>(20000 + ports_.size())).first->second;
  }

  testing::Random random_;
  IdGenerator ids_;
  PlacementIndex index_;
  Timestamp now_{Duration(1'767'326'400'000)};
  std::map<RoomId, RoomRecord> rooms_;
  std::map<ProcessId, ProcessRecord> processes_;
  std::map<ProcessId, std::uint16_t> ports_;
  std::unordered_map<std::uint32_t, std::uint32_t> snapshot_slots_;
};

}  // namespace

TEST_CASE("random commands and events never break an invariant") {
  for (const std::uint64_t seed : testing::test_seeds(40)) {
    INFO("INNKEEPER_TEST_SEED=" << seed);
    Region region(seed);
    for (int step = 0; step < 300; ++step) {
      region.step();
      const auto broken = region.broken();
      INFO("step " << step << "\n" << testing::as_lines(broken));
      REQUIRE(broken.empty());
    }
  }
}

}  // namespace innkeeper::domain
