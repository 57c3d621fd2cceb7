#include <string>
#include <utility>
#include <vector>

#include "actors/store/columns.hpp"
#include "actors/store/sqlite_store.hpp"

namespace innkeeper::store {
namespace {

using domain::Error;
using domain::ErrorCode;
using domain::Result;
using sqlite::Statement;

void bind_time(Statement& statement, int index, const std::optional<domain::Timestamp>& moment) {
  if (moment) {
    statement.bind(index, encode_time(*moment));
  } else {
    statement.bind_null(index);
  }
}

void bind_text(Statement& statement, int index, const std::optional<std::string>& text) {
  if (text) {
    statement.bind(index, *text);
  } else {
    statement.bind_null(index);
  }
}

void bind_uuid(Statement& statement, int index, const UuidBytes& bytes) {
  statement.bind_blob(index, bytes.data(), bytes.size());
}

// A mutation may be applied without a savepoint when at most one of its changes can be refused and
// that one can go first: then a refusal finds nothing to undo. Returns whether that is so, and sets
// `first` to that change. Changes of different kinds in such a mutation touch different rows, so
// their order does not matter; where it could (deletions, the catalog), the answer is no.
bool needs_no_savepoint(const Mutation& mutation, const Change*& first) {
  first = nullptr;
  if (mutation.size() == 1) return true;
  for (const Change& change : mutation) {
    if (std::holds_alternative<InsertRoom>(change) || std::holds_alternative<UpdateRoom>(change)) {
      if (first != nullptr) return false;
      first = &change;
    } else if (!std::holds_alternative<PutProcess>(change) &&
               !std::holds_alternative<PutIdempotency>(change)) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<void> SqliteStore::apply(const Mutation& mutation) {
  const Change* first = nullptr;
  Outcome outcome = Outcome::done;
  if (needs_no_savepoint(mutation, first)) {
    outcome = apply_in_order(mutation, first);
  } else {
    Statements& statements = session_->statements;
    int code = statements.savepoint.run();
    if (code != SQLITE_OK) return fail(code, "beginning a mutation");
    outcome = apply_in_order(mutation, nullptr);
    if (outcome == Outcome::refused) {
      code = statements.undo.run();
      if (code != SQLITE_OK) return fail(code, "undoing a mutation");
    }
    if (outcome != Outcome::failed) {
      code = statements.release.run();
      if (code != SQLITE_OK) return fail(code, "ending a mutation");
    }
  }
  switch (outcome) {
    case Outcome::done:
      return {};
    case Outcome::refused:
      return *std::exchange(refusal_, std::nullopt);
    case Outcome::failed:
      return *failure_;
  }
  return {};
}

SqliteStore::Outcome SqliteStore::apply_in_order(const Mutation& mutation, const Change* first) {
  const auto write_one = [this](const Change& change) {
    return std::visit([this](const auto& concrete) { return write(concrete); }, change);
  };
  if (first != nullptr) {
    if (const Outcome outcome = write_one(*first); outcome != Outcome::done) return outcome;
  }
  for (const Change& change : mutation) {
    if (&change == first) continue;
    if (const Outcome outcome = write_one(change); outcome != Outcome::done) return outcome;
  }
  return Outcome::done;
}

SqliteStore::Outcome SqliteStore::refuse(ErrorCode code, std::string message, std::string field) {
  refusal_ = Error{
      .code = code, .message = std::move(message), .field = std::move(field), .retry_after_s = 0};
  return Outcome::refused;
}

SqliteStore::Outcome SqliteStore::broken(int code, std::string_view doing) {
  if (code == SQLITE_OK) return Outcome::done;
  [[maybe_unused]] const Error error = fail(code, doing);
  return Outcome::failed;
}

SqliteStore::Outcome SqliteStore::write(const InsertRoom& change) {
  const domain::RoomRecord& room = *change.room;
  Statement& insert = session_->statements.insert_room;
  insert.bind(1, room.id.str());
  insert.bind(2, change.region.str());
  insert.bind(3, change.app.str());
  insert.bind(4, encode_enum(room.deployment));
  insert.bind(5, encode_enum(room.state));
  insert.bind(6, encode_time(room.created_at));
  bind_time(insert, 7, room.destroyed_at);
  bind_text(insert, 8, room.config);
  if (const int code = insert.run(); code != SQLITE_OK) return broken(code, "writing a room");
  if (sqlite3_changes(session_->writer.get()) == 0) {
    return refuse(ErrorCode::refused, "\"" + room.id.str() + "\" is already taken", "roomId");
  }
  std::int64_t seq = 0;
  for (const domain::Allocation& allocation : room.allocations) {
    const int code =
        write_allocation(session_->statements.insert_allocation, room.id.str(), seq++, allocation);
    if (code != SQLITE_OK) return broken(code, "writing an allocation");
  }
  return Outcome::done;
}

int SqliteStore::write_allocation(Statement& statement, std::string_view room, std::int64_t seq,
                                  const domain::Allocation& allocation) {
  const UuidBytes id = encode_uuid(allocation.id);
  const UuidBytes process = encode_uuid(allocation.process);
  statement.bind(1, room);
  statement.bind(2, seq);
  bind_uuid(statement, 3, id);
  bind_uuid(statement, 4, process);
  statement.bind(5, encode_time(allocation.scheduled_at));
  bind_time(statement, 6, allocation.unscheduled_at);
  statement.bind(7, encode_enum(allocation.placed));
  statement.bind(8, encode_enum(allocation.ended));
  return statement.run();
}

SqliteStore::Outcome SqliteStore::write(const UpdateRoom& change) {
  const domain::RoomRecord& room = *change.room;
  const auto& allocations = room.allocations;
  if (change.allocations_from > allocations.size()) {
    return refuse(
        ErrorCode::internal,
        "store: update of room " + room.id.str() + " names an allocation that it does not have",
        {});
  }
  // A record holds only the newest allocations, so the place of one in the record is not its number
  // in the table. The last one that is stored tells how far the two are apart.
  std::int64_t offset = 0;
  if (change.allocations_from < allocations.size()) {
    Statement& last = session_->statements.last_allocation;
    const sqlite::ResetGuard guard(last);
    last.bind(1, room.id.str());
    const int code = last.step();
    if (code == SQLITE_ROW) {
      domain::AllocationId id;
      if (!decode_uuid(last.blob(1), id.hi, id.lo)) return broken(SQLITE_CORRUPT, "reading a room");
      // When it is not in the record, everything from allocations_from on is newer than it.
      offset = last.integer(0) + 1 - static_cast<std::int64_t>(change.allocations_from);
      for (std::size_t i = allocations.size(); i-- > 0;) {
        if (allocations[i].id == id) {
          offset = last.integer(0) - static_cast<std::int64_t>(i);
          break;
        }
      }
    } else if (code != SQLITE_DONE) {
      return broken(code, "reading a room");
    }
    if (offset < 0) {
      return refuse(
          ErrorCode::internal,
          "store: update of room " + room.id.str() + " contradicts the allocations that are stored",
          {});
    }
  }
  Statement& update = session_->statements.update_room;
  update.bind(1, room.id.str());
  update.bind(2, encode_enum(room.deployment));
  update.bind(3, encode_enum(room.state));
  update.bind(4, encode_time(room.created_at));
  bind_time(update, 5, room.destroyed_at);
  bind_text(update, 6, room.config);
  if (const int code = update.run(); code != SQLITE_OK) return broken(code, "changing a room");
  if (sqlite3_changes(session_->writer.get()) == 0) {
    return refuse(ErrorCode::internal, "store: room " + room.id.str() + " does not exist", {});
  }
  for (std::size_t i = change.allocations_from; i < allocations.size(); ++i) {
    const int code = write_allocation(session_->statements.upsert_allocation, room.id.str(),
                                      offset + static_cast<std::int64_t>(i), allocations[i]);
    if (code != SQLITE_OK) return broken(code, "writing an allocation");
  }
  return Outcome::done;
}

SqliteStore::Outcome SqliteStore::write(const PutProcess& change) {
  const domain::ProcessRecord& process = change.process;
  const UuidBytes id = encode_uuid(process.id);
  const std::string ports = encode_ports(process.ports);
  Statement& put = session_->statements.put_process;
  bind_uuid(put, 1, id);
  put.bind(2, change.region.str());
  put.bind(3, change.app.str());
  put.bind(4, encode_enum(process.deployment));
  put.bind(5, process.host.str());
  put.bind(6, encode_enum(process.status));
  put.bind(7, encode_enum(process.exit_reason));
  put.bind(8, encode_enum(process.stop_reason));
  put.bind(9, std::int64_t{process.attempt});
  put.bind(10, ports);
  put.bind(11, process.exit_summary);
  if (process.initial_room) {
    put.bind(12, process.initial_room->str());
  } else {
    put.bind_null(12);
  }
  put.bind(13, encode_time(process.created_at));
  bind_time(put, 14, process.scheduled_at);
  bind_time(put, 15, process.booted_at);
  bind_time(put, 16, process.started_at);
  bind_time(put, 17, process.stopping_at);
  bind_time(put, 18, process.terminated_at);
  return broken(put.run(), "writing a process");
}

SqliteStore::Outcome SqliteStore::write(const DeleteRooms& change) {
  for (const domain::RoomId& room : change.rooms) {
    Statement& remove = session_->statements.delete_room;
    remove.bind(1, room.str());
    if (const int code = remove.run(); code != SQLITE_OK) return broken(code, "deleting a room");
    if (sqlite3_changes(session_->writer.get()) == 0) continue;
    Statement& remove_allocations = session_->statements.delete_allocations;
    remove_allocations.bind(1, room.str());
    if (const int code = remove_allocations.run(); code != SQLITE_OK) {
      return broken(code, "deleting allocations");
    }
  }
  return Outcome::done;
}

SqliteStore::Outcome SqliteStore::write(const DeleteProcesses& change) {
  for (const domain::ProcessId& process : change.processes) {
    const UuidBytes id = encode_uuid(process);
    Statement& remove = session_->statements.delete_process;
    bind_uuid(remove, 1, id);
    if (const int code = remove.run(); code != SQLITE_OK) return broken(code, "deleting a process");
  }
  return Outcome::done;
}

SqliteStore::Outcome SqliteStore::write(const PutIdempotency& change) {
  const IdempotencyRecord& record = change.record;
  const domain::ConnectionInfo& answer = record.answer;
  const std::string additional = encode_ports(answer.additional_ports);
  std::string exposed;
  UuidBytes process{};
  Statement& put = session_->statements.put_idempotency;
  put.bind(1, record.region.str());
  put.bind(2, encode_time(record.created_at));
  put.bind(3, record.app.str());
  put.bind(4, record.key);
  put.bind(5, record.request_digest);
  put.bind(6, answer.room.str());
  put.bind(7, std::int64_t{answer.active});
  if (answer.process) {
    process = encode_uuid(*answer.process);
    bind_uuid(put, 8, process);
  } else {
    put.bind_null(8);
  }
  if (answer.exposed_port) {
    exposed = encode_ports({*answer.exposed_port});
    put.bind(9, exposed);
  } else {
    put.bind_null(9);
  }
  put.bind(10, additional);
  return broken(put.run(), "writing an idempotency key");
}

SqliteStore::Outcome SqliteStore::write(const DeleteIdempotencyBefore& change) {
  Statement& remove = session_->statements.delete_idempotency;
  remove.bind(1, change.region.str());
  remove.bind(2, encode_time(change.moment));
  return broken(remove.run(), "deleting idempotency keys");
}

SqliteStore::Outcome SqliteStore::write(const PutApp& change) {
  auto put = session_->writer.prepare(
      "INSERT INTO apps (app_id, name, org_id, secret, created_by, created_at) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (app_id) DO UPDATE SET name = excluded.name, "
      "org_id = excluded.org_id, secret = excluded.secret, created_by = excluded.created_by, "
      "created_at = excluded.created_at");
  if (!put) return broken(sqlite3_extended_errcode(session_->writer.get()), "writing an app");
  put->bind(1, change.app.id.str());
  put->bind(2, change.app.name);
  put->bind(3, change.app.org_id);
  put->bind(4, change.app.secret);
  put->bind(5, change.app.created_by);
  put->bind(6, encode_time(change.app.created_at));
  return broken(put->run(), "writing an app");
}

SqliteStore::Outcome SqliteStore::write(const InsertDeployment& change) {
  const domain::Deployment& deployment = change.deployment;
  auto insert = session_->writer.prepare(
      "INSERT INTO deployments (deployment_key, app_id, deployment_id, created_at, created_by, "
      "spec) "
      "SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM apps WHERE app_id = ?2) "
      "ON CONFLICT DO NOTHING");
  if (!insert)
    return broken(sqlite3_extended_errcode(session_->writer.get()), "writing a deployment");
  const std::string spec = encode_spec(deployment.spec);
  if (deployment.key == domain::DeploymentKey{}) {
    insert->bind_null(1);
  } else {
    insert->bind(1, encode_enum(deployment.key));
  }
  insert->bind(2, deployment.app.str());
  insert->bind(3, deployment.id.str());
  insert->bind(4, encode_time(deployment.created_at));
  insert->bind(5, deployment.created_by);
  insert->bind(6, spec);
  if (const int code = insert->run(); code != SQLITE_OK)
    return broken(code, "writing a deployment");
  if (sqlite3_changes(session_->writer.get()) == 0) {
    return refuse(ErrorCode::refused,
                  "deployment " + deployment.id.str() + " is already taken, or there is no app " +
                      deployment.app.str(),
                  "deploymentId");
  }
  return Outcome::done;
}

}  // namespace innkeeper::store
