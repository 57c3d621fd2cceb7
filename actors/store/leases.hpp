#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/domain/ids.hpp"
#include "actors/domain/result.hpp"
#include "actors/store/postgres.hpp"

namespace innkeeper::store {

// Who holds a lease: a node, and which of its runs. Two runs of one node are two holders.
struct LeaseHolder {
  std::string node;
  std::int64_t incarnation = 0;
  friend bool operator==(const LeaseHolder&, const LeaseHolder&) = default;
};

// The right to lead a region, as this process has it. Whoever holds it may act as the leader until
// `valid_until` of its own monotonic clock, which lies before the moment at which the database
// gives the region to somebody else. No clock of another machine is ever compared with.
struct HeldLease {
  domain::RegionName region;
  LeaseHolder holder;
  std::uint64_t epoch = 0;  // grows with each acquisition of the region, by whomever
  std::chrono::steady_clock::time_point valid_until{};
};

// A row of the table, as the database sees it.
struct LeaseRow {
  domain::RegionName region;
  LeaseHolder holder;  // of nobody (empty) when it has been released
  std::uint64_t epoch = 0;
  std::chrono::milliseconds expires_in{};  // by the database's clock; not positive: expired
  friend bool operator==(const LeaseRow&, const LeaseRow&) = default;
};

// Leadership of regions, in a table of the database. Expiry is decided by the database's clock
// alone. Used by one thread at a time; every call may block, at most for the timeouts of the
// options. An error has the code `unavailable` and leaves open whether the call had its effect; the
// next call connects anew.
class LeaseTable {
 public:
  // Brings the schema up to date and refuses what open_postgres() refuses.
  [[nodiscard]] static domain::Result<std::unique_ptr<LeaseTable>> open(
      const PostgresOptions& options);

  // Takes the region if nobody holds it, its lease has expired, or `holder` holds it already; each
  // time under a new epoch, so that no commit under an older one can succeed from now on. A commit
  // of the earlier holder that is under way is waited for, and its connection is ended when it does
  // not get on. Nothing when somebody else holds the region.
  [[nodiscard]] domain::Result<std::optional<HeldLease>> acquire(
      const domain::RegionName& region, const LeaseHolder& holder,
      std::chrono::milliseconds duration);
  // Prolongs the lease by `duration` from now on, also one that has expired and that nobody has
  // taken. Nothing when it has been lost for good.
  [[nodiscard]] domain::Result<std::optional<HeldLease>> renew(const HeldLease& lease,
                                                               std::chrono::milliseconds duration);
  // Gives the region free at once; no effect when it has been lost already. Commits under this
  // lease fail from now on.
  [[nodiscard]] domain::Result<void> release(const HeldLease& lease);
  // Every region that was ever led, by name.
  [[nodiscard]] domain::Result<std::vector<LeaseRow>> read_all();

 private:
  explicit LeaseTable(PostgresOptions options) : options_(std::move(options)) {}
  [[nodiscard]] domain::Result<void> connect();
  [[nodiscard]] domain::Result<postgres::Answers> ask(const postgres::Call& call,
                                                      std::string_view doing);
  [[nodiscard]] domain::Result<postgres::Answers> try_acquire(const domain::RegionName& region,
                                                              const LeaseHolder& holder,
                                                              std::chrono::milliseconds duration);
  // Ends the connections of stores that lead the region, if its lease has expired.
  [[nodiscard]] domain::Result<void> end_expired_stores(const domain::RegionName& region);

  const PostgresOptions options_;
  postgres::Connection connection_;
};

}  // namespace innkeeper::store
