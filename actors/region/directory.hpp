#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <caf/typed_response_promise.hpp>

#include "actors/domain/deployment.hpp"
#include "actors/domain/process.hpp"
#include "actors/domain/room.hpp"
#include "actors/interfaces.hpp"

// What a region scheduler knows of its rooms and processes, and the indexes over it.
namespace innkeeper::actors::region {

struct ProcessEntry;

// A room's turn among those that wait for capacity. It keeps it until it is active or suspended.
struct Turn {
  std::uint64_t number = 0;
  domain::Timestamp since{};  // when it began to wait
  bool queued = false;        // waits for a slot now, and not for a process that is starting
};

// One room. A passive room (suspended or destroyed) has no actor: its record is all there is. At 64 bytes an
// entry shares the allocator's size class with what also stays of a passive room; a larger one would leave
// the holes of the actors that go.
struct RoomEntry {
  RoomRecordPtr record;    // the last that is known; the committed one when `committed`
  room_actor actor;        // null while passive
  ProcessEntry* process = nullptr;   // holds a slot for the committed allocation
  ProcessEntry* reserved = nullptr;  // holds a slot for a placement that the room has not settled yet
  std::unique_ptr<Turn> turn;        // null unless it has had to wait
  std::uint32_t sent = 0;            // messages sent to the actor
  std::uint32_t reserved_by = 0;     // the message (counted by `sent`) that carries the placement
  bool committed = false;            // false while its creation is under way
  bool recovering = false;           // its actor died; the record is being read again

  [[nodiscard]] bool queued() const noexcept { return turn != nullptr && turn->queued; }
};
static_assert(sizeof(RoomEntry) <= 64);

struct ProcessEntry {
  domain::ProcessRecord record;
  std::shared_ptr<const domain::Deployment> deployment;
  EndpointPtr endpoint;  // set while it runs
  boost::unordered_flat_set<RoomEntry*> rooms;   // that hold a slot here
  boost::unordered_flat_set<RoomEntry*> former;  // that were here, as long as they are kept
  domain::Timestamp not_before{};                // a start is held back until then
  domain::Timestamp idle_since{};                // when it last had no room
  bool idle_armed = false;    // a timer will look whether it is still without rooms
  bool asked_for = false;     // by createProcess: it is started whether or not a room needs it
  bool indexed = false;       // it is in the placement index
  bool rooms_leave = false;   // a stop was ordered: its rooms are being destroyed
  bool stop_recorded = false; // and the order is on disk
  std::vector<caf::typed_response_promise<wire::Done>> stop_waiters;
  std::vector<caf::typed_response_promise<wire::Done>> report_waiters;
  std::vector<caf::typed_response_promise<domain::ProcessView>> launch_waiters;
};

// Rooms by id. A table that grows moves all of its entries at once; so there are many small ones, and each
// entry carries its hash, for nothing but the tables themselves is touched then. One table without the
// hashes stood still for 90 ms at 230,000 rooms.
class RoomTable {
 public:
  [[nodiscard]] RoomEntry* find(const domain::RoomId& id) const;
  RoomEntry& insert(std::unique_ptr<RoomEntry> room);  // precondition: the id is free
  void erase(const RoomEntry& room);                   // precondition: it is there
  void reserve(std::size_t rooms);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Calls `visit(RoomEntry&)` for each; rooms may not be added or removed meanwhile.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& table : tables_)
      for (const auto& slot : table) visit(*slot.room);
  }

 private:
  static constexpr std::size_t tables = 64;
  struct Slot {
    std::size_t hash;
    std::unique_ptr<RoomEntry> room;
  };
  struct Key {
    std::size_t hash;
    const domain::RoomId& id;
  };
  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(const Slot& slot) const noexcept { return slot.hash; }
    std::size_t operator()(const Key& key) const noexcept { return key.hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Slot& a, const Slot& b) const noexcept { return a.room == b.room; }
    bool operator()(const Slot& a, const Key& b) const noexcept {
      return a.hash == b.hash && a.room->record->id == b.id;
    }
    bool operator()(const Key& a, const Slot& b) const noexcept { return (*this)(b, a); }
  };
  using Table = boost::unordered_flat_set<Slot, Hash, Equal>;
  [[nodiscard]] static Key key_of(const domain::RoomId& id) {
    return {std::hash<domain::RoomId>{}(id), id};
  }
  // Bits of the hash that the tables themselves do not use much.
  [[nodiscard]] static std::size_t table_of(std::size_t hash) { return (hash >> 24) % tables; }

  std::array<Table, tables> tables_;
  std::size_t size_ = 0;
};

// Rooms by id, processes by id, and processes by app, status and age.
class Directory {
 public:
  // Null when unknown.
  [[nodiscard]] RoomEntry* room(const domain::RoomId& id) const;
  [[nodiscard]] ProcessEntry* process(domain::ProcessId id) const;

  RoomEntry& add_room(RoomRecordPtr record);  // precondition: the id is free
  void remove_room(RoomEntry& room);          // precondition: it holds no slot
  ProcessEntry& add_process(domain::ProcessRecord record,
                            std::shared_ptr<const domain::Deployment> deployment);
  void remove_process(ProcessEntry& process);  // precondition: no room holds a slot there
  // Replaces the record and keeps the index by status in step.
  void set_record(ProcessEntry& process, domain::ProcessRecord record);

  [[nodiscard]] const RoomTable& rooms() const noexcept { return rooms_; }
  [[nodiscard]] const auto& processes() const noexcept { return processes_; }

  // Processes that match, newest first, at most `most`.
  [[nodiscard]] std::vector<const ProcessEntry*> latest(const domain::ProcessFilter& filter,
                                                        std::size_t most) const;
  [[nodiscard]] std::uint64_t count(const domain::ProcessFilter& filter) const;

  // How many processes of the app have that status.
  [[nodiscard]] std::size_t count(const domain::AppId& app, domain::ProcessStatus status) const;
  // Calls `visit(const ProcessEntry&)` for each process of the app that has not ended.
  template <class Visit>
  void for_each_open(const domain::AppId& app, Visit visit) const {
    const auto shelves = by_status_.find(app);
    if (shelves == by_status_.end()) return;
    for (std::size_t status = 0; status < shelves->second.size(); ++status)
      if (!domain::is_final(static_cast<domain::ProcessStatus>(status)))
        for (const auto& [age, process] : shelves->second[status]) visit(*process);
  }

  void reserve(std::size_t rooms) { rooms_.reserve(rooms); }

 private:
  using ByAge = std::set<std::pair<domain::Timestamp, ProcessEntry*>>;
  [[nodiscard]] ByAge& shelf(const ProcessEntry& process);

  RoomTable rooms_;
  boost::unordered_flat_map<domain::ProcessId, std::unique_ptr<ProcessEntry>,
                            std::hash<domain::ProcessId>>
      processes_;
  std::map<domain::AppId, std::array<ByAge, domain::process_status_count>> by_status_;
};

}  // namespace innkeeper::actors::region
