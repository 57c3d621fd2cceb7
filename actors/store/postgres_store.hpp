#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/store/leases.hpp"
#include "actors/store/postgres.hpp"
#include "actors/store/postgres_plan.hpp"
#include "actors/store/store.hpp"

namespace innkeeper::store {

// What a store on a server is for, and so what keeps its commits apart from those of others.

// The only node on this database: while it is open nobody else can open it. For a node without a
// cluster.
struct Alone {};
// Beside others, for what all nodes may write: the catalog.
struct Shared {};
// Beside others, for the region of a lease: each commit succeeds only while the lease table still
// shows this holder and epoch. One such store for each region is open at a time; opening another
// one ends the connection of the one before.
using Leased = HeldLease;
using PostgresRole = std::variant<Alone, Shared, Leased>;

// Connects and brings the schema up to date. Errors (code `unavailable`, message for the operator):
// the server cannot be reached or does not do, the database is another program's or newer, another
// node holds it, the lease is lost.
[[nodiscard]] domain::Result<std::unique_ptr<Store>> open_postgres(const PostgresOptions& options,
                                                                   const PostgresRole& role);

// True for the error of a store with a lease after that lease is lost: unlike other failures it
// does not pass, and whoever holds the store has to step down. The code is `unavailable`, the field
// "lease".
[[nodiscard]] bool is_lease_lost(const domain::Error& error) noexcept;

// The number of the advisory lock that a store of this role holds while it is open; empty for the
// lone node and the catalog, which lock the database.
[[nodiscard]] std::int64_t lock_number(std::string_view region) noexcept;

// The PostgreSQL implementation. A batch is one flush and one round trip: it is sent as if nothing
// could be refused, and only when the server refuses something is it told apart. Opening is in
// postgres_store.cpp, commits in postgres_writes.cpp, reads in postgres_reads.cpp.
class PostgresStore final : public Store {
 public:
  [[nodiscard]] static domain::Result<std::unique_ptr<Store>> open(const PostgresOptions& options,
                                                                   const PostgresRole& role);

  [[nodiscard]] domain::Result<Outcomes> commit(Batch batch) override;
  [[nodiscard]] domain::Result<void> reopen() override;
  [[nodiscard]] domain::Result<RegionSnapshot> load_region(
      const domain::RegionName& region) override;
  [[nodiscard]] domain::Result<std::shared_ptr<const domain::RoomRecord>> load_room(
      const domain::RoomId& room) override;
  [[nodiscard]] domain::Result<domain::CatalogSnapshot> load_catalog() override;
  [[nodiscard]] std::uint32_t retry_after_s() const override { return 1; }
  [[nodiscard]] Size size() const override;

 private:
  using Calls = std::vector<postgres::Call>;
  using Milliseconds = std::chrono::milliseconds;

  PostgresStore(PostgresOptions options, PostgresRole role)
      : options_(std::move(options)), role_(std::move(role)) {}

  [[nodiscard]] domain::Result<postgres::Connection> open_session();
  [[nodiscard]] domain::Result<void> take_locks(postgres::Connection& connection);
  [[nodiscard]] domain::Result<void> take_lock(postgres::Connection& connection,
                                               const postgres::Call& attempt, std::int64_t number,
                                               bool end_others);
  [[nodiscard]] domain::Result<void> check_lease(postgres::Connection& connection);
  [[nodiscard]] std::optional<postgres::Call> lease_check() const;

  // Remembers a failure after which the store has to be reopened, and closes the connection.
  domain::Error fail(domain::Error error);
  domain::Error fail(const postgres::Refusal& refusal, std::string_view doing);
  domain::Error damaged(const std::string& what);
  [[nodiscard]] domain::Result<postgres::Answers> run(const Calls& calls, std::string_view doing);

  // What became of an attempt at a whole batch.
  enum class Attempt : std::uint8_t { done, again, one_by_one };
  [[nodiscard]] domain::Result<Attempt> try_batch(Batch batch, postgres::Refusals& refused);
  [[nodiscard]] domain::Result<Attempt> tell_apart(Batch batch, postgres::Refusals& refused);
  [[nodiscard]] domain::Result<void> commit_one_by_one(Batch batch, postgres::Refusals& refused);
  [[nodiscard]] domain::Result<void> apply_alone(const Mutation& mutation,
                                                 std::optional<domain::Error>& refused);
  [[nodiscard]] domain::Result<std::unordered_set<std::string>> present_rooms(
      const std::vector<const domain::RoomId*>& rooms);

  [[nodiscard]] domain::Result<std::vector<postgres::Rows>> read(const Calls& calls,
                                                                 Milliseconds timeout,
                                                                 std::string_view doing);
  [[nodiscard]] domain::Result<void> load_rooms(const domain::RegionName& region,
                                                RegionSnapshot& snapshot);
  [[nodiscard]] domain::Result<std::size_t> load_page(const domain::RegionName& region,
                                                      RegionSnapshot& snapshot);
  [[nodiscard]] domain::Result<void> load_rest(const domain::RegionName& region,
                                               RegionSnapshot& snapshot);

  const PostgresOptions options_;
  const PostgresRole role_;
  // Asking for the size goes through the connection and changes nothing that can be seen.
  mutable postgres::Connection connection_;
  mutable double bytes_ = 0;
  // Of the connection before, which the server may still be working for.
  int old_backend_ = 0;
  std::string old_backend_start_;
  std::optional<domain::Error> failure_;  // set: reopen() is needed
};

}  // namespace innkeeper::store
