// A store whose files are deleted, moved or replaced under it.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "tests/store/support/checks.hpp"
#include "tests/store/support/ledger.hpp"
#include "tests/store/support/place.hpp"

using namespace innkeeper;
using namespace innkeeper::store;
using namespace innkeeper::store::testing;
namespace fs = std::filesystem;

TEST_CASE("nothing is acknowledged that only a deleted file holds") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  const auto store = must(open_sqlite(path));
  must(try_batch(*store, 0));
  fs::remove(path);

  const auto error = error_of(try_batch(*store, 1));
  CHECK(error.code == domain::ErrorCode::unavailable);
  CHECK(error.message.find(path) != std::string::npos);
  CHECK(error.message.find("moved, deleted or replaced") != std::string::npos);
  // An empty store instead would look as if there had never been a room.
  CHECK(error_of(store->reopen()).message == error.message);
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("a store whose file was moved away goes on when it is back") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  const auto store = must(open_sqlite(path));
  must(try_batch(*store, 0));
  fs::rename(path, path + ".away");
  CHECK_FALSE(try_batch(*store, 1).has_value());
  CHECK_FALSE(store->reopen().has_value());

  fs::rename(path + ".away", path);
  must(store->reopen());
  must(try_batch(*store, 2));
  check_ledger(*store, {0, 2});
}

TEST_CASE("another file in the store's place is not touched") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  {
    const auto backup = must(open_sqlite(directory.file("backup.db")));
    must(try_batch(*backup, 7));
  }
  auto store = must(open_sqlite(path));
  must(try_batch(*store, 0));
  fs::remove(path);
  fs::remove(path + "-wal");
  fs::remove(path + "-shm");
  fs::copy_file(directory.file("backup.db"), path);
  std::ofstream(path + "-wal") << "of the other one";

  CHECK_FALSE(try_batch(*store, 1).has_value());
  CHECK_FALSE(store->reopen().has_value());
  store.reset();
  CHECK(fs::file_size(path + "-wal") == 16);
  fs::remove(path + "-wal");
  store = must(open_sqlite(path));
  CHECK(check_ledger(*store, {7}) == std::set<std::uint64_t>{7});
}

TEST_CASE("a log that was deleted costs nothing that was acknowledged") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  auto store = must(open_sqlite(path));
  must(try_batch(*store, 0));
  fs::remove(path + "-wal");

  // The node still holds the deleted log: it copies it into the database before it begins a new
  // one.
  CHECK_FALSE(try_batch(*store, 1).has_value());
  must(store->reopen());
  must(try_batch(*store, 2));
  check_ledger(*store, {0, 2});
  store.reset();
  store = must(open_sqlite(path));
  check_ledger(*store, {0, 2});
}
