#include "tests/actors/simulation/ledger.hpp"

#include <algorithm>
#include <unordered_map>

namespace innkeeper::actors::testing {

using domain::ErrorCode;
using Kind = Change::Kind;

namespace {

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::create: return "create";
    case Kind::suspend: return "suspend";
    case Kind::resume: return "resume";
    case Kind::connect: return "connection info";
    case Kind::destroy: return "destroy";
    case Kind::update: return "update";
  }
  return "";
}

template <class T>
const domain::Error* error_in(const Reply<T>& reply) {
  return reply->value().has_value() ? nullptr : &reply->value().error();
}

}  // namespace

void Ledger::add(Pending pending) {
  pending.change.sent = ++events_;
  if (pending.room) {
    auto& room = rooms_[*pending.room];
    if (room.history.changes.empty()) room.app = pending.app;
    room.history.changes.push_back(pending.change);
  }
  pending_.push_back(std::move(pending));
}

void Ledger::sent(Kind kind, const domain::RoomId& room, Reply<wire::Done> reply,
                  std::optional<std::string> config) {
  add({.room = room, .change = {.kind = kind, .config = std::move(config)}, .reply = std::move(reply)});
}

void Ledger::sent(Kind kind, const domain::RoomId& room, Reply<domain::ConnectionInfo> reply) {
  add({.room = room, .change = {.kind = kind}, .reply = std::move(reply)});
}

void Ledger::created(const domain::CreateRoom& command, Reply<domain::ConnectionInfo> reply) {
  add({.room = command.room,
       .app = command.app,
       .change = {.kind = Kind::create, .config = command.config},
       .key = command.idempotency_key,
       .digest = command.request_digest,
       .reply = std::move(reply)});
}

void Ledger::launched(Reply<domain::ProcessView> reply) { launches_.push_back(std::move(reply)); }

void Ledger::stopped(domain::ProcessId process, Reply<wire::Done> reply) {
  stops_.push_back({process, std::move(reply)});
}

void Ledger::note_refusal(const domain::Error& error, Change& change) {
  switch (error.code) {
    case ErrorCode::not_found:
      change.not_found = true;
      [[fallthrough]];
    case ErrorCode::invalid:
    case ErrorCode::refused:
      change.outcome = Outcome::refused;
      return;
    case ErrorCode::overloaded:
    case ErrorCode::unavailable:
      change.outcome = Outcome::unknown;
      return;
    case ErrorCode::unauthenticated:
    case ErrorCode::quota_exceeded:
    case ErrorCode::timeout:
    case ErrorCode::internal:
      break;
  }
  change.outcome = Outcome::unknown;
  broken_.push_back(std::string("A ") + name_of(change.kind) + " was answered with: " + error.message);
}

bool Ledger::settle(Pending& pending) {
  auto& change = pending.change;
  const domain::Error* error = nullptr;
  if (const auto* done = std::get_if<Reply<wire::Done>>(&pending.reply)) {
    if (!(*done)->has_value()) return false;
    error = error_in(*done);
  } else {
    const auto& info = std::get<Reply<domain::ConnectionInfo>>(pending.reply);
    if (!info->has_value()) return false;
    error = error_in(info);
    if (error == nullptr) change.info = info->value().value();
  }
  change.outcome = Outcome::acknowledged;
  if (error != nullptr)
    note_refusal(*error, change);
  else
    ++acknowledged_;
  change.answered = ++events_;
  return true;
}

void Ledger::settled(Pending& pending) {
  const auto& change = pending.change;
  settled_key(pending);
  if (!pending.room) {
    if (change.outcome == Outcome::unknown) ++strays_;
    // A key tells of its room even when that is long gone.
    if (!change.info || purged_.contains(change.info->room)) return;
    auto& room = rooms_[change.info->room];
    room.app = pending.app;
    room.history.changes.push_back(change);
    return;
  }
  if (change.info && change.info->room != *pending.room)
    broken_.push_back("Who asked for room " + pending.room->str() + " was told of " + change.info->room.str() + ".");
  for (auto& noted : rooms_[*pending.room].history.changes)
    if (noted.sent == change.sent) noted = change;
}

void Ledger::settled_key(const Pending& pending) {
  if (pending.key.empty()) return;
  const auto known = keys_.find({pending.app, pending.key});
  const auto& change = pending.change;
  if (known == keys_.end()) {
    if (change.info) keys_[{pending.app, pending.key}] = {pending.digest, *change.info};
    return;
  }
  const bool same = known->second.digest == pending.digest;
  if (change.outcome == Outcome::acknowledged && !same)
    broken_.push_back("Key " + pending.key + " was accepted for another request.");
  else if (change.outcome == Outcome::acknowledged && *change.info != known->second.answer)
    broken_.push_back("Key " + pending.key + " got another answer than the first time.");
  else if (change.outcome == Outcome::refused && same)
    broken_.push_back("Key " + pending.key + " was refused when it was repeated.");
}

void Ledger::harvest() {
  std::vector<Pending> open;
  for (auto& pending : pending_) {
    if (settle(pending))
      settled(pending);
    else
      open.push_back(std::move(pending));
  }
  pending_ = std::move(open);
  std::erase_if(launches_, [this](const auto& reply) {
    if (reply->has_value() && reply->value()) processes_[reply->value()->id].launched = true;
    return reply->has_value();
  });
  std::erase_if(stops_, [this](const Stop& stop) {
    if (stop.reply->has_value() && stop.reply->value()) processes_[stop.process].stopped = true;
    return stop.reply->has_value();
  });
}

void Ledger::give_up_pending() {
  harvest();
  for (auto& pending : pending_) {
    pending.change.outcome = Outcome::unknown;
    pending.change.answered = ++events_;
    settled(pending);
  }
  pending_.clear();
  launches_.clear();
  stops_.clear();
}

std::vector<std::string> Ledger::broken(const store::RegionSnapshot& stored, domain::Timestamp now,
                                        domain::Duration retention) {
  auto out = broken_;
  check_rooms(stored, now - retention, out);
  check_processes(stored, now - retention, out);
  check_keys(stored, out);
  return out;
}

void Ledger::check_rooms(const store::RegionSnapshot& stored, domain::Timestamp kept_from,
                         std::vector<std::string>& out) {
  std::map<domain::RoomId, const domain::RoomRecord*> records;
  std::size_t strangers = 0;
  for (const auto& record : stored.rooms) {
    records[record->id] = record.get();
    if (!rooms_.contains(record->id)) ++strangers;
  }
  const auto open = static_cast<std::size_t>(
      std::count_if(pending_.begin(), pending_.end(), [](const Pending& p) { return !p.room; }));
  if (strangers > strays_ + open) out.push_back("There are rooms that nobody can have created.");
  for (auto at = rooms_.begin(); at != rooms_.end();) {
    auto& history = at->second.history;
    const auto found = records.find(at->first);
    const auto* record = found == records.end() ? nullptr : found->second;
    if (record == nullptr && history.destroyed_at && *history.destroyed_at <= kept_from) {
      purged_.insert(at->first);
      at = rooms_.erase(at);
      continue;
    }
    if (record != nullptr) history.destroyed_at = record->destroyed_at;
    for (auto& sentence : contradictions(history, record)) out.push_back(at->first.str() + ": " + sentence);
    ++at;
  }
}

void Ledger::check_processes(const store::RegionSnapshot& stored, domain::Timestamp kept_from,
                             std::vector<std::string>& out) {
  std::unordered_map<domain::ProcessId, const domain::ProcessRecord*> records;
  for (const auto& record : stored.processes) records[record.id] = &record;
  for (auto at = processes_.begin(); at != processes_.end();) {
    auto& [id, process] = *at;
    const auto name = "Process " + to_string(id);
    const auto found = records.find(id);
    if (found == records.end()) {
      const bool purged = process.terminated_at && *process.terminated_at <= kept_from;
      if (process.launched && !purged) out.push_back(name + " was acknowledged and is not there.");
      at = purged ? processes_.erase(at) : std::next(at);
      continue;
    }
    const auto& record = *found->second;
    process.terminated_at = record.terminated_at;
    const bool final = domain::is_final(record.status);
    if (process.ended && !final) out.push_back(name + " has not ended, though its end was acknowledged.");
    if (process.stopped && !final && record.status != domain::ProcessStatus::stopping)
      out.push_back(name + " is not stopping, though its stop was acknowledged.");
    if (process.stopped)
      for (const auto& room : stored.rooms)
        if (const auto* current = room->current(); current != nullptr && current->process == id)
          out.push_back("Room " + room->id.str() + " is on process " + to_string(id) + ", whose stop was acknowledged.");
    ++at;
  }
  for (const auto& [id, room] : rooms_)
    for (const auto& change : room.history.changes)
      if (change.info && change.info->active && change.info->process)
        if (const auto found = records.find(*change.info->process); found != records.end())
          if (!found->second->started_at)
            out.push_back("Process " + to_string(found->first) + " never ran, and a client was told that it does.");
}

void Ledger::check_keys(const store::RegionSnapshot& stored, std::vector<std::string>& out) const {
  for (const auto& [index, key] : keys_) {
    const bool kept = std::any_of(
        stored.idempotency.begin(), stored.idempotency.end(), [&, &at = index, &k = key](const auto& record) {
          return record.app == at.first && record.key == at.second && record.request_digest == k.digest &&
                 record.answer == k.answer;
        });
    if (!kept) out.push_back("Key " + index.second + " was acknowledged and is not kept as it was.");
  }
}

std::vector<std::string> Ledger::silent(const store::RegionSnapshot& stored) const {
  std::vector<std::string> out;
  const auto waits = [&](const Pending& pending) {
    if (pending.change.kind != Kind::connect) return false;
    for (const auto& room : stored.rooms) {
      if (room->id != *pending.room || room->current() == nullptr) continue;
      for (const auto& process : stored.processes)
        if (process.id == room->current()->process) return !process.started_at || domain::is_final(process.status);
    }
    return false;
  };
  for (const auto& pending : pending_)
    if (!waits(pending))
      out.push_back(std::string("A ") + name_of(pending.change.kind) + " of " +
                    (pending.room ? pending.room->str() : "a new room") + " was never answered.");
  for (const auto& stop : stops_) out.push_back("A stop of process " + to_string(stop.process) + " was never answered.");
  if (!launches_.empty()) out.emplace_back("The launch of a process was never answered.");
  return out;
}

std::vector<domain::RoomId> Ledger::live() const {
  std::vector<domain::RoomId> out;
  for (const auto& [id, room] : rooms_)
    if (room.history.acknowledged(Kind::create) && !room.history.possible(Kind::destroy) &&
        !room.history.destroyed_at)
      out.push_back(id);
  return out;
}

}  // namespace innkeeper::actors::testing
