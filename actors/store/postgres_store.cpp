#include "actors/store/postgres_store.hpp"

#include <string>
#include <thread>
#include <utility>

#include "actors/store/postgres_schema.hpp"

namespace innkeeper::store {
namespace {

using domain::Error;
using domain::ErrorCode;
using domain::Result;
using postgres::Call;
using postgres::Clock;
using postgres::Connection;
using std::chrono::milliseconds;

constexpr milliseconds lock_retry{20};

// Statements that touch the rows of an array must use the index however small the tables were when
// they were planned. What the server waits for a client that says nothing, or that is gone, is
// bounded.
std::string session_settings(const PostgresOptions& options, int server_version) {
  const std::string answer = std::to_string(options.answer_timeout.count());
  const std::string seconds =
      std::to_string(std::max<std::int64_t>(1, options.answer_timeout.count() / 1'000));
  std::string sql =
      "SET search_path = innkeeper; SET timezone = 'UTC'; SET default_transaction_isolation = "
      "'read committed'; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin "
      "= "
      "off; SET jit = off; "
      "SELECT set_config('synchronous_commit', 'on', false) WHERE "
      "current_setting('synchronous_commit') = 'off';";
  sql += "SET statement_timeout = " + answer + ";";
  sql += "SET idle_in_transaction_session_timeout = " + answer + ";";
  sql += "SET tcp_keepalives_idle = " + seconds + ";SET tcp_keepalives_interval = " + seconds +
         ";SET tcp_keepalives_count = 2;SET tcp_user_timeout = " + answer + ";";
  if (server_version >= 140'000) sql += "SET client_connection_check_interval = 1000;";
  return sql;
}

Error lease_lost(const Connection& connection, const Leased& lease) {
  return {.code = ErrorCode::unavailable,
          .message = "store " + connection.place() + ": the lease of region " + lease.region.str() +
                     " with epoch " + std::to_string(lease.epoch) + " is lost",
          .field = "lease",
          .retry_after_s = 0};
}

Result<void> end_backend(Connection& connection, int pid, const std::string& start,
                         milliseconds timeout) {
  if (pid == 0) return {};
  std::vector<Call> calls{
      Call::text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                 "WHERE pid = $1::int8 AND backend_start::text = $2::text")};
  calls.back().integer(pid).bytes(start);
  auto ended = connection.must_run(calls, timeout, "ending the connection before");
  if (!ended) return std::move(ended).error();
  return {};
}

// Who holds the advisory lock, for people.
Result<std::string> holder_of(Connection& connection, std::int64_t number, milliseconds timeout) {
  std::vector<Call> calls{Call::text(
      "SELECT string_agg(application_name || ' (backend ' || a.pid || ')', ', ') "
      "FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
      "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
      "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
      "AND ((l.classid::int8 << 32) | l.objid::int8) = $1::int8 "
      "AND l.pid <> pg_backend_pid()")};
  calls.back().integer(number);
  auto rows = connection.must_run(calls, timeout, "looking for who holds it");
  if (!rows) return std::move(rows).error();
  return std::string(rows->front().bytes(0, 0));
}

}  // namespace

Result<std::unique_ptr<Store>> open_postgres(const PostgresOptions& options,
                                             const PostgresRole& role) {
  return PostgresStore::open(options, role);
}

bool is_lease_lost(const Error& error) noexcept {
  return error.code == ErrorCode::unavailable && error.field == "lease";
}

std::int64_t lock_number(std::string_view region) noexcept {
  // FNV-1a; the region is part of a text so that the whole database has a number of its own.
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  const auto mix = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  };
  mix("innkeeper/");
  mix(region);
  return static_cast<std::int64_t>(hash);
}

Result<std::unique_ptr<Store>> PostgresStore::open(const PostgresOptions& options,
                                                   const PostgresRole& role) {
  std::unique_ptr<PostgresStore> store(new PostgresStore(options, role));
  auto session = store->open_session();
  if (!session) return std::move(session).error();
  store->connection_ = std::move(session).value();
  return std::unique_ptr<Store>(std::move(store));
}

Result<Connection> PostgresStore::open_session() {
  auto opened = Connection::open(options_);
  if (!opened) return std::move(opened).error();
  Connection& connection = *opened;
  const auto timeout = options_.answer_timeout;
  if (auto done = postgres::migrate(connection, postgres::migrations(), timeout); !done) {
    return std::move(done).error();
  }
  const auto settings = session_settings(options_, connection.server_version());
  if (auto done = connection.run_script(settings.c_str(), timeout, "opening it"); !done) {
    return std::move(done).error();
  }
  if (auto done = end_backend(connection, old_backend_, old_backend_start_, timeout); !done) {
    return std::move(done).error();
  }
  if (auto done = take_locks(connection); !done) return std::move(done).error();
  if (auto done = check_lease(connection); !done) return std::move(done).error();
  if (auto done = connection.prepare(postgres::write_statements(), timeout); !done) {
    return std::move(done).error();
  }
  const std::vector<Call> who{
      Call::text("SELECT backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()")};
  auto start = connection.must_run(who, timeout, "opening it");
  if (!start) return std::move(start).error();
  old_backend_ = connection.backend_pid();
  old_backend_start_ = start->front().bytes(0, 0);
  return std::move(opened).value();
}

// The locks belong to the session: whoever gets one knows that no commit of an earlier session with
// it can still be under way. Without that, a commit that the server had been too slow for could
// take effect after its rooms have been loaded.
Result<void> PostgresStore::take_locks(Connection& connection) {
  const std::int64_t database = lock_number({});
  const bool alone = std::holds_alternative<Alone>(role_);
  Call attempt = Call::text(alone ? "SELECT pg_try_advisory_lock($1::int8)::int::int8"
                                  : "SELECT pg_try_advisory_lock_shared($1::int8)::int::int8");
  attempt.integer(database);
  if (auto taken = take_lock(connection, attempt, database, false); !taken) return taken;
  const auto* lease = std::get_if<Leased>(&role_);
  if (lease == nullptr) return {};
  // Whoever has lost the lease does not have to be waited for.
  if (auto held = check_lease(connection); !held) return held;
  const std::int64_t region = lock_number(lease->region.str());
  Call own = Call::text("SELECT pg_try_advisory_lock($1::int8)::int::int8");
  own.integer(region);
  return take_lock(connection, own, region, true);
}

Result<void> PostgresStore::take_lock(Connection& connection, const Call& attempt,
                                      std::int64_t number, bool end_others) {
  const auto deadline = Clock::now() + options_.answer_timeout;
  Calls calls{attempt};
  if (end_others) {
    calls.push_back(Call::text(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
        "AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = "
        "current_database()) AND ((classid::int8 << 32) | objid::int8) = $1::int8 "
        "AND pid <> pg_backend_pid()"));
    calls.back().integer(number);
  }
  for (;;) {
    auto rows = connection.must_run(calls, options_.answer_timeout, "locking it");
    if (!rows) return std::move(rows).error();
    if (rows->front().integer(0, 0) != 0) return {};
    if (Clock::now() > deadline) break;
    std::this_thread::sleep_for(lock_retry);
  }
  auto holder = holder_of(connection, number, options_.answer_timeout);
  if (!holder) return std::move(holder).error();
  return Error{
      .code = ErrorCode::unavailable,
      .message = "store " + connection.place() + ": it is held by another node: " + *holder,
      .field = {},
      .retry_after_s = 0};
}

std::optional<Call> PostgresStore::lease_check() const {
  const auto* lease = std::get_if<Leased>(&role_);
  if (lease == nullptr) return std::nullopt;
  Call check = Call::text("SELECT expect_lease($1::text, $2::int8, $3::text, $4::int8)");
  check.bytes(lease->region.str()).integer(static_cast<std::int64_t>(lease->epoch));
  check.bytes(lease->holder.node).integer(lease->holder.incarnation);
  return check;
}

Result<void> PostgresStore::check_lease(Connection& connection) {
  const auto check = lease_check();
  if (!check) return {};
  const Calls calls{*check};
  auto answers = connection.run(calls, options_.answer_timeout, "checking the lease");
  if (!answers) return std::move(answers).error();
  if (!answers->refusal) return {};
  if (answers->refusal->is(postgres::lease_lost_state)) {
    return lease_lost(connection, std::get<Leased>(role_));
  }
  return connection.failure("checking the lease", answers->refusal->message);
}

Result<void> PostgresStore::reopen() {
  // One that works is asked, so that a connection that died unnoticed does not pass for ready.
  if (!failure_) {
    const Calls ping{Call::text("SELECT 1")};
    if (connection_.must_run(ping, options_.answer_timeout, "looking whether it is there"))
      return {};
  }
  connection_.close();
  auto session = open_session();
  if (!session) {
    failure_ = std::move(session).error();
    return *failure_;
  }
  connection_ = std::move(session).value();
  failure_.reset();
  return {};
}

Store::Size PostgresStore::size() const {
  if (failure_) return {.database = bytes_, .wal = 0};
  const Calls calls{
      Call::text("SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::int8 FROM pg_class "
                 "WHERE relnamespace = 'innkeeper'::regnamespace AND relkind = 'r'")};
  // A failure shows at the next commit.
  if (auto rows = connection_.must_run(calls, options_.answer_timeout, "asking for its size")) {
    bytes_ = static_cast<double>(rows->front().integer(0, 0));
  }
  return {.database = bytes_, .wal = 0};
}

Error PostgresStore::fail(Error error) {
  failure_ = std::move(error);
  connection_.close();
  return *failure_;
}

Error PostgresStore::fail(const postgres::Refusal& refusal, std::string_view doing) {
  if (refusal.is(postgres::lease_lost_state)) {
    return fail(lease_lost(connection_, std::get<Leased>(role_)));
  }
  return fail(connection_.failure(doing, refusal.message));
}

Error PostgresStore::damaged(const std::string& what) {
  return fail(
      {.code = ErrorCode::unavailable,
       .message = "store " + connection_.place() + ": it holds what no node writes: " + what,
       .field = {},
       .retry_after_s = 0});
}

Result<postgres::Answers> PostgresStore::run(const Calls& calls, std::string_view doing) {
  auto answers = connection_.run(calls, options_.answer_timeout, doing);
  if (!answers) return fail(std::move(answers).error());
  return answers;
}

}  // namespace innkeeper::store
