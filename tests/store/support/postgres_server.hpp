#pragma once

#include <sys/types.h>

#include <string>

#include "actors/store/postgres_store.hpp"
#include "tests/store/support/place.hpp"

namespace innkeeper::store::testing {

// A real PostgreSQL server in a directory of its own: unix socket only, fsync on, started as an
// unprivileged user (it refuses root), and gone with the object or with this process however it
// ends.
class PostgresServer {
 public:
  PostgresServer();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // The one of this process, started by the first caller.
  static PostgresServer& shared();

  // Only by the main thread: the server ends with the thread that started it.
  void start();
  enum class Shutdown { fast, crash };
  void stop(Shutdown how);
  void restart(Shutdown how) {
    stop(how);
    start();
  }

  // A new, empty database; `options` is the rest of CREATE DATABASE.
  std::string make_database(const std::string& options = {});
  void drop_database(const std::string& name);
  [[nodiscard]] std::string url(const std::string& database,
                                const std::string& user = "innkeeper") const;
  // Runs statements on a connection of their own; the first column of the last one's first row.
  std::string sql(const std::string& database, const std::string& statements);
  // Processes of connections with this application_name.
  pid_t backend(const std::string& database, const std::string& application);

 private:
  [[nodiscard]] std::string program(const std::string& name) const;
  // The child: as the unprivileged user, output to the log.
  [[nodiscard]] pid_t spawn(const std::vector<std::string>& command) const;
  void wait_until_ready();

  TemporaryDirectory directory_;
  std::string bin_;
  uid_t user_ = 0;
  gid_t group_ = 0;
  pid_t postmaster_ = 0;
  int databases_ = 0;
};

// A database of the shared server, dropped at the end.
class TestDatabase {
 public:
  explicit TestDatabase(const std::string& options = {})
      : name_(PostgresServer::shared().make_database(options)) {}
  ~TestDatabase() { PostgresServer::shared().drop_database(name_); }
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }
  // Timeouts that a busy machine keeps; tests of timeouts set their own.
  [[nodiscard]] PostgresOptions options(const std::string& node = "node-1") const;
  std::string sql(const std::string& statements) const {
    return PostgresServer::shared().sql(name_, statements);
  }

 private:
  std::string name_;
};

}  // namespace innkeeper::store::testing
