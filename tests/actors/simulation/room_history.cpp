#include "tests/actors/simulation/room_history.hpp"

#include <algorithm>

namespace innkeeper::actors::testing {
namespace {

using domain::EndReason;
using domain::RoomRecord;
using domain::RoomState;
using Kind = Change::Kind;

class Judge {
 public:
  Judge(const RoomHistory& history, const RoomRecord& record) : history_(history), record_(record) {}

  std::vector<std::string> run() {
    if (!history_.possible(Kind::create)) tell("is there, though every create of it was refused");
    if (history_.acknowledged(Kind::destroy) && record_.state != RoomState::destroyed)
      tell("is there, though its end was acknowledged");
    check_config();
    check_suspended();
    check_reasons();
    check_places();
    check_not_found();
    return out_;
  }

 private:
  void tell(const std::string& what) { out_.push_back("Room " + record_.id.str() + " " + what + "."); }

  // The last acknowledged one counts; those after it of unknown outcome may.
  void check_config() {
    if (record_.state == RoomState::destroyed) return;
    for (auto c = history_.changes.rbegin(); c != history_.changes.rend(); ++c) {
      if (c->kind != Kind::update || c->outcome == Outcome::refused) continue;
      if (c->config == record_.config) return;
      if (c->outcome != Outcome::acknowledged) continue;
      tell("has lost its config " + *c->config);
      return;
    }
    const bool from_the_start = std::any_of(
        history_.changes.begin(), history_.changes.end(), [&](const Change& c) {
          return c.kind == Kind::create && c.outcome != Outcome::refused && c.config == record_.config;
        });
    if (!from_the_start) tell("has a config that nobody gave it: " + record_.config.value_or("none"));
  }

  // Nothing but a resume or connection info takes a room out of its suspension.
  void check_suspended() {
    if (record_.state != RoomState::allocated) return;
    const auto& changes = history_.changes;
    const auto last = std::find_if(changes.rbegin(), changes.rend(), [](const Change& c) {
      return c.kind == Kind::suspend && c.outcome == Outcome::acknowledged;
    });
    if (last == changes.rend()) return;
    const bool resumed = std::any_of(changes.begin(), changes.end(), [&](const Change& c) {
      const bool resumes = c.kind == Kind::resume || c.kind == Kind::connect;
      return resumes && c.outcome != Outcome::refused &&
             (c.answered == 0 || c.answered > last->sent || c.outcome == Outcome::unknown);
    });
    if (!resumed) tell("is allocated, though its suspension was acknowledged and nobody resumed it");
  }

  // What ended for a client's command was commanded, and not refused.
  void check_reasons() {
    const auto suspensions = std::count_if(
        record_.allocations.begin(), record_.allocations.end(),
        [](const domain::Allocation& a) { return a.ended == EndReason::suspended; });
    const auto allowed = std::count_if(
        history_.changes.begin(), history_.changes.end(), [](const Change& c) {
          return c.kind == Kind::suspend && c.outcome != Outcome::refused;
        });
    if (suspensions > allowed) tell("was suspended more often than that was asked for and not refused");
    if (record_.allocations.empty()) return;
    if (record_.allocations.back().ended == EndReason::destroyed && !history_.possible(Kind::destroy))
      tell("was destroyed, though nobody asked for it or it was refused");
  }

  // Whoever was told a process was told of an allocation.
  void check_places() {
    for (const auto& change : history_.changes) {
      if (!change.info || !change.info->process) continue;
      const bool was_there = std::any_of(
          record_.allocations.begin(), record_.allocations.end(),
          [&](const domain::Allocation& a) { return a.process == *change.info->process; });
      if (!was_there)
        tell("was never on process " + to_string(*change.info->process) + ", which a client was told");
    }
  }

  void check_not_found() {
    if (record_.state == RoomState::destroyed) return;
    for (const auto& change : history_.changes) {
      if (!change.not_found) continue;
      const bool was_there = std::any_of(
          history_.changes.begin(), history_.changes.end(), [&](const Change& c) {
            return c.kind == Kind::create && c.outcome == Outcome::acknowledged && c.answered < change.sent;
          });
      if (was_there) tell("is there, and a client was told that it is not");
    }
  }

  const RoomHistory& history_;
  const RoomRecord& record_;
  std::vector<std::string> out_;
};

}  // namespace

bool RoomHistory::acknowledged(Kind kind) const {
  return std::any_of(changes.begin(), changes.end(), [&](const Change& c) {
    return c.kind == kind && c.outcome == Outcome::acknowledged;
  });
}

bool RoomHistory::possible(Kind kind) const {
  return std::any_of(changes.begin(), changes.end(),
                     [&](const Change& c) { return c.kind == kind && c.outcome != Outcome::refused; });
}

std::vector<std::string> contradictions(const RoomHistory& history, const RoomRecord* record) {
  if (record != nullptr) return Judge(history, *record).run();
  if (history.acknowledged(Kind::create)) return {"A room was acknowledged and is not there."};
  return {};
}

}  // namespace innkeeper::actors::testing
