// The write-ahead log under load.

#include <sqlite3.h>

#include <algorithm>

#include "tests/store/support/checks.hpp"
#include "tests/store/support/ledger.hpp"
#include "tests/store/support/place.hpp"

using namespace innkeeper;
using namespace innkeeper::store;
using namespace innkeeper::store::testing;

namespace {

constexpr double frame_bytes = 4'096 + 24;

SqliteOptions small_log() {
  SqliteOptions options;
  options.checkpoint = {
      .every = 50, .restart_at = 200, .restart_rest = 16, .restart_anyway = 1'000};
  return options;
}

}  // namespace

TEST_CASE("the log stays bounded under a burst that never pauses") {
  const TemporaryDirectory directory;
  const auto store = must(open_sqlite(directory.file("innkeeper.db"), small_log()));
  double largest = 0;
  std::set<std::uint64_t> acknowledged;
  for (std::uint64_t batch = 0; batch < 1'500; ++batch) {
    must(try_batch(*store, batch));
    acknowledged.insert(batch);
    largest = std::max(largest, store->size().wal);
  }
  // The batch that is under way when the log is full, and the one that the writer was let into.
  CHECK(largest < (1'000 + 200) * frame_bytes);
  // The database holds nearly all of it, so the log has begun anew many times.
  CHECK(store->size().database > 900'000);
  CHECK(check_ledger(*store, acknowledged) == acknowledged);
}

TEST_CASE("a reader of another program delays the log's new beginning, not the writer") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  const auto store = must(open_sqlite(path, small_log()));
  must(try_batch(*store, 0));
  sqlite3* reader = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &reader) == SQLITE_OK);
  REQUIRE(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM rooms", nullptr, nullptr, nullptr) ==
          SQLITE_OK);
  std::uint64_t batch = 1;
  for (; batch < 400; ++batch) must(try_batch(*store, batch));
  CHECK(store->size().wal > 1'000 * frame_bytes);
  sqlite3_close(reader);
  // From now on it can shrink again, to the length that it is kept at.
  for (; batch < 20'000 && store->size().wal > 200 * frame_bytes; ++batch) {
    must(try_batch(*store, batch));
  }
  CHECK(store->size().wal <= 200 * frame_bytes);
  CHECK(must(store->load_region(seattle)).rooms.size() == batch * rooms_in_batch);
}

TEST_CASE("a store that is closed in order leaves no log behind") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  auto store = must(open_sqlite(path));
  for (std::uint64_t batch = 0; batch < 20; ++batch) must(try_batch(*store, batch));
  CHECK(store->size().wal > 0);
  store.reset();
  CHECK_FALSE(std::filesystem::exists(path + "-wal"));
  store = must(open_sqlite(path));
  CHECK(must(store->load_region(seattle)).rooms.size() == 20 * rooms_in_batch);
}
