#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/domain/api.hpp"
#include "actors/domain/deployment.hpp"
#include "actors/domain/process.hpp"
#include "actors/domain/result.hpp"
#include "actors/domain/room.hpp"

namespace innkeeper::store {

// What is kept, and how it changes. Implementations: SQLite (embedded default); PostgreSQL is meant
// to follow behind the same interface and tests. Not thread-safe: one owner (the store actor) calls
// it, and every call may block. Region and app names travel with each change so that rows can be
// read by people.

// A new room. Fails the whole mutation with `refused`, field "roomId", when the id is taken by any
// room of any app or region, destroyed ones included.
struct InsertRoom {
  domain::RegionName region;
  domain::AppId app;
  std::shared_ptr<const domain::RoomRecord> room;
};
// The present state of a room that exists. `allocations_from` is the index of the first allocation
// that is new or has changed: only those from it on are written.
struct UpdateRoom {
  std::shared_ptr<const domain::RoomRecord> room;
  std::size_t allocations_from = 0;
};
// A process, new or changed.
struct PutProcess {
  domain::RegionName region;
  domain::AppId app;
  domain::ProcessRecord process;
};
// Destroyed rooms and their allocations, or ended processes, whose retention is over.
// (A room that is not destroyed is left alone, so that no mistake can purge what somebody uses.)
struct DeleteRooms {
  std::vector<domain::RoomId> rooms;
};
struct DeleteProcesses {
  std::vector<domain::ProcessId> processes;
};
// The first answer to a create with an Idempotency-Key.
struct IdempotencyRecord {
  domain::RegionName region;
  domain::AppId app;
  std::string key;
  std::string request_digest;
  domain::ConnectionInfo answer;
  domain::Timestamp created_at{};
};
struct PutIdempotency {
  IdempotencyRecord record;
};
struct DeleteIdempotencyBefore {
  domain::RegionName region;
  domain::Timestamp moment{};
};
// Catalog. The store gives a deployment without key (0) the next one.
struct PutApp {
  domain::App app;
};
struct InsertDeployment {
  domain::Deployment deployment;
};

using Change = std::variant<InsertRoom, UpdateRoom, PutProcess, DeleteRooms, DeleteProcesses,
                            PutIdempotency, DeleteIdempotencyBefore, PutApp, InsertDeployment>;
// Changes that become durable together or not at all.
using Mutation = std::vector<Change>;

// Everything of one region, as committed.
struct RegionSnapshot {
  std::vector<std::shared_ptr<const domain::RoomRecord>> rooms;
  std::vector<domain::ProcessRecord> processes;
  std::vector<IdempotencyRecord> idempotency;  // oldest first
};

class Store {
 public:
  virtual ~Store() = default;

  // A batch is one transaction. begin() opens it; apply() adds a mutation, whose own failure
  // (`refused`: an id is taken; `internal`: the caller's mistake, such as an update of a room that
  // was never inserted) undoes that mutation and leaves the rest of the batch intact; commit()
  // makes all of it durable. Any error with code `unavailable` means that the batch is lost as a
  // whole and that the store must be reopened; until then every call fails with that error. begin()
  // may wait some milliseconds.
  [[nodiscard]] virtual domain::Result<void> begin() = 0;
  [[nodiscard]] virtual domain::Result<void> apply(const Mutation& mutation) = 0;
  [[nodiscard]] virtual domain::Result<void> commit() = 0;
  // Forgets the open batch and gets the store ready again after a failure; `unavailable` while that
  // is not possible. Also does nothing harmful on a healthy store.
  [[nodiscard]] virtual domain::Result<void> reopen() = 0;

  // Reads of committed state; outside of a batch.
  [[nodiscard]] virtual domain::Result<RegionSnapshot> load_region(
      const domain::RegionName& region) = 0;
  [[nodiscard]] virtual domain::Result<std::shared_ptr<const domain::RoomRecord>> load_room(
      const domain::RoomId& room) = 0;  // null when there is none
  [[nodiscard]] virtual domain::Result<domain::CatalogSnapshot> load_catalog() = 0;

  // Bytes on disk; 0 where that cannot be told. Cheap: no I/O beyond a stat.
  struct Size {
    double database = 0;
    double wal = 0;  // the write-ahead log
  };
  [[nodiscard]] virtual Size size() const = 0;
};

// Opens or creates the file (mode 0600; its directory must exist), takes its exclusive lock, and
// brings its schema up to date. Errors (code `unavailable`, message for the operator): held by
// another process, schema newer than this binary's, damaged, read-only, no space.
[[nodiscard]] domain::Result<std::unique_ptr<Store>> open_sqlite(const std::string& path);

// The schema version that this binary writes; printed by `innkeeper version`.
[[nodiscard]] int schema_version() noexcept;

}  // namespace innkeeper::store
