#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "actors/domain/result.hpp"

// A thin layer over SQLite's C interface: ownership, typed access to columns, errors as values.
namespace innkeeper::store::sqlite {

// What went wrong, for the operator: code `unavailable`, with the file, what was being done, the
// cause in words and SQLite's own code. `db` may be null when there is no connection.
[[nodiscard]] domain::Error describe_failure(sqlite3* db, int code, const std::string& path,
                                             std::string_view doing);

// One prepared statement. Text and blobs are bound without a copy: they must outlive step().
// Parameters count from 1 and columns from 0, as in SQLite.
class Statement {
 public:
  Statement() = default;

  void bind(int index, std::int64_t value) noexcept {
    note(sqlite3_bind_int64(get(), index, value));
  }
  void bind_null(int index) noexcept { note(sqlite3_bind_null(get(), index)); }
  void bind(int index, std::string_view text) noexcept {
    // SQLite takes a null pointer for NULL, and an empty view may hold one.
    note(sqlite3_bind_text64(get(), index, text.data() == nullptr ? "" : text.data(), text.size(),
                             SQLITE_STATIC, SQLITE_UTF8));
  }
  void bind_blob(int index, const void* data, std::size_t size) noexcept {
    note(sqlite3_bind_blob64(get(), index, data, size, SQLITE_STATIC));
  }

  // SQLITE_ROW, SQLITE_DONE or an extended error code. After an error the statement has been reset.
  [[nodiscard]] int step() noexcept;
  // Runs a statement that returns no rows, and resets it: SQLITE_OK or an extended error code.
  [[nodiscard]] int run() noexcept;
  void reset() noexcept { sqlite3_reset(get()); }

  [[nodiscard]] bool is_null(int column) const noexcept {
    return sqlite3_column_type(get(), column) == SQLITE_NULL;
  }
  [[nodiscard]] std::int64_t integer(int column) const noexcept {
    return sqlite3_column_int64(get(), column);
  }
  // Valid until the next step or reset. Empty for NULL.
  [[nodiscard]] std::string_view text(int column) const noexcept;
  [[nodiscard]] std::string_view blob(int column) const noexcept;

 private:
  friend class Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  [[nodiscard]] sqlite3_stmt* get() const noexcept { return statement_.get(); }
  void note(int code) noexcept {
    if (code != SQLITE_OK) bind_error_ = code;
  }

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bind_error_ = SQLITE_OK;
};

// Resets a statement at the end of a scope, so that no read transaction stays open.
class ResetGuard {
 public:
  explicit ResetGuard(Statement& statement) noexcept : statement_(statement) {}
  ~ResetGuard() { statement_.reset(); }
  ResetGuard(const ResetGuard&) = delete;
  ResetGuard& operator=(const ResetGuard&) = delete;

 private:
  Statement& statement_;
};

// One connection; used by one thread at a time.
class Connection {
 public:
  Connection() = default;

  // Opens an existing file for reading and writing. `vfs` may be null: SQLite's default.
  [[nodiscard]] static domain::Result<Connection> open(const std::string& path, const char* vfs);

  // Runs statements that return nothing of interest.
  [[nodiscard]] domain::Result<void> execute(const char* sql, std::string_view doing);
  [[nodiscard]] domain::Result<Statement> prepare(std::string_view sql);
  // The first column of the first row; empty text when there is no row.
  [[nodiscard]] domain::Result<std::int64_t> query_integer(std::string_view sql,
                                                           std::string_view doing);
  [[nodiscard]] domain::Result<std::string> query_text(std::string_view sql,
                                                       std::string_view doing);

  [[nodiscard]] domain::Error failure(int code, std::string_view doing) const {
    return describe_failure(db_.get(), code, path_, doing);
  }
  [[nodiscard]] sqlite3* get() const noexcept { return db_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  struct Close {
    void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
  std::string path_;
};

}  // namespace innkeeper::store::sqlite
