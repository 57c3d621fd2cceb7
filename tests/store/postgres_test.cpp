// What only the store on a server has to do: opening it, who may hold it, values that it cannot
// take.

#include <filesystem>
#include <fstream>
#include <thread>

#include "actors/store/postgres_schema.hpp"
#include "actors/store/schema.hpp"
#include "tests/store/support/checks.hpp"
#include "tests/store/support/full_records.hpp"
#include "tests/store/support/postgres_server.hpp"

using namespace innkeeper;
using namespace innkeeper::store;
using namespace innkeeper::store::testing;

namespace {

bool mentions(const domain::Error& error, const std::string& what) {
  INFO(error.message);
  CHECK(error.code == domain::ErrorCode::unavailable);
  return error.message.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("both stores have the same version of the schema") {
  CHECK(postgres::migrations().back().to == sqlite::migrations().back().to);
}

TEST_CASE("several nodes may open an empty database at once") {
  const TestDatabase database;
  std::vector<std::thread> nodes;
  std::vector<std::string> failures(6);
  for (auto& failure : failures) {
    nodes.emplace_back([&] {
      const auto store = open_postgres(database.options(), Shared{});
      if (!store) failure = store.error().message;
    });
  }
  for (auto& node : nodes) node.join();
  for (const auto& failure : failures) CHECK(failure.empty());
  CHECK(database.sql("SELECT count(*) FROM innkeeper.store_info") == "1");
}

TEST_CASE("a schema that is newer is refused and left as it is") {
  const TestDatabase database;
  must(open_postgres(database.options(), Alone{})).reset();
  database.sql("UPDATE innkeeper.store_info SET version = 99");
  CHECK(mentions(error_of(open_postgres(database.options(), Alone{})),
                 "its schema has version 99, and this program knows versions up to"));
  CHECK(database.sql("SELECT version FROM innkeeper.store_info") == "99");
}

TEST_CASE("a schema of somebody else is refused and left as it is") {
  const TestDatabase database;
  const std::string theirs = GENERATE("CREATE TABLE innkeeper.guests (name TEXT)",
                                      "CREATE TABLE innkeeper.store_info (id INT)",
                                      "CREATE VIEW innkeeper.rooms AS SELECT 1");
  database.sql("CREATE SCHEMA innkeeper; " + theirs);
  CHECK(mentions(error_of(open_postgres(database.options(), Alone{})), "is not one of Innkeeper"));
  CHECK(database.sql("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
                     "WHERE nspname = 'innkeeper'") == "1");
}

TEST_CASE("tables of others beside ours do not matter, nor a schema that was made for us") {
  const TestDatabase database;
  database.sql("CREATE TABLE public.rooms (name TEXT); CREATE SCHEMA innkeeper");
  const auto store = must(open_postgres(database.options(), Alone{}));
  commit_all(*store, {{insert(room(1))}});
  CHECK(database.sql("SELECT count(*) FROM public.rooms") == "0");
  CHECK(database.sql("SELECT state FROM innkeeper.rooms_readable") == "allocated");
}

TEST_CASE("a database with another encoding is refused") {
  const TestDatabase database("ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
  CHECK(mentions(error_of(open_postgres(database.options(), Alone{})), "ENCODING 'UTF8'"));
  CHECK(database.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'innkeeper'") == "0");
}

TEST_CASE("a server that is too old is refused") {
  CHECK(postgres::server_problem(130'021, "UTF8") ==
        "the server is PostgreSQL 13, and at least 14 is needed");
  CHECK(postgres::server_problem(140'000, "UTF8").empty());
  CHECK(postgres::server_problem(150'006, "UTF8").empty());
}

TEST_CASE("a server that only reads is refused") {
  const TestDatabase database;
  database.sql("ALTER DATABASE " + database.name() + " SET default_transaction_read_only = on");
  CHECK(mentions(error_of(open_postgres(database.options(), Alone{})), "read-only"));
}

TEST_CASE("what is wrong with the connection is said, with the place and without the password") {
  const TestDatabase database;
  auto options = database.options();
  SECTION("no server") {
    options.url = "postgresql://user@127.0.0.1:1/db";
    CHECK(mentions(error_of(open_postgres(options, Alone{})), "127.0.0.1:1/db"));
  }
  SECTION("no such database") {
    options.url = PostgresServer::shared().url("nowhere");
    CHECK(mentions(error_of(open_postgres(options, Alone{})), "nowhere"));
  }
  SECTION("a URL that is none") {
    options.url = "postgresql://[::1/db";
    CHECK(mentions(error_of(open_postgres(options, Alone{})), "store"));
  }
  SECTION("a password file that is not there") {
    options.password_file = "/nonexistent/password";
    CHECK(mentions(error_of(open_postgres(options, Alone{})), "/nonexistent/password"));
  }
}

TEST_CASE("a password comes from its file, and is read anew at each connection") {
  const TestDatabase database;
  const TemporaryDirectory directory;
  database.sql("DROP ROLE IF EXISTS guarded; CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'first'");
  auto options = database.options();
  options.url = PostgresServer::shared().url(database.name(), "guarded");
  options.password_file = directory.file("password");
  std::ofstream(options.password_file) << "wrong\n";
  const auto error = error_of(open_postgres(options, Alone{}));
  CHECK(mentions(error, "password authentication failed"));
  CHECK_FALSE(mentions(error, "wrong"));
  std::ofstream(options.password_file) << "first\n";
  const auto store = must(open_postgres(options, Alone{}));
  database.sql("ALTER ROLE guarded PASSWORD 'second'");
  std::ofstream(options.password_file) << "second";
  PostgresServer::shared().restart(PostgresServer::Shutdown::fast);
  must(store->reopen());
  commit_all(*store, {{insert(room(1))}});
}

TEST_CASE("a database has one lone node, or several of a cluster") {
  const TestDatabase database;
  auto options = database.options("second");
  options.answer_timeout = std::chrono::milliseconds(200);
  auto first = must(open_postgres(database.options("first"), Alone{}));
  auto error = error_of(open_postgres(options, Alone{}));
  CHECK(mentions(error, "it is held by another node: innkeeper first (backend "));
  CHECK(mentions(error_of(open_postgres(options, Shared{})), "it is held by another node"));
  // The first did not notice.
  commit_all(*first, {{insert(room(1))}});
  first.reset();
  const auto one = must(open_postgres(options, Shared{}));
  const auto other = must(open_postgres(options, Shared{}));
  CHECK(mentions(error_of(open_postgres(options, Alone{})), "it is held by another node"));
}

TEST_CASE("a text that the server cannot take fails its own mutation only") {
  const TestDatabase database;
  const auto store = must(open_postgres(database.options(), Alone{}));
  std::vector<Mutation> mutations{{insert(room(1))}};
  const std::vector<std::string> wrong{std::string("a\0b", 3), "\xFF",     "\xC3",
                                       "\xED\xA0\x80",         "\xC0\x80", "\xF5\x80\x80\x80",
                                       "\xE0\x80\x80"};
  for (const std::string& text : wrong) {
    auto app = full_app();
    app.name = text;
    mutations.push_back({insert(room(100 + mutations.size())), PutApp{app}});
  }
  mutations.push_back({insert(room(2))});
  const auto outcomes = must(commit(*store, mutations));
  must(outcomes.front());
  must(outcomes.back());
  for (std::size_t i = 1; i + 1 < outcomes.size(); ++i) {
    CHECK(error_of(outcomes[i]).code == domain::ErrorCode::internal);
  }
  CHECK(must(store->load_region(seattle)).rooms.size() == 2);
}

TEST_CASE("a key of any bytes is kept, and a summary too") {
  const TestDatabase database;
  const auto store = must(open_postgres(database.options(), Alone{}));
  auto key = idempotency(1);
  key.record.key = std::string("\xFF\0'\\x41", 7);
  auto process = full_process();
  process.exit_summary = "killed \xFE";
  commit_all(*store, {{key, PutProcess{.region = seattle, .app = echo_app, .process = process}}});
  const auto snapshot = must(store->load_region(seattle));
  CHECK(snapshot.idempotency.at(0).key == key.record.key);
  CHECK(snapshot.processes.at(0) == process);
}

TEST_CASE("a batch in which most ids are taken is told apart") {
  const TestDatabase database;
  const auto store = must(open_postgres(database.options(), Alone{}));
  std::vector<Mutation> all;
  std::vector<Mutation> odd;
  for (std::uint64_t i = 0; i < 512; ++i) {
    all.push_back({insert(room(i)), idempotency(i)});
    if (i % 2 == 1) odd.push_back({insert(room(i))});
  }
  commit_all(*store, odd);
  const auto outcomes = must(commit(*store, all));
  for (std::size_t i = 0; i < outcomes.size(); ++i) CHECK(outcomes[i].has_value() == (i % 2 == 0));
  const auto snapshot = must(store->load_region(seattle));
  CHECK(snapshot.rooms.size() == 512);
  CHECK(snapshot.idempotency.size() == 256);
}

TEST_CASE("a large region is loaded in pages") {
  const TestDatabase database;
  const auto store = must(open_postgres(database.options(), Alone{}));
  std::vector<Mutation> mutations;
  constexpr std::uint64_t rooms = 10'001;
  for (std::uint64_t i = 0; i < rooms; ++i) mutations.push_back({insert(room(i))});
  commit_all(*store, mutations);
  const auto snapshot = must(store->load_region(seattle));
  REQUIRE(snapshot.rooms.size() == rooms);
  for (std::uint64_t i = 0; i < rooms; i += 997) CHECK(*snapshot.rooms[i] == room(i));
}

TEST_CASE("a value that no node writes is damage") {
  const TestDatabase database;
  const auto store = must(open_postgres(database.options(), Alone{}));
  commit_all(*store, {full_changes()});
  const char* sql =
      GENERATE("UPDATE rooms SET state = 9", "UPDATE rooms SET deployment_key = -1",
               "UPDATE allocations SET ended = 99", "UPDATE processes SET ports = '[[[['",
               "UPDATE processes SET attempt = 256", "UPDATE idempotency SET exposed_port = '[]'");
  database.sql(std::string("SET search_path = innkeeper; ") + sql);
  INFO(sql);
  CHECK(mentions(error_of(store->load_region(seattle)), "no node writes"));
  CHECK(mentions(error_of(store->commit({})), "no node writes"));
}
