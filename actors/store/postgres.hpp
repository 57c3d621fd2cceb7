#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/domain/result.hpp"
#include "actors/store/columns.hpp"

// A thin layer over libpq: one connection whose every call has a deadline, statements that are sent
// together and answered together, values in the server's binary format, errors as values.
namespace innkeeper::store {

// How a PostgreSQL server is reached.
struct PostgresOptions {
  std::string url;            // postgresql://…, without a password
  std::string password_file;  // holds the password and nothing else; empty: none is sent
  std::string name;           // of the node; the server shows it as application_name
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(2);
  std::chrono::milliseconds answer_timeout = std::chrono::seconds(5);  // for a commit, for a lease
  std::chrono::milliseconds load_timeout = std::chrono::minutes(1);    // for each page of a load
};

namespace postgres {

using Clock = std::chrono::steady_clock;

// Types of the server, as they are written into arrays.
enum class Oid : std::uint32_t { bytea = 17, int8 = 20, text = 25, uuid = 2950 };

// A one-dimensional array parameter in the binary format.
class Array {
 public:
  explicit Array(Oid type);
  void add(std::string_view bytes);  // text, bytea
  void add(const UuidBytes& uuid);
  void add(std::int64_t value);
  void add_null();
  template <class T>
  void add(const std::optional<T>& value) {
    if (value) {
      add(*value);
    } else {
      add_null();
    }
  }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::string take();

 private:
  std::string data_;
  std::int32_t count_ = 0;
};

// A statement with its parameters, all of them binary.
class Call {
 public:
  // `sql` is the text of the statement, or the name of one that prepare() has made. It must outlive
  // the call.
  static Call text(const char* sql) { return Call(sql, false); }
  static Call prepared(const char* name) { return Call(name, true); }

  Call& bytes(std::string value) &;  // text, bytea
  Call& integer(std::int64_t value) &;
  Call& uuid(const UuidBytes& value) &;
  Call& array(Array& value) &;
  Call& null() &;

 private:
  friend class Connection;
  Call(const char* sql, bool prepared) : sql_(sql), prepared_(prepared) {}
  const char* sql_;
  bool prepared_;
  std::vector<std::optional<std::string>> values_;
};

// The rows of one answer. Columns count from 0 and are of the type that the caller asks for.
class Rows {
 public:
  Rows() = default;
  explicit Rows(PGresult* result) : result_(result) {}
  [[nodiscard]] int count() const noexcept { return PQntuples(result_.get()); }
  [[nodiscard]] bool is_null(int row, int column) const noexcept {
    return PQgetisnull(result_.get(), row, column) != 0;
  }
  // Valid as long as the rows. Empty for NULL.
  [[nodiscard]] std::string_view bytes(int row, int column) const noexcept;
  // A column of type bigint; 0 for NULL.
  [[nodiscard]] std::int64_t integer(int row, int column) const noexcept;

 private:
  struct Clear {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

// A statement that the server refused. The connection is sound; the transaction is not.
struct Refusal {
  std::string state;  // SQLSTATE: five characters
  std::string message;
  [[nodiscard]] bool is(std::string_view other) const noexcept { return state == other; }
  // The first two characters: what kind of failure it is.
  [[nodiscard]] bool of_class(std::string_view kind) const noexcept {
    return state.starts_with(kind);
  }
};

struct Answers {
  std::vector<Rows> rows;  // of each call that was carried out
  std::optional<Refusal> refusal;
};

// One connection, used by one thread at a time. After an error (`unavailable`, for the operator) it
// is closed for good; what was under way on it may or may not have happened.
class Connection {
 public:
  // Waits until connected, at most options.connect_timeout (and however long the system's resolver
  // takes for a host name).
  [[nodiscard]] static domain::Result<Connection> open(const PostgresOptions& options);

  // Sends all calls in one go and waits for all answers: one round trip. After a refused call the
  // server skips the rest.
  [[nodiscard]] domain::Result<Answers> run(std::span<const Call> calls,
                                            std::chrono::milliseconds timeout,
                                            std::string_view doing);
  // The same where a refusal is a failure too.
  [[nodiscard]] domain::Result<std::vector<Rows>> must_run(std::span<const Call> calls,
                                                           std::chrono::milliseconds timeout,
                                                           std::string_view doing);
  // A script of several statements without parameters.
  [[nodiscard]] domain::Result<void> run_script(const char* sql, std::chrono::milliseconds timeout,
                                                std::string_view doing);
  struct Prepared {
    const char* name;
    const char* sql;
  };
  [[nodiscard]] domain::Result<void> prepare(std::span<const Prepared> statements,
                                             std::chrono::milliseconds timeout);

  [[nodiscard]] bool is_open() const noexcept { return connection_ != nullptr; }
  void close() noexcept { connection_.reset(); }
  // For example 150004.
  [[nodiscard]] int server_version() const noexcept { return PQserverVersion(connection_.get()); }
  [[nodiscard]] int backend_pid() const noexcept { return PQbackendPID(connection_.get()); }
  // `host:port/database`, for messages.
  [[nodiscard]] const std::string& place() const noexcept { return place_; }
  [[nodiscard]] domain::Error failure(std::string_view doing, std::string_view cause) const;

 private:
  struct Finish {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };
  [[nodiscard]] bool send(const Call& call);
  // Takes the results that have arrived; true when the end of the exchange is among them.
  [[nodiscard]] bool take_results(Answers& answers);
  // What libpq says went wrong, then closes.
  [[nodiscard]] domain::Error lost(std::string_view doing);
  [[nodiscard]] domain::Result<Answers> exchange(Clock::time_point deadline,
                                                 std::string_view doing);
  // Waits until something can be read (or written, where that is wanted); false at the deadline.
  [[nodiscard]] bool wait(bool for_writing, Clock::time_point deadline) const;

  std::unique_ptr<PGconn, Finish> connection_;
  std::string place_;
  bool pipeline_ = false;
};

}  // namespace postgres
}  // namespace innkeeper::store
