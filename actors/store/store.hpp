#pragma once

#include <memory>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "actors/domain/api.hpp"
#include "actors/domain/deployment.hpp"
#include "actors/domain/process.hpp"
#include "actors/domain/result.hpp"
#include "actors/domain/room.hpp"

namespace innkeeper::store {

// What is kept, and how it changes. Implementations: SQLite (embedded default) and PostgreSQL
// (postgres_store.hpp), behind the same tests. Not thread-safe: one owner (the store actor) calls
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
// Mutations of one transaction, in order. None is null; they outlive the call that takes them.
using Batch = std::span<const Mutation* const>;
// What became of each mutation of a batch, in its order.
using Outcomes = std::vector<domain::Result<void>>;

// Everything of one region, as committed.
struct RegionSnapshot {
  std::vector<std::shared_ptr<const domain::RoomRecord>> rooms;
  std::vector<domain::ProcessRecord> processes;
  std::vector<IdempotencyRecord> idempotency;  // oldest first
};

class Store {
 public:
  virtual ~Store() = default;

  // Makes a batch durable in one transaction, as if its mutations were applied one after the other.
  // The failure of a single mutation (`refused`: an id is taken; `internal`: the caller's mistake,
  // such as an update of a room that was never inserted) undoes that mutation, is its outcome, and
  // leaves the rest of the batch intact.
  //
  // An error instead of outcomes has the code `unavailable`: the batch is there as a whole or not
  // at all, and which of the two is not known before reopen() has succeeded. Until then every call
  // fails with that error. May wait some milliseconds for something else than the disk.
  [[nodiscard]] virtual domain::Result<Outcomes> commit(Batch batch) = 0;
  // Gets the store ready again after a failure; `unavailable` while that is not possible. From its
  // success on no earlier commit can take effect any more. Does nothing harmful on a healthy store.
  [[nodiscard]] virtual domain::Result<void> reopen() = 0;

  // Reads of committed state.
  [[nodiscard]] virtual domain::Result<RegionSnapshot> load_region(
      const domain::RegionName& region) = 0;
  [[nodiscard]] virtual domain::Result<std::shared_ptr<const domain::RoomRecord>> load_room(
      const domain::RoomId& room) = 0;  // null when there is none
  [[nodiscard]] virtual domain::Result<domain::CatalogSnapshot> load_catalog() = 0;

  // Seconds after which a client that was refused should try again; 0 when the store comes back
  // only with the help of a person.
  [[nodiscard]] virtual std::uint32_t retry_after_s() const { return 0; }

  // Bytes on disk; 0 where that cannot be told. Cheap enough to be called every second.
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
