#include "actors/store/schema.hpp"

#include <array>
#include <string>

#include "actors/store/store.hpp"

namespace innkeeper::store {
namespace sqlite {
namespace {

// Types and constraints are such that PostgreSQL can have the same tables (TEXT with collation "C",
// BIGINT, BYTEA or UUID). Times are milliseconds since 1970. Codes of enumerations are fixed in
// columns.cpp; the views show their names. UUIDs are 16 bytes; the views show their text.
//
// rooms and allocations are clustered by ids that grow with time and carry no further index: a
// create appends to two trees. Recovery reads whole tables, and the purge is given ids.
constexpr const char* version_1 = R"sql(
CREATE TABLE store_info (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  created_at INTEGER NOT NULL,
  opened INTEGER NOT NULL
) STRICT;
INSERT INTO store_info VALUES (1, CAST(unixepoch() AS INTEGER) * 1000, 0);

CREATE TABLE apps (
  app_id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  org_id TEXT NOT NULL,
  secret TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE deployments (
  deployment_key INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  spec TEXT NOT NULL,
  UNIQUE (app_id, deployment_id)
) STRICT;

CREATE TABLE rooms (
  room_id TEXT NOT NULL PRIMARY KEY,
  region TEXT NOT NULL,
  app_id TEXT NOT NULL,
  deployment_key INTEGER NOT NULL,
  state INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  destroyed_at INTEGER,
  config TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE allocations (
  room_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  allocation_id BLOB NOT NULL,
  process_id BLOB NOT NULL,
  scheduled_at INTEGER NOT NULL,
  unscheduled_at INTEGER,
  placed INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  PRIMARY KEY (room_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE processes (
  process_id BLOB NOT NULL PRIMARY KEY,
  region TEXT NOT NULL,
  app_id TEXT NOT NULL,
  deployment_key INTEGER NOT NULL,
  host TEXT NOT NULL,
  status INTEGER NOT NULL,
  exit_reason INTEGER NOT NULL,
  stop_reason INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  ports TEXT NOT NULL,
  exit_summary TEXT NOT NULL,
  initial_room TEXT,
  created_at INTEGER NOT NULL,
  scheduled_at INTEGER,
  booted_at INTEGER,
  started_at INTEGER,
  stopping_at INTEGER,
  terminated_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
  region TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  app_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  request_digest TEXT NOT NULL,
  room_id TEXT NOT NULL,
  active INTEGER NOT NULL,
  process_id BLOB,
  exposed_port TEXT,
  additional_ports TEXT NOT NULL,
  PRIMARY KEY (region, created_at, app_id, idempotency_key)
) STRICT, WITHOUT ROWID;

CREATE VIEW rooms_readable AS SELECT
  room_id, region, app_id, deployment_key,
  CASE state WHEN 0 THEN 'allocated' WHEN 1 THEN 'suspended' WHEN 2 THEN 'destroyed' END AS state,
  strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch') AS created_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', destroyed_at / 1000.0, 'unixepoch') AS destroyed_at,
  config
FROM rooms;

CREATE VIEW allocations_readable AS SELECT
  room_id, seq,
  lower(substr(hex(allocation_id), 1, 8) || '-' || substr(hex(allocation_id), 9, 4) || '-' ||
        substr(hex(allocation_id), 13, 4) || '-' || substr(hex(allocation_id), 17, 4) || '-' ||
        substr(hex(allocation_id), 21)) AS allocation_id,
  lower(substr(hex(process_id), 1, 8) || '-' || substr(hex(process_id), 9, 4) || '-' ||
        substr(hex(process_id), 13, 4) || '-' || substr(hex(process_id), 17, 4) || '-' ||
        substr(hex(process_id), 21)) AS process_id,
  strftime('%Y-%m-%dT%H:%M:%fZ', scheduled_at / 1000.0, 'unixepoch') AS scheduled_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', unscheduled_at / 1000.0, 'unixepoch') AS unscheduled_at,
  CASE placed WHEN 0 THEN 'running_process' WHEN 1 THEN 'starting_process' WHEN 2 THEN 'new_process'
    WHEN 3 THEN 'reserved_process' END AS placed,
  CASE ended WHEN 0 THEN 'none' WHEN 1 THEN 'destroyed' WHEN 2 THEN 'suspended'
    WHEN 3 THEN 'moved_to_free_slot' WHEN 4 THEN 'process_stopped' WHEN 5 THEN 'process_idle'
    WHEN 6 THEN 'process_crashed' WHEN 7 THEN 'process_start_failed' WHEN 8 THEN 'host_lost'
    WHEN 9 THEN 'no_capacity' END AS ended
FROM allocations;

CREATE VIEW processes_readable AS SELECT
  lower(substr(hex(process_id), 1, 8) || '-' || substr(hex(process_id), 9, 4) || '-' ||
        substr(hex(process_id), 13, 4) || '-' || substr(hex(process_id), 17, 4) || '-' ||
        substr(hex(process_id), 21)) AS process_id,
  region, app_id, deployment_key, host,
  CASE status WHEN 0 THEN 'starting' WHEN 1 THEN 'running' WHEN 2 THEN 'draining'
    WHEN 3 THEN 'stopping' WHEN 4 THEN 'stopped' WHEN 5 THEN 'failed' END AS status,
  CASE exit_reason WHEN 0 THEN 'none' WHEN 1 THEN 'exited' WHEN 2 THEN 'ordered' WHEN 3 THEN 'idle'
    WHEN 4 THEN 'crashed' WHEN 5 THEN 'start_timeout' WHEN 6 THEN 'start_failed'
    WHEN 7 THEN 'host_lost' WHEN 8 THEN 'unneeded' WHEN 9 THEN 'no_capacity' END AS exit_reason,
  attempt, ports, exit_summary, initial_room,
  strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch') AS created_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', started_at / 1000.0, 'unixepoch') AS started_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', terminated_at / 1000.0, 'unixepoch') AS terminated_at
FROM processes;
)sql";

constexpr std::array<Migration, 1> steps_of_this_binary{{{1, version_1}}};

domain::Error refuse(const Connection& connection, const std::string& what) {
  return {.code = domain::ErrorCode::unavailable,
          .message = "store " + connection.path() + ": " + what,
          .field = {},
          .retry_after_s = 0};
}

domain::Result<void> run_step(Connection& connection, const Migration& step) {
  const std::string doing = "bringing its schema to version " + std::to_string(step.to);
  if (auto begun = connection.execute("BEGIN IMMEDIATE", doing); !begun) return begun;
  std::string sql = step.sql;
  sql += ";PRAGMA application_id = " + std::to_string(application_id);
  sql += ";PRAGMA user_version = " + std::to_string(step.to);
  sql += ";COMMIT";
  auto done = connection.execute(sql.c_str(), doing);
  if (!done && sqlite3_get_autocommit(connection.get()) == 0) {
    // The first failure is the one to report; closing the connection rolls back in any case.
    [[maybe_unused]] const auto undone = connection.execute("ROLLBACK", "giving up a migration");
  }
  return done;
}

}  // namespace

std::span<const Migration> migrations() noexcept { return steps_of_this_binary; }

domain::Result<void> check_owner(Connection& connection, std::span<const Migration> steps) {
  const auto version =
      connection.query_integer("PRAGMA user_version", "reading its schema version");
  if (!version) return version.error();
  const auto owner = connection.query_integer("PRAGMA application_id", "reading its header");
  if (!owner) return owner.error();
  const auto objects =
      connection.query_integer("SELECT count(*) FROM sqlite_schema", "reading its schema");
  if (!objects) return objects.error();

  const bool empty = *version == 0 && *owner == 0 && *objects == 0;
  if (!empty && *owner != application_id) {
    return refuse(connection, "it is a database, but not one of Innkeeper");
  }
  const int newest = steps.empty() ? 0 : steps.back().to;
  if (*version > newest) {
    return refuse(connection, "its schema has version " + std::to_string(*version) +
                                  ", and this program knows versions up to " +
                                  std::to_string(newest) + "; start a newer one");
  }
  return {};
}

domain::Result<void> migrate(Connection& connection, std::span<const Migration> steps) {
  if (auto ours = check_owner(connection, steps); !ours) return ours;
  const auto version =
      connection.query_integer("PRAGMA user_version", "reading its schema version");
  if (!version) return version.error();
  for (const Migration& step : steps) {
    if (step.to <= *version) continue;
    if (auto done = run_step(connection, step); !done) return done;
  }
  return {};
}

}  // namespace sqlite

int schema_version() noexcept { return sqlite::migrations().back().to; }

}  // namespace innkeeper::store
