// One file: who may open it, which schemas it may have, what damage looks like.

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

#include "actors/store/schema.hpp"
#include "tests/store/support/checks.hpp"
#include "tests/store/support/full_records.hpp"
#include "tests/store/support/ledger.hpp"
#include "tests/store/support/place.hpp"

using namespace innkeeper;
using namespace innkeeper::store;
using namespace innkeeper::store::testing;

namespace {

void run_sql(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  char* message = nullptr;
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message) != SQLITE_OK) FAIL(message);
  sqlite3_close(db);
}

// All rows of a query, columns joined by '|'.
std::string query(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  std::string rows;
  const auto collect = [](void* out, int columns, char** values, char**) {
    for (int i = 0; i < columns; ++i) {
      static_cast<std::string*>(out)->append(values[i] == nullptr ? "null" : values[i]).append("|");
    }
    static_cast<std::string*>(out)->append("\n");
    return 0;
  };
  if (sqlite3_exec(db, sql.c_str(), collect, &rows, nullptr) != SQLITE_OK) FAIL(sqlite3_errmsg(db));
  sqlite3_close(db);
  return rows;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_at(const std::string& path, std::streamoff offset, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(offset);
  file << bytes;
}

void fill(const std::string& path, std::uint64_t batches) {
  const auto store = must(open_sqlite(path));
  for (std::uint64_t batch = 0; batch < batches; ++batch) must(try_batch(*store, batch));
}

bool mentions(const domain::Error& error, const std::string& words) {
  UNSCOPED_INFO(error.message);
  return error.code == domain::ErrorCode::unavailable &&
         error.message.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("a file that is held is refused to everybody else, and told by whom") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  auto store = must(open_sqlite(path));
  const auto error = error_of(open_sqlite(path));
  CHECK(mentions(error, "held by process " + std::to_string(::getpid())));
  CHECK(mentions(error, path));
  // A program that is started while the store is open does not keep it held.
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(ends[1]);
    ::dup2(ends[0], 0);
    ::execl("/bin/cat", "cat", nullptr);
    ::_exit(1);
  }
  ::close(ends[0]);
  // It echoes nothing; that the exec is over shows in its name.
  const std::string name_file = "/proc/" + std::to_string(child) + "/comm";
  while (read_text(name_file) != "cat\n") {
  }
  store.reset();
  store = must(open_sqlite(path));
  ::close(ends[1]);
  int status = 0;
  ::waitpid(child, &status, 0);
  must(store->reopen());
  CHECK(mentions(error_of(open_sqlite(path)), "held by"));
}

TEST_CASE("a lock dies with its process") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto store = open_sqlite(path);
    const char answer = store ? 'y' : 'n';
    if (::write(ends[1], &answer, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char answer = 0;
  REQUIRE(::read(ends[0], &answer, 1) == 1);
  CHECK(answer == 'y');
  CHECK(mentions(error_of(open_sqlite(path)), "held by process " + std::to_string(child)));
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  must(open_sqlite(path));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("the files are for their owner only") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  const auto store = must(open_sqlite(path));
  must(try_batch(*store, 0));
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    struct stat status {};
    INFO(suffix);
    REQUIRE(::stat((path + suffix).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
  }
}

TEST_CASE("a directory that is not there, and a path that is one, are named") {
  const TemporaryDirectory directory;
  CHECK(mentions(error_of(open_sqlite(directory.file("missing/innkeeper.db"))),
                 "missing/innkeeper.db"));
  std::filesystem::create_directory(directory.file("folder.db"));
  CHECK(mentions(error_of(open_sqlite(directory.file("folder.db"))), "folder.db"));
}

TEST_CASE("a schema that is newer is refused with both numbers, and left as it is") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  fill(path, 1);
  run_sql(path, "PRAGMA user_version = 4711");
  const auto before = query(path, "SELECT opened FROM store_info");
  const auto error = error_of(open_sqlite(path));
  CHECK(mentions(error, "version 4711"));
  CHECK(mentions(error, std::to_string(schema_version())));
  CHECK(query(path, "SELECT opened FROM store_info") == before);
}

TEST_CASE("a database of another program is refused and left as it is") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("other.db");
  run_sql(path, "CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')");
  const auto before = read_text(path);
  CHECK(mentions(error_of(open_sqlite(path)), "not one of Innkeeper"));
  CHECK(read_text(path) == before);
}

TEST_CASE("a file of the first schema is brought up to date with all that it holds") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("golden.db");
  run_sql(path, read_text(GOLDEN_DIR "/v1.sql"));
  REQUIRE(query(path, "PRAGMA user_version") == "1|\n");
  auto store = must(open_sqlite(path));
  const auto snapshot = must(store->load_region(seattle));
  REQUIRE(snapshot.rooms.size() == 1);
  CHECK(*snapshot.rooms.front() == full_room());
  CHECK(snapshot.processes == std::vector{full_process()});
  REQUIRE(snapshot.idempotency.size() == 1);
  CHECK(snapshot.idempotency.front().answer == full_idempotency().answer);
  auto deployment = full_deployment();
  deployment.key = domain::DeploymentKey{1};
  const auto catalog = must(store->load_catalog());
  CHECK(catalog.apps.at(echo_app).app == full_app());
  CHECK(*catalog.apps.at(echo_app).latest() == deployment);
  must(try_batch(*store, 5));
  store.reset();

  // Whichever way it came about, the schema is the same.
  const std::string fresh = directory.file("fresh.db");
  must(open_sqlite(fresh));
  const std::string schema = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name";
  CHECK(query(path, schema) == query(fresh, schema));
  CHECK(query(path, "PRAGMA user_version") == std::to_string(schema_version()) + "|\n");
}

TEST_CASE("migrations run one after the other, and one that fails leaves the version before it") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("steps.db");
  std::ofstream(path).close();
  using sqlite::Migration;
  const std::array<Migration, 2> good{
      {{1, "CREATE TABLE a (x INTEGER)"},
       {2, "ALTER TABLE a ADD COLUMN y TEXT; INSERT INTO a VALUES (1, 'z')"}}};
  const std::array<Migration, 3> bad{
      {good[0], good[1], {3, "INSERT INTO a VALUES (2, 'w'); INSERT INTO nowhere VALUES (1)"}}};
  auto connection = must(sqlite::Connection::open(path, nullptr));
  must(sqlite::migrate(connection, std::span(good).first(1)));
  CHECK(query(path, "PRAGMA user_version") == "1|\n");
  const auto error = error_of(sqlite::migrate(connection, bad));
  CHECK(mentions(error, "schema to version 3"));
  CHECK(query(path, "PRAGMA user_version; SELECT * FROM a") == "2|\n1|z|\n");
  must(sqlite::migrate(connection, good));
  CHECK(query(path, "SELECT count(*) FROM a") == "1|\n");
  CHECK(mentions(error_of(sqlite::migrate(connection, std::span(good).first(1))), "version 2"));
}

TEST_CASE("the steps of this program have consecutive numbers from 1") {
  int expected = 1;
  for (const auto& step : sqlite::migrations()) CHECK(step.to == expected++);
  CHECK(schema_version() == expected - 1);
}

TEST_CASE("people can read the views") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  auto store = must(open_sqlite(path));
  commit_all(*store, {full_changes()});
  CHECK(query(path, "SELECT room_id, region, app_id, state, created_at FROM rooms_readable") ==
        "Chosen_room-1|Seattle|" + echo_app.str() + "|suspended|2023-11-14T22:13:20.009Z|\n");
  CHECK(
      query(path, "SELECT allocation_id, placed, ended FROM allocations_readable WHERE seq = 9") ==
      "0190a1b2-c3d4-7009-8000-000000000009|starting_process|no_capacity|\n");
  CHECK(query(path, "SELECT process_id, status, exit_reason FROM processes_readable") ==
        "ffeeddcc-bbaa-9988-7766-554433221100|failed|no_capacity|\n");
  CHECK(query(path,
              "SELECT count(*) FROM allocations_readable WHERE placed IS NULL OR ended IS NULL") ==
        "0|\n");
}

TEST_CASE("damage is found when the file is opened, or when what is damaged is read") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  fill(path, 60);
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path));
  SqliteOptions quick;
  quick.full_check_bytes = 0;

  SECTION("a header that is none") {
    write_at(path, 0, "this is no database at all");
    CHECK(mentions(error_of(open_sqlite(path)), "damaged or is no database"));
  }
  SECTION("text instead of a database") {
    std::ofstream(path) << std::string(10'000, 'x');
    CHECK(mentions(error_of(open_sqlite(path)), "damaged or is no database"));
  }
  SECTION("a file that was cut off") {
    std::filesystem::resize_file(path, static_cast<std::uintmax_t>(size / 2 / 4'096 * 4'096));
    CHECK(mentions(error_of(open_sqlite(path)), "damaged"));
    CHECK(mentions(error_of(open_sqlite(path, quick)), "damaged"));
  }
  SECTION("pages of noise") {
    for (std::streamoff offset = 4'096 * 12; offset < size; offset += 4'096 * 7) {
      write_at(path, offset, std::string(4'096, '\x5A'));
    }
    CHECK(mentions(error_of(open_sqlite(path)), "damaged"));
    const auto store = open_sqlite(path, quick);
    if (store) {
      CHECK(mentions(error_of((*store)->load_region(seattle)), "damaged"));
      CHECK(mentions(error_of((*store)->commit({})), "damaged"));
    } else {
      CHECK(mentions(store.error(), "damaged"));
    }
  }
  SECTION("a value that is never written") {
    const char* sql = GENERATE(
        "UPDATE rooms SET state = 9", "UPDATE rooms SET deployment_key = -1",
        "UPDATE allocations SET ended = 99", "UPDATE allocations SET process_id = x'00'",
        "UPDATE processes SET status = -1", "UPDATE processes SET ports = '[7]'",
        "UPDATE processes SET ports = '[[[['", "UPDATE processes SET ports = '[{\"name\":1}]'",
        "UPDATE processes SET attempt = 256", "UPDATE idempotency SET exposed_port = '[]'",
        "UPDATE idempotency SET process_id = x''");
    run_sql(path, sql);
    INFO(sql);
    const auto store = must(open_sqlite(path));
    CHECK(mentions(error_of(store->load_region(seattle)), "the file is damaged"));
    CHECK(mentions(error_of(store->commit({})), "the file is damaged"));
  }
  SECTION("a spec that is none") {
    auto store = must(open_sqlite(path));
    commit_all(*store, {{PutApp{full_app()}, InsertDeployment{full_deployment()}}});
    store.reset();
    const char* spec = GENERATE("", "[]", "{}", "{\"command\":7}", "{\"command\":[7]}");
    run_sql(path, std::string("UPDATE deployments SET spec = '") + spec + "'");
    store = must(open_sqlite(path));
    CHECK(mentions(error_of(store->load_catalog()), "the file is damaged"));
  }
}
