#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/domain/api.hpp"
#include "actors/domain/room.hpp"

namespace innkeeper::actors::testing {

// What became of a request. `unknown`: the error does not say whether the change was made.
enum class Outcome : std::uint8_t { pending, acknowledged, refused, unknown };

// One change that a client asked for. Moments are numbers of events, from 1.
struct Change {
  enum class Kind : std::uint8_t { create, suspend, resume, connect, destroy, update };
  Kind kind = Kind::create;
  std::optional<std::string> config;  // of a create or update
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;  // 0: not yet
  Outcome outcome = Outcome::pending;
  bool not_found = false;      // refused because there is no such room
  std::optional<domain::ConnectionInfo> info;  // the answer, if it was one
};

// Everything that clients asked of one room, in the order in which it was sent.
struct RoomHistory {
  std::vector<Change> changes;
  std::optional<domain::Timestamp> destroyed_at;  // as last seen on disk

  [[nodiscard]] bool acknowledged(Change::Kind kind) const;
  [[nodiscard]] bool possible(Change::Kind kind) const;  // some of that kind may have been done
};

// One sentence for each way in which the record (null: there is none) contradicts the history.
[[nodiscard]] std::vector<std::string> contradictions(const RoomHistory& history,
                                                      const domain::RoomRecord* record);

}  // namespace innkeeper::actors::testing
