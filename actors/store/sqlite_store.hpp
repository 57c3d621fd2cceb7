#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "actors/store/checkpointer.hpp"
#include "actors/store/file_identity.hpp"
#include "actors/store/file_lock.hpp"
#include "actors/store/sqlite.hpp"
#include "actors/store/store.hpp"

namespace innkeeper::store {

struct SqliteOptions {
  std::string vfs;  // SQLite's name of the file system layer; empty: the default one
  CheckpointLimits checkpoint;
  // Files up to this size are checked page by page when they are opened; larger ones are checked as
  // far as the header, the schema and the ends of each table tell, and by the loading of the
  // regions.
  std::int64_t full_check_bytes = 16LL * 1024 * 1024;
};

// open_sqlite() with other options than a node has; for tests and benchmarks.
[[nodiscard]] domain::Result<std::unique_ptr<Store>> open_sqlite(const std::string& path,
                                                                 const SqliteOptions& options);

// The SQLite implementation. Writes are in sqlite_writes.cpp, reads in sqlite_reads.cpp, opening
// and the life of a batch in sqlite_store.cpp.
class SqliteStore final : public Store {
 public:
  [[nodiscard]] static domain::Result<std::unique_ptr<Store>> open(const std::string& path,
                                                                   const SqliteOptions& options);
  ~SqliteStore() override;

  [[nodiscard]] domain::Result<Outcomes> commit(Batch batch) override;
  [[nodiscard]] domain::Result<void> reopen() override;
  [[nodiscard]] domain::Result<RegionSnapshot> load_region(
      const domain::RegionName& region) override;
  [[nodiscard]] domain::Result<std::shared_ptr<const domain::RoomRecord>> load_room(
      const domain::RoomId& room) override;
  [[nodiscard]] domain::Result<domain::CatalogSnapshot> load_catalog() override;
  [[nodiscard]] Size size() const override;

 private:
  // Statements of the hot path, prepared once for a connection.
  struct Statements {
    sqlite::Statement begin, commit, savepoint, release, undo;
    sqlite::Statement insert_room, update_room, delete_room;
    sqlite::Statement insert_allocation, upsert_allocation, last_allocation, delete_allocations;
    sqlite::Statement put_process, delete_process;
    sqlite::Statement put_idempotency, delete_idempotency;
  };
  // What a failure makes unusable and reopen() makes anew.
  struct Session {
    sqlite::Connection writer;
    Statements statements;
    std::unique_ptr<Checkpointer> checkpointer;  // its connection closes before the writer's
    int log_frames = 0;                          // length of the log after the last commit
    std::optional<FileIdentity> log;
  };
  // What became of one change.
  enum class Outcome : std::uint8_t { done, refused, failed };

  SqliteStore(std::string path, SqliteOptions options, FileLock lock);
  [[nodiscard]] domain::Result<std::unique_ptr<Session>> open_session() const;
  [[nodiscard]] domain::Result<void> prepare(Session& session) const;
  // Remembers a failure after which the store has to be reopened, and drops the open batch.
  domain::Error fail(domain::Error error);
  domain::Error fail(int code, std::string_view doing);
  domain::Error damaged(const std::string& what);
  // Whether the path still leads to the database that is open.
  [[nodiscard]] bool in_place() const;
  // An error when what was committed is not where it would be looked for.
  [[nodiscard]] domain::Result<void> check_place() const;
  void close_session();
  void drop_batch();
  // The parts of a commit. An error with another code than `unavailable` is of the mutation alone.
  [[nodiscard]] domain::Result<void> begin();
  [[nodiscard]] domain::Result<void> apply(const Mutation& mutation);
  [[nodiscard]] domain::Result<void> finish();
  [[nodiscard]] Outcome apply_in_order(const Mutation& mutation, const Change* first);
  [[nodiscard]] Outcome refuse(domain::ErrorCode code, std::string message, std::string field);
  [[nodiscard]] Outcome broken(int code, std::string_view doing);
  Outcome write(const InsertRoom& change);
  Outcome write(const UpdateRoom& change);
  Outcome write(const PutProcess& change);
  Outcome write(const DeleteRooms& change);
  Outcome write(const DeleteProcesses& change);
  Outcome write(const PutIdempotency& change);
  Outcome write(const DeleteIdempotencyBefore& change);
  Outcome write(const PutApp& change);
  Outcome write(const InsertDeployment& change);
  int write_allocation(sqlite::Statement& statement, std::string_view room, std::int64_t seq,
                       const domain::Allocation& allocation);

  [[nodiscard]] domain::Result<void> load_rooms(const domain::RegionName& region,
                                                RegionSnapshot& snapshot);
  [[nodiscard]] domain::Result<void> load_processes(const domain::RegionName& region,
                                                    RegionSnapshot& snapshot);
  [[nodiscard]] domain::Result<void> load_idempotency(const domain::RegionName& region,
                                                      RegionSnapshot& snapshot);

  const std::string path_;
  const SqliteOptions options_;
  const std::string log_path_;
  FileLock lock_;                         // held over a reopen()
  std::optional<FileIdentity> database_;  // set by the first opening, for good
  std::unique_ptr<Session> session_;
  std::optional<domain::Error> failure_;  // set: reopen() is needed
  std::optional<domain::Error> refusal_;  // of the mutation that is being applied
  bool in_batch_ = false;
};

}  // namespace innkeeper::store
