#include <string_view>
#include <utility>

#include "actors/store/sqlite_store.hpp"

// The texts of the statements that are kept prepared.
namespace innkeeper::store {

using domain::Result;
using sqlite::Statement;

Result<void> SqliteStore::prepare(Session& session) const {
  Statements& all = session.statements;
  const std::pair<Statement*, std::string_view> texts[] = {
      {&all.begin, "BEGIN IMMEDIATE"},
      {&all.commit, "COMMIT"},
      {&all.savepoint, "SAVEPOINT mutation"},
      {&all.release, "RELEASE mutation"},
      {&all.undo, "ROLLBACK TO mutation"},
      {&all.insert_room,
       "INSERT INTO rooms (room_id, region, app_id, deployment_key, state, created_at, "
       "destroyed_at, "
       "config) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (room_id) DO NOTHING"},
      {&all.update_room,
       "UPDATE rooms SET deployment_key = ?2, state = ?3, created_at = ?4, destroyed_at = ?5, "
       "config = ?6 WHERE room_id = ?1"},
      {&all.delete_room, "DELETE FROM rooms WHERE room_id = ?1 AND state = 2"},
      {&all.insert_allocation,
       "INSERT INTO allocations (room_id, seq, allocation_id, process_id, scheduled_at, "
       "unscheduled_at, placed, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
      {&all.upsert_allocation,
       "INSERT INTO allocations (room_id, seq, allocation_id, process_id, scheduled_at, "
       "unscheduled_at, placed, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
       "ON CONFLICT (room_id, seq) DO UPDATE SET allocation_id = excluded.allocation_id, "
       "process_id = excluded.process_id, scheduled_at = excluded.scheduled_at, "
       "unscheduled_at = excluded.unscheduled_at, placed = excluded.placed, ended = "
       "excluded.ended"},
      {&all.last_allocation,
       "SELECT seq, allocation_id FROM allocations WHERE room_id = ?1 ORDER BY seq DESC LIMIT 1"},
      {&all.delete_allocations, "DELETE FROM allocations WHERE room_id = ?1"},
      {&all.put_process,
       "INSERT INTO processes (process_id, region, app_id, deployment_key, host, status, "
       "exit_reason, "
       "stop_reason, attempt, ports, exit_summary, initial_room, created_at, scheduled_at, "
       "booted_at, "
       "started_at, stopping_at, terminated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
       "?11, "
       "?12, ?13, ?14, ?15, ?16, ?17, ?18) ON CONFLICT (process_id) DO UPDATE SET "
       "region = excluded.region, app_id = excluded.app_id, "
       "deployment_key = excluded.deployment_key, host = excluded.host, status = excluded.status, "
       "exit_reason = excluded.exit_reason, stop_reason = excluded.stop_reason, "
       "attempt = excluded.attempt, ports = excluded.ports, exit_summary = excluded.exit_summary, "
       "initial_room = excluded.initial_room, created_at = excluded.created_at, "
       "scheduled_at = excluded.scheduled_at, booted_at = excluded.booted_at, "
       "started_at = excluded.started_at, stopping_at = excluded.stopping_at, "
       "terminated_at = excluded.terminated_at"},
      {&all.delete_process, "DELETE FROM processes WHERE process_id = ?1"},
      {&all.put_idempotency,
       "INSERT INTO idempotency (region, created_at, app_id, idempotency_key, request_digest, "
       "room_id, "
       "active, process_id, exposed_port, additional_ports) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
       "?8, "
       "?9, ?10) ON CONFLICT (region, created_at, app_id, idempotency_key) DO NOTHING"},
      {&all.delete_idempotency, "DELETE FROM idempotency WHERE region = ?1 AND created_at < ?2"},
  };
  for (const auto& [statement, text] : texts) {
    auto prepared = session.writer.prepare(text);
    if (!prepared) return std::move(prepared).error();
    *statement = std::move(prepared).value();
  }
  return {};
}

}  // namespace innkeeper::store
