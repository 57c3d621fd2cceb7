#include "actors/store/sqlite_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "actors/store/schema.hpp"

namespace innkeeper::store {
namespace {

using domain::Error;
using domain::ErrorCode;
using domain::Result;
using sqlite::Connection;
using sqlite::Statement;

// How long a lock of another program (somebody's sqlite3 shell) is waited for.
constexpr int busy_timeout_ms = 2'000;
// Enough for the pages that a busy region keeps writing to.
constexpr const char* connection_settings =
    "PRAGMA synchronous=FULL;"
    "PRAGMA wal_autocheckpoint=0;"
    "PRAGMA cache_size=-8192;"
    "PRAGMA secure_delete=OFF;"
    "PRAGMA cell_size_check=ON;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA trusted_schema=OFF;";

Error own_error(ErrorCode code, std::string message) {
  return {.code = code, .message = std::move(message), .field = {}, .retry_after_s = 0};
}

// SQLite would create the file too, but with the mode of the umask, and tokens are in it.
Result<void> create_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    ::close(descriptor);
    return {};
  }
  if (errno == EEXIST) return {};
  return own_error(ErrorCode::unavailable, "store " + path + ": cannot be created (" +
                                               std::generic_category().message(errno) + ")");
}

Error lost_file(const std::string& path) {
  return own_error(ErrorCode::unavailable, "store " + path +
                                               ": the file was moved, deleted or replaced while "
                                               "the node used it; put it back, or start the node "
                                               "again with what is there now");
}

double file_bytes(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<double>(status.st_size) : 0.0;
}

Result<void> use_write_ahead_log(Connection& connection, int log_frames_max) {
  const auto mode =
      connection.query_text("PRAGMA journal_mode=WAL", "turning on its write-ahead log");
  if (!mode) return mode.error();
  if (*mode != "wal") {
    return own_error(ErrorCode::unavailable, "store " + connection.path() +
                                                 ": its file system does not support a write-ahead "
                                                 "log (no shared memory)");
  }
  const auto page_size = connection.query_integer("PRAGMA page_size", "reading its header");
  if (!page_size) return page_size.error();
  const std::string limit =
      "PRAGMA journal_size_limit=" + std::to_string(*page_size * log_frames_max);
  return connection.execute(limit.c_str(), "setting the size of its write-ahead log");
}

// Finds damage in bounded time.
Result<void> check(Connection& connection, std::int64_t full_check_bytes) {
  const auto pages = connection.query_integer("PRAGMA page_count", "reading its header");
  if (!pages) return pages.error();
  const auto page_size = connection.query_integer("PRAGMA page_size", "reading its header");
  if (!page_size) return page_size.error();
  if (*pages * *page_size <= full_check_bytes) {
    const auto verdict = connection.query_text("PRAGMA quick_check(1)", "checking its pages");
    if (!verdict) return verdict.error();
    if (*verdict != "ok") {
      return own_error(ErrorCode::unavailable, "store " + connection.path() +
                                                   ": the file is damaged (" + *verdict +
                                                   "); restore a backup, or see `sqlite3 " +
                                                   connection.path() + " .recover`");
    }
    return {};
  }
  for (const char* ends : {"SELECT * FROM rooms ORDER BY room_id LIMIT 1",
                           "SELECT * FROM rooms ORDER BY room_id DESC LIMIT 1",
                           "SELECT * FROM allocations ORDER BY room_id, seq LIMIT 1",
                           "SELECT * FROM allocations ORDER BY room_id DESC, seq DESC LIMIT 1",
                           "SELECT count(*) FROM apps", "SELECT count(*) FROM deployments",
                           "SELECT * FROM processes ORDER BY process_id LIMIT 1",
                           "SELECT * FROM processes ORDER BY process_id DESC LIMIT 1"}) {
    const auto row = connection.query_text(ends, "checking its tables");
    if (!row) return row.error();
  }
  return {};
}

// Puts what the log holds into the database for good. After a failed fsync, or a kill between write
// and fsync, the log may show frames that the disk does not have: nothing is read, and so nothing
// can be built on, before they are safe.
Result<void> settle_log(Connection& connection) {
  const int code = sqlite3_wal_checkpoint_v2(connection.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE,
                                             nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  return connection.failure(sqlite3_extended_errcode(connection.get()),
                            "copying the write-ahead log into it");
}

// A commit that shows that writing works before anybody relies on it.
Result<void> count_opening(Connection& connection) {
  return connection.execute("UPDATE store_info SET opened = opened + 1", "writing to it");
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite(const std::string& path) {
  return SqliteStore::open(path, SqliteOptions{});
}

Result<std::unique_ptr<Store>> open_sqlite(const std::string& path, const SqliteOptions& options) {
  return SqliteStore::open(path, options);
}

SqliteStore::SqliteStore(std::string path, SqliteOptions options, FileLock lock)
    : path_(std::move(path)),
      options_(std::move(options)),
      log_path_(path_ + "-wal"),
      lock_(std::move(lock)) {}

SqliteStore::~SqliteStore() { close_session(); }

Result<std::unique_ptr<Store>> SqliteStore::open(const std::string& path,
                                                 const SqliteOptions& options) {
  auto lock = FileLock::acquire(path);
  if (!lock) return std::move(lock).error();
  std::unique_ptr<SqliteStore> store(new SqliteStore(path, options, std::move(lock).value()));
  auto session = store->open_session();
  if (!session) return std::move(session).error();
  store->session_ = std::move(session).value();
  store->database_ = FileIdentity::of(path);
  return std::unique_ptr<Store>(std::move(store));
}

Result<std::unique_ptr<SqliteStore::Session>> SqliteStore::open_session() const {
  const char* vfs = options_.vfs.empty() ? nullptr : options_.vfs.c_str();
  // An empty file in the place of one that is lost would look as if there had never been a room.
  if (!database_) {
    if (auto created = create_file(path_); !created) return std::move(created).error();
  }
  auto session = std::make_unique<Session>();

  auto writer = Connection::open(path_, vfs);
  if (!writer) return std::move(writer).error();
  session->writer = std::move(writer).value();
  Connection& connection = session->writer;
  sqlite3_busy_timeout(connection.get(), busy_timeout_ms);
  if (auto done = connection.execute(connection_settings, "opening it"); !done) {
    return std::move(done).error();
  }
  // Before anything is written, the file of another program or of a newer node is told apart.
  if (auto done = sqlite::check_owner(connection, sqlite::migrations()); !done) {
    return std::move(done).error();
  }
  if (auto done = use_write_ahead_log(connection, options_.checkpoint.restart_at); !done) {
    return std::move(done).error();
  }
  if (auto done = settle_log(connection); !done) return std::move(done).error();
  if (auto done = sqlite::migrate(connection, sqlite::migrations()); !done) {
    return std::move(done).error();
  }
  if (auto done = check(connection, options_.full_check_bytes); !done)
    return std::move(done).error();
  if (auto done = count_opening(connection); !done) return std::move(done).error();
  if (auto done = prepare(*session); !done) return std::move(done).error();
  session->log = FileIdentity::of(log_path_);  // there since that commit
  sqlite3_wal_hook(
      connection.get(),
      [](void* frames, sqlite3*, const char*, int count) {
        *static_cast<int*>(frames) = count;
        return SQLITE_OK;
      },
      &session->log_frames);

  auto second = Connection::open(path_, vfs);
  if (!second) return std::move(second).error();
  if (auto done = second->execute("PRAGMA synchronous=FULL;PRAGMA wal_autocheckpoint=0;"
                                  "PRAGMA trusted_schema=OFF;",
                                  "opening it");
      !done) {
    return std::move(done).error();
  }
  auto checkpointer = Checkpointer::start(std::move(second).value(), options_.checkpoint);
  if (!checkpointer) return std::move(checkpointer).error();
  session->checkpointer = std::move(checkpointer).value();
  return session;
}

Result<Outcomes> SqliteStore::commit(Batch batch) {
  if (failure_) return *failure_;
  if (auto begun = begin(); !begun) return std::move(begun).error();
  Outcomes outcomes;
  outcomes.reserve(batch.size());
  for (const Mutation* mutation : batch) {
    outcomes.push_back(apply(*mutation));
    if (failure_) return *failure_;
  }
  if (auto done = finish(); !done) return std::move(done).error();
  return outcomes;
}

Result<void> SqliteStore::begin() {
  if (auto allowed = session_->checkpointer->batch_begins(); !allowed) {
    return fail(std::move(allowed).error());
  }
  in_batch_ = true;
  const int code = session_->statements.begin.run();
  if (code != SQLITE_OK) return fail(code, "beginning a batch");
  return {};
}

Result<void> SqliteStore::finish() {
  session_->log_frames = -1;  // stays so when the batch has changed nothing
  const int code = session_->statements.commit.run();
  if (code != SQLITE_OK) return fail(code, "committing a batch");
  if (auto found = check_place(); !found) return fail(std::move(found).error());
  in_batch_ = false;
  session_->checkpointer->batch_ended(session_->log_frames);
  return {};
}

Result<void> SqliteStore::reopen() {
  if (session_) {
    drop_batch();
    if (!failure_ && !session_->checkpointer->failed()) return {};
  }
  // What is open is all that there is, until the file is back.
  if (!in_place()) {
    failure_ = lost_file(path_);
    return *failure_;
  }
  close_session();
  in_batch_ = false;
  auto session = open_session();
  if (!session) {
    failure_ = std::move(session).error();
    return *failure_;
  }
  session_ = std::move(session).value();
  failure_.reset();
  return {};
}

Store::Size SqliteStore::size() const {
  return {.database = file_bytes(path_), .wal = file_bytes(log_path_)};
}

bool SqliteStore::in_place() const { return FileIdentity::of(path_) == database_; }

Result<void> SqliteStore::check_place() const {
  if (!in_place()) return lost_file(path_);
  if (FileIdentity::of(log_path_) != session_->log) return lost_file(log_path_);
  return {};
}

void SqliteStore::close_session() {
  if (!session_) return;
  drop_batch();
  // SQLite would copy the log into the file that is open and delete whatever bears the log's name.
  if (!in_place()) {
    sqlite3_db_config(session_->writer.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  session_.reset();
}

Error SqliteStore::fail(Error error) {
  failure_ = std::move(error);
  drop_batch();
  return *failure_;
}

Error SqliteStore::fail(int code, std::string_view doing) {
  return fail(session_->writer.failure(code, doing));
}

Error SqliteStore::damaged(const std::string& what) {
  return fail(
      own_error(ErrorCode::unavailable, "store " + path_ + ": the file is damaged: " + what));
}

void SqliteStore::drop_batch() {
  if (sqlite3_get_autocommit(session_->writer.get()) == 0) {
    // Cannot fail in a way that keeps the transaction: what SQLite cannot roll back it drops on
    // closing.
    [[maybe_unused]] const auto done = session_->writer.execute("ROLLBACK", "dropping a batch");
  }
  if (std::exchange(in_batch_, false)) session_->checkpointer->batch_ended(-1);
}

}  // namespace innkeeper::store
