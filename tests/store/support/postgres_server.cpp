#include "tests/store/support/postgres_server.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <thread>

namespace innkeeper::store::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

// The newest server that is installed.
std::string find_programs() {
  if (const char* given = std::getenv("INNKEEPER_POSTGRES_BIN"); given != nullptr) return given;
  int newest = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    if (fs::exists(entry.path() / "bin" / "postgres")) {
      newest = std::max(newest, std::atoi(entry.path().filename().c_str()));
    }
  }
  if (newest == 0) throw std::runtime_error("no PostgreSQL server is installed (./dev packages)");
  return "/usr/lib/postgresql/" + std::to_string(newest) + "/bin";
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

PostgresServer::PostgresServer() : bin_(find_programs()), user_(::geteuid()), group_(::getegid()) {
  if (user_ == 0) {
    const passwd* account = ::getpwnam("postgres");
    if (account == nullptr) account = ::getpwnam("nobody");
    if (account == nullptr) throw std::runtime_error("there is no user to run PostgreSQL as");
    user_ = account->pw_uid;
    group_ = account->pw_gid;
    if (::chown(directory_.path().c_str(), user_, group_) != 0) {
      throw std::runtime_error("cannot give a directory away");
    }
  }
  const auto data = directory_.file("data");
  const pid_t child = spawn({program("initdb"), "-D", data, "-U", "innkeeper", "--auth=trust", "-E",
                             "UTF8", "--locale=C.UTF-8", "--no-sync"});
  if (wait_for(child) != 0)
    throw std::runtime_error("initdb failed; see " + directory_.file("log"));
  // One user has to show a password.
  const auto access = data + "/pg_hba.conf";
  std::ifstream before(access);
  const std::string rules{std::istreambuf_iterator<char>(before), {}};
  std::ofstream(access) << "local all guarded scram-sha-256\n" << rules;
  start();
}

PostgresServer::~PostgresServer() {
  if (postmaster_ != 0) stop(Shutdown::crash);
}

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

std::string PostgresServer::program(const std::string& name) const { return bin_ + "/" + name; }

pid_t PostgresServer::spawn(const std::vector<std::string>& command) const {
  const auto log = directory_.file("log");
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const bool give_up_root = ::geteuid() == 0;
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child > 0) return child;
  if (give_up_root && (::setgid(group_) != 0 || ::setuid(user_) != 0)) ::_exit(120);
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (out < 0 || ::chdir("/") != 0) ::_exit(121);
  ::dup2(out, 1);
  ::dup2(out, 2);
  // Signals of the terminal are for the test alone.
  ::setsid();
  ::execv(arguments.front(), arguments.data());
  ::_exit(122);
}

void PostgresServer::start() {
  postmaster_ =
      spawn({program("postgres"), "-D", directory_.file("data"), "-c", "listen_addresses=", "-c",
             "unix_socket_directories=" + directory_.path().string(), "-c", "fsync=on", "-c",
             "shared_buffers=32MB", "-c", "max_connections=60", "-c", "log_min_messages=warning"});
  wait_until_ready();
}

void PostgresServer::wait_until_ready() {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  const auto target = url("postgres");
  while (PQping(target.c_str()) != PQPING_OK) {
    if (::waitpid(postmaster_, nullptr, WNOHANG) != 0 ||
        std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("PostgreSQL does not start; see " + directory_.file("log"));
    }
    std::this_thread::sleep_for(5ms);
  }
}

void PostgresServer::stop(Shutdown how) {
  ::kill(postmaster_, how == Shutdown::fast ? SIGINT : SIGQUIT);
  wait_for(postmaster_);
  postmaster_ = 0;
}

std::string PostgresServer::make_database(const std::string& options) {
  const auto name = "db" + std::to_string(++databases_);
  sql("postgres", "CREATE DATABASE " + name + " " + options);
  return name;
}

void PostgresServer::drop_database(const std::string& name) {
  sql("postgres", "DROP DATABASE " + name + " WITH (FORCE)");
}

std::string PostgresServer::url(const std::string& database, const std::string& user) const {
  return "postgresql://" + user + "@/" + database + "?host=" + directory_.path().string();
}

std::string PostgresServer::sql(const std::string& database, const std::string& statements) {
  const Connection connection(PQconnectdb(url(database).c_str()), PQfinish);
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  const Result result(PQexec(connection.get(), statements.c_str()), PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    throw std::runtime_error(statements + ": " + PQerrorMessage(connection.get()));
  }
  return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

pid_t PostgresServer::backend(const std::string& database, const std::string& application) {
  const auto pid = sql(database, "SELECT pid FROM pg_stat_activity WHERE application_name = '" +
                                     application + "' AND datname = '" + database + "'");
  if (pid.empty()) throw std::runtime_error("there is no connection of " + application);
  return std::stoi(pid);
}

PostgresOptions TestDatabase::options(const std::string& node) const {
  return {.url = PostgresServer::shared().url(name_),
          .password_file = {},
          .name = node,
          .connect_timeout = std::chrono::seconds(10),
          .answer_timeout = std::chrono::seconds(10),
          .load_timeout = std::chrono::seconds(20)};
}

}  // namespace innkeeper::store::testing
