#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/actors/region_fixture.hpp"
#include "tests/actors/simulation/room_history.hpp"

namespace innkeeper::actors::testing {

// What the clients of a simulation asked for and what they were told, compared with what is on disk: what was
// acknowledged is there, what was refused is not.
class Ledger {
 public:
  // Requests, right after they were sent.
  void sent(Change::Kind kind, const domain::RoomId& room, Reply<wire::Done> reply,
            std::optional<std::string> config = {});
  void sent(Change::Kind kind, const domain::RoomId& room, Reply<domain::ConnectionInfo> reply);
  void created(const domain::CreateRoom& command, Reply<domain::ConnectionInfo> reply);
  void launched(Reply<domain::ProcessView> reply);
  void stopped(domain::ProcessId process, Reply<wire::Done> reply);
  // The scheduler has answered the report of that end.
  void end_acknowledged(domain::ProcessId process) { processes_[process].ended = true; }

  // Takes note of the answers that have come. To be called often: only what was answered before another
  // change was sent is known to be done before it.
  void harvest();
  // Nobody answers what was sent so far: the node was killed.
  [[nodiscard]] bool has_pending() const noexcept { return !pending_.empty(); }
  void give_up_pending();

  // Everything that contradicts the records. Precondition: harvested, and no message is left. Forgets rooms
  // and processes that are gone because their retention was over.
  [[nodiscard]] std::vector<std::string> broken(const store::RegionSnapshot& stored, domain::Timestamp now,
                                                domain::Duration retention);
  // One sentence for each request without an answer, but those that wait for a room to become active.
  // The same precondition.
  [[nodiscard]] std::vector<std::string> silent(const store::RegionSnapshot& stored) const;

  // Rooms that were acknowledged and whose end nobody asked for.
  [[nodiscard]] std::vector<domain::RoomId> live() const;
  [[nodiscard]] const domain::AppId& app_of(const domain::RoomId& room) const { return rooms_.at(room).app; }
  [[nodiscard]] std::size_t acknowledged() const noexcept { return acknowledged_; }

 private:
  struct Room {
    domain::AppId app;
    RoomHistory history;
  };
  struct Key {
    std::string digest;
    domain::ConnectionInfo answer;
  };
  struct Process {
    bool launched = false, stopped = false, ended = false;  // acknowledged
    std::optional<domain::Timestamp> terminated_at;         // as last seen on disk
  };
  using AnyReply = std::variant<Reply<wire::Done>, Reply<domain::ConnectionInfo>>;
  struct Pending {
    std::optional<domain::RoomId> room;  // a create may not know it yet
    domain::AppId app;
    Change change;       // as it is in the room's history, if it is there
    std::string key, digest;
    AnyReply reply;
  };
  struct Stop {
    domain::ProcessId process;
    Reply<wire::Done> reply;
  };

  void add(Pending pending);
  bool settle(Pending& pending);  // false: there is no answer yet
  void settled(Pending& pending);
  void settled_key(const Pending& pending);
  void note_refusal(const domain::Error& error, Change& change);
  void check_rooms(const store::RegionSnapshot& stored, domain::Timestamp kept_from, std::vector<std::string>& out);
  void check_processes(const store::RegionSnapshot& stored, domain::Timestamp kept_from,
                       std::vector<std::string>& out);
  void check_keys(const store::RegionSnapshot& stored, std::vector<std::string>& out) const;

  std::uint64_t events_ = 0;
  std::size_t acknowledged_ = 0;
  std::map<domain::RoomId, Room> rooms_;
  std::set<domain::RoomId> purged_;
  std::map<std::pair<domain::AppId, std::string>, Key> keys_;  // of creates that were acknowledged
  std::map<domain::ProcessId, Process> processes_;
  std::vector<Pending> pending_;
  std::vector<Reply<domain::ProcessView>> launches_;
  std::vector<Stop> stops_;
  std::size_t strays_ = 0;           // creates that may have made a room whose id nobody was told
  std::vector<std::string> broken_;  // answers that cannot be true
};

}  // namespace innkeeper::actors::testing
