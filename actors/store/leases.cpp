#include "actors/store/leases.hpp"

#include <utility>

#include "actors/store/postgres_schema.hpp"
#include "actors/store/postgres_store.hpp"

namespace innkeeper::store {
namespace {

using domain::Error;
using domain::Result;
using postgres::Answers;
using postgres::Call;
using postgres::Clock;
using postgres::Connection;
using std::chrono::milliseconds;

// SQLSTATE lock_not_available.
constexpr const char* lock_timed_out = "55P03";

// A new epoch changes a key column: that is what waits for commits, which lock the row FOR KEY
// SHARE. A region that is led is left alone without touching its row; the second look counts.
constexpr const char* acquire_text =
    "INSERT INTO leases AS l (region, node, incarnation, epoch, expires_at) SELECT $1::text, "
    "$2::text, $3::int8, 1, clock_timestamp() + $4::int8 * interval '1 millisecond' "
    "WHERE NOT EXISTS (SELECT 1 FROM leases WHERE region = $1 AND expires_at > clock_timestamp() "
    "AND NOT (node = $2 AND incarnation = $3)) "
    "ON CONFLICT (region) DO UPDATE SET node = excluded.node, incarnation = excluded.incarnation, "
    "epoch = l.epoch + 1, expires_at = clock_timestamp() + $4::int8 * interval '1 millisecond' "
    "WHERE l.expires_at <= clock_timestamp() OR (l.node = excluded.node AND l.incarnation = "
    "excluded.incarnation) RETURNING epoch";
constexpr const char* renew_text =
    "UPDATE leases SET expires_at = clock_timestamp() + $5::int8 * interval '1 millisecond' "
    "WHERE region = $1::text AND node = $2::text AND incarnation = $3::int8 AND epoch = $4::int8 "
    "RETURNING 1";
constexpr const char* release_text =
    "UPDATE leases SET expires_at = '-infinity', node = '', incarnation = 0 "
    "WHERE region = $1::text AND node = $2::text AND incarnation = $3::int8 AND epoch = $4::int8";
// A released lease has expired for ever; the interval to it cannot be computed.
constexpr const char* read_text =
    "SELECT region, node, incarnation, epoch, CASE WHEN isfinite(expires_at) THEN "
    "(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::int8 ELSE 0 END "
    "FROM leases ORDER BY region";
constexpr const char* end_stores_text =
    "SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'advisory' AND "
    "l.granted "
    "AND l.objsubid = 1 AND l.pid <> pg_backend_pid() "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND ((l.classid::int8 << 32) | l.objid::int8) = $1::int8 "
    "AND EXISTS (SELECT 1 FROM leases WHERE region = $2::text AND expires_at <= clock_timestamp())";

Call about(const char* sql, const HeldLease& lease) {
  Call call = Call::text(sql);
  call.bytes(lease.region.str()).bytes(lease.holder.node).integer(lease.holder.incarnation);
  call.integer(static_cast<std::int64_t>(lease.epoch));
  return call;
}

std::string session_settings(const PostgresOptions& options) {
  const auto answer = options.answer_timeout.count();
  // A commit that is under way is waited for; half of the patience is left for ending one that
  // hangs.
  return "SET search_path = innkeeper; SET timezone = 'UTC'; SELECT "
         "set_config('synchronous_commit', "
         "'on', false) WHERE current_setting('synchronous_commit') = 'off'; SET statement_timeout "
         "= " +
         std::to_string(answer) + "; SET lock_timeout = " + std::to_string(answer / 4 + 1);
}

}  // namespace

Result<std::unique_ptr<LeaseTable>> LeaseTable::open(const PostgresOptions& options) {
  std::unique_ptr<LeaseTable> table(new LeaseTable(options));
  if (auto connected = table->connect(); !connected) return std::move(connected).error();
  return table;
}

Result<void> LeaseTable::connect() {
  auto opened = Connection::open(options_);
  if (!opened) return std::move(opened).error();
  const auto timeout = options_.answer_timeout;
  if (auto done = postgres::migrate(*opened, postgres::migrations(), timeout); !done) return done;
  const auto settings = session_settings(options_);
  if (auto done = opened->run_script(settings.c_str(), timeout, "opening it"); !done) return done;
  connection_ = std::move(opened).value();
  return {};
}

Result<Answers> LeaseTable::ask(const Call& call, std::string_view doing) {
  if (!connection_.is_open()) {
    if (auto connected = connect(); !connected) return std::move(connected).error();
  }
  return connection_.run({&call, 1}, options_.answer_timeout, doing);
}

Result<Answers> LeaseTable::try_acquire(const domain::RegionName& region, const LeaseHolder& holder,
                                        milliseconds duration) {
  Call call = Call::text(acquire_text);
  call.bytes(region.str()).bytes(holder.node).integer(holder.incarnation).integer(duration.count());
  return ask(call, "acquiring a lease");
}

Result<void> LeaseTable::end_expired_stores(const domain::RegionName& region) {
  Call call = Call::text(end_stores_text);
  call.integer(lock_number(region.str())).bytes(region.str());
  auto ended = ask(call, "ending a commit that hangs");
  if (!ended) return std::move(ended).error();
  if (ended->refusal)
    return connection_.failure("ending a commit that hangs", ended->refusal->message);
  return {};
}

Result<std::optional<HeldLease>> LeaseTable::acquire(const domain::RegionName& region,
                                                     const LeaseHolder& holder,
                                                     milliseconds duration) {
  auto before = Clock::now();
  auto answers = try_acquire(region, holder, duration);
  if (!answers) return std::move(answers).error();
  if (answers->refusal && answers->refusal->is(lock_timed_out)) {
    if (auto ended = end_expired_stores(region); !ended) return std::move(ended).error();
    before = Clock::now();
    answers = try_acquire(region, holder, duration);
    if (!answers) return std::move(answers).error();
  }
  if (answers->refusal) return connection_.failure("acquiring a lease", answers->refusal->message);
  const auto& rows = answers->rows.front();
  if (rows.count() == 0) return std::optional<HeldLease>();
  return std::optional(HeldLease{.region = region,
                                 .holder = holder,
                                 .epoch = static_cast<std::uint64_t>(rows.integer(0, 0)),
                                 .valid_until = before + duration});
}

Result<std::optional<HeldLease>> LeaseTable::renew(const HeldLease& lease, milliseconds duration) {
  const auto before = Clock::now();
  Call call = about(renew_text, lease);
  call.integer(duration.count());
  auto answers = ask(call, "renewing a lease");
  if (!answers) return std::move(answers).error();
  if (answers->refusal) return connection_.failure("renewing a lease", answers->refusal->message);
  if (answers->rows.front().count() == 0) return std::optional<HeldLease>();
  HeldLease renewed = lease;
  renewed.valid_until = before + duration;
  return std::optional(std::move(renewed));
}

Result<void> LeaseTable::release(const HeldLease& lease) {
  auto answers = ask(about(release_text, lease), "releasing a lease");
  if (!answers) return std::move(answers).error();
  if (answers->refusal) return connection_.failure("releasing a lease", answers->refusal->message);
  return {};
}

Result<std::vector<LeaseRow>> LeaseTable::read_all() {
  auto answers = ask(Call::text(read_text), "reading leases");
  if (!answers) return std::move(answers).error();
  if (answers->refusal) return connection_.failure("reading leases", answers->refusal->message);
  const auto& rows = answers->rows.front();
  std::vector<LeaseRow> out;
  for (int row = 0; row < rows.count(); ++row) {
    out.push_back(
        {.region = domain::RegionName(std::string(rows.bytes(row, 0))),
         .holder = {.node = std::string(rows.bytes(row, 1)), .incarnation = rows.integer(row, 2)},
         .epoch = static_cast<std::uint64_t>(rows.integer(row, 3)),
         .expires_in = milliseconds(rows.integer(row, 4))});
  }
  return out;
}

}  // namespace innkeeper::store
