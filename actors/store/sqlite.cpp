#include "actors/store/sqlite.hpp"

#include <cstring>
#include <system_error>
#include <utility>

namespace innkeeper::store::sqlite {
namespace {

// The cause in words that say what an operator can do about it.
std::string_view cause_of(int code) {
  switch (code) {
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
      return "the disk did not confirm that data is durable (fsync failed)";
    case SQLITE_IOERR_NOMEM:
      return "out of memory";
    case SQLITE_IOERR_WRITE:
    case SQLITE_IOERR_TRUNCATE:
      return "a write failed";
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ:
      return "a read failed";
    case SQLITE_CANTOPEN_ISDIR:
      return "it is a directory";
    default:
      break;
  }
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return "no space is left for it";
    case SQLITE_READONLY:
      return "the file or its directory is read-only";
    case SQLITE_CORRUPT:
      return "the file is damaged";
    case SQLITE_NOTADB:
      return "the file is damaged or is no database";
    case SQLITE_CANTOPEN:
      return "the file cannot be opened";
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return "access is denied";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another program holds it locked";
    case SQLITE_NOMEM:
      return "out of memory";
    case SQLITE_IOERR:
      return "input or output failed";
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return "its contents contradict each other";
    case SQLITE_PROTOCOL:
      return "its locks are in disorder";
    default:
      return "unexpected failure";
  }
}

bool concerns_system_call(int code) {
  const int primary = code & 0xFF;
  return primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_FULL;
}

// The error number of the system call that failed; 0 when there was none. A rollback may have wiped
// what the connection remembers, but its files remember too.
int system_error_of(sqlite3* db) {
  if (const int number = sqlite3_system_errno(db); number != 0) return number;
  int number = 0;
  sqlite3_file* log = nullptr;
  if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
      log != nullptr && log->pMethods != nullptr) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number);
  }
  if (number == 0) sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &number);
  return number;
}

}  // namespace

domain::Error describe_failure(sqlite3* db, int code, const std::string& path,
                               std::string_view doing) {
  std::string message = "store ";
  message.append(path).append(": ").append(cause_of(code)).append(", while ").append(doing);
  message.append(" (sqlite ")
      .append(std::to_string(code))
      .append(": ")
      .append(sqlite3_errstr(code));
  if (db != nullptr) {
    const std::string_view detail = sqlite3_errmsg(db);
    if (detail != sqlite3_errstr(code) && detail != "not an error")
      message.append("; ").append(detail);
    if (const int number = concerns_system_call(code) ? system_error_of(db) : 0; number != 0) {
      message.append("; ").append(std::generic_category().message(number));
    }
  }
  message.append(")");
  return {.code = domain::ErrorCode::unavailable,
          .message = std::move(message),
          .field = {},
          .retry_after_s = 0};
}

int Statement::step() noexcept {
  if (bind_error_ != SQLITE_OK) return std::exchange(bind_error_, SQLITE_OK);
  const int code = sqlite3_step(get());
  if (code == SQLITE_ROW || code == SQLITE_DONE) return code;
  sqlite3* const db = sqlite3_db_handle(get());
  const int extended = sqlite3_extended_errcode(db);
  sqlite3_reset(get());
  return (extended & 0xFF) == (code & 0xFF) ? extended : code;
}

int Statement::run() noexcept {
  const int code = step();
  if (code != SQLITE_DONE) {
    sqlite3_reset(get());
    return code == SQLITE_ROW ? SQLITE_MISUSE : code;
  }
  return sqlite3_reset(get());
}

std::string_view Statement::text(int column) const noexcept {
  const auto* data = sqlite3_column_text(get(), column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(get(), column))};
}

std::string_view Statement::blob(int column) const noexcept {
  const auto* data = sqlite3_column_blob(get(), column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(get(), column))};
}

domain::Result<Connection> Connection::open(const std::string& path, const char* vfs) {
  Connection connection;
  connection.path_ = path;
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, vfs);
  connection.db_.reset(db);
  if (code != SQLITE_OK) return connection.failure(code, "opening it");
  if (sqlite3_db_readonly(db, "main") == 1)
    return connection.failure(SQLITE_READONLY, "opening it");
  return connection;
}

domain::Result<void> Connection::execute(const char* sql, std::string_view doing) {
  const int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code, doing);
  return {};
}

domain::Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) return failure(code, "preparing a statement");
  Statement statement;
  statement.statement_.reset(raw);
  return statement;
}

domain::Result<std::int64_t> Connection::query_integer(std::string_view sql,
                                                       std::string_view doing) {
  auto statement = prepare(sql);
  if (!statement) return std::move(statement).error();
  const int code = statement->step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return failure(code, doing);
  return code == SQLITE_ROW ? statement->integer(0) : 0;
}

domain::Result<std::string> Connection::query_text(std::string_view sql, std::string_view doing) {
  auto statement = prepare(sql);
  if (!statement) return std::move(statement).error();
  const int code = statement->step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return failure(code, doing);
  return code == SQLITE_ROW ? std::string(statement->text(0)) : std::string();
}

}  // namespace innkeeper::store::sqlite
