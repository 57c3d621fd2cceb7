// What the store does when its files let it down.

#include <csignal>
#include <sys/mount.h>
#include <sys/resource.h>

#include <fstream>
#include <set>

#include "tests/store/support/checks.hpp"
#include "tests/store/support/fault_vfs.hpp"
#include "tests/store/support/ledger.hpp"
#include "tests/store/support/place.hpp"

using namespace innkeeper;
using namespace innkeeper::store;
using namespace innkeeper::store::testing;
using fault_vfs::Fault;
using fault_vfs::Operation;

namespace {

// Small enough that a short test sees many checkpoints and new beginnings of the log.
SqliteOptions faulty_options() {
  SqliteOptions options;
  options.vfs = fault_vfs::name();
  options.checkpoint = {.every = 20, .restart_at = 60, .restart_rest = 20, .restart_anyway = 300};
  return options;
}

struct ClearFaults {
  ClearFaults() = default;
  ~ClearFaults() { fault_vfs::clear(); }
  ClearFaults(const ClearFaults&) = delete;
  ClearFaults& operator=(const ClearFaults&) = delete;
};

void check_message(const domain::Error& error, const std::string& path) {
  CHECK(error.code == domain::ErrorCode::unavailable);
  INFO(error.message);
  CHECK(error.message.find(path) != std::string::npos);
  CHECK(error.message.find("while") != std::string::npos);
}

// Every call of a store that waits for reopen() fails alike.
void check_closed(Store& store) {
  const auto unavailable = domain::ErrorCode::unavailable;
  CHECK(error_of(store.commit({})).code == unavailable);
  CHECK(error_of(store.load_region(seattle)).code == unavailable);
  CHECK(error_of(store.load_room(room_id(1))).code == unavailable);
  CHECK(error_of(store.load_catalog()).code == unavailable);
}

}  // namespace

TEST_CASE("whichever operation fails, nothing acknowledged is lost and nothing is there in part") {
  struct Row {
    Operation operation;
    const char* suffix;
    int code;
    bool half;
    std::uint64_t last;  // the operations up to this one fail, one in each round
  };
  const auto row = GENERATE(values<Row>({
      {Operation::write, "-wal", SQLITE_FULL, false, 60},
      {Operation::write, "-wal", SQLITE_IOERR_WRITE, true, 60},
      {Operation::write, ".db", SQLITE_FULL, false, 40},
      {Operation::write, ".db", SQLITE_IOERR_WRITE, true, 40},
      {Operation::sync, "-wal", SQLITE_IOERR_FSYNC, false, 25},
      {Operation::sync, ".db", SQLITE_IOERR_FSYNC, false, 10},
      {Operation::read, "-wal", SQLITE_IOERR_READ, false, 10},
      {Operation::truncate, "", SQLITE_IOERR_TRUNCATE, false, 3},
  }));
  const ClearFaults cleared;
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  auto store = must(open_sqlite(path, faulty_options()));
  std::set<std::uint64_t> acknowledged;
  std::uint64_t batch = 0;
  const std::uint64_t met_before = fault_vfs::met();
  std::uint64_t failures = 0;
  for (std::uint64_t n = 0; n <= row.last; ++n) {
    fault_vfs::inject({.operation = row.operation,
                       .suffix = row.suffix,
                       .after = n,
                       .code = row.code,
                       .lasts = false,
                       .half = row.half});
    for (int i = 0; i < 12; ++i) {
      const auto result = try_batch(*store, batch);
      if (result) {
        acknowledged.insert(batch);
      } else {
        check_message(result.error(), path);
        CHECK(++failures <= fault_vfs::met() - met_before);
        check_closed(*store);
      }
      ++batch;
      if (!result) break;
    }
    fault_vfs::clear();
    must(store->reopen());
    const auto there = check_ledger(*store, acknowledged);
    acknowledged = there;  // a batch that is there after reopen() stays
  }
  CHECK(fault_vfs::met() > met_before);
  store.reset();
  store = must(open_sqlite(path));
  CHECK(check_ledger(*store, acknowledged) == acknowledged);
}

TEST_CASE("a read that fails closes the store, and nothing is made of half a region") {
  const ClearFaults cleared;
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  std::set<std::uint64_t> acknowledged;
  auto store = must(open_sqlite(path, faulty_options()));
  for (std::uint64_t batch = 0; batch < 20; ++batch) {
    must(try_batch(*store, batch));
    acknowledged.insert(batch);
  }
  std::uint64_t failures = 0;
  for (std::uint64_t n = 0; n < 12; ++n) {
    store.reset();  // what has been read once is not read again
    SqliteOptions options = faulty_options();
    options.full_check_bytes = 0;
    store = must(open_sqlite(path, options));
    fault_vfs::inject({.operation = Operation::read,
                       .suffix = ".db",
                       .after = n,
                       .code = SQLITE_IOERR_READ,
                       .lasts = false,
                       .half = false});
    if (const auto snapshot = store->load_region(seattle); !snapshot) {
      ++failures;
      check_message(snapshot.error(), path);
      check_closed(*store);
      must(store->reopen());
    }
    fault_vfs::clear();
    CHECK(check_ledger(*store, acknowledged) == acknowledged);
  }
  CHECK(failures > 0);
}

TEST_CASE("a store stays closed for as long as its disk fails, and works again after that") {
  struct Row {
    Operation operation;
    int code;
    const char* words;
  };
  const auto row = GENERATE(values<Row>({
      {Operation::write, SQLITE_FULL, "no space is left"},
      {Operation::write, SQLITE_IOERR_WRITE, "a write failed"},
      {Operation::sync, SQLITE_IOERR_FSYNC, "fsync failed"},
  }));
  const ClearFaults cleared;
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  const auto store = must(open_sqlite(path, faulty_options()));
  must(try_batch(*store, 0));
  fault_vfs::inject({.operation = row.operation,
                     .suffix = "",
                     .after = 0,
                     .code = row.code,
                     .lasts = true,
                     .half = false});
  const auto error = error_of(try_batch(*store, 1));
  check_message(error, path);
  CHECK(error.message.find(row.words) != std::string::npos);
  check_closed(*store);
  for (int i = 0; i < 3; ++i) {
    check_message(error_of(store->reopen()), path);
    check_closed(*store);
  }
  fault_vfs::clear();
  must(store->reopen());
  const auto there = check_ledger(*store, {0});
  must(try_batch(*store, 2));
  check_ledger(*store, {0, 2});
  CHECK(there.size() <= 2);
}

TEST_CASE("a failed fsync of a commit is not believed when the file is opened again") {
  // The log in the page cache then shows frames that the disk may not have. They must be made
  // durable, or be gone, before anybody sees them: the copying into the database has to be repeated
  // with success.
  const ClearFaults cleared;
  const TemporaryDirectory directory;
  const auto store = must(open_sqlite(directory.file("innkeeper.db"), faulty_options()));
  must(try_batch(*store, 0));
  const auto met_before = fault_vfs::met();
  fault_vfs::inject({.operation = Operation::sync,
                     .suffix = "-wal",
                     .after = 0,
                     .code = SQLITE_IOERR_FSYNC,
                     .lasts = false,
                     .half = false});
  CHECK(error_of(try_batch(*store, 1)).code == domain::ErrorCode::unavailable);
  CHECK(fault_vfs::met() == met_before + 1);
  const auto syncs = fault_vfs::count(Operation::sync);
  must(store->reopen());
  CHECK(fault_vfs::count(Operation::sync) > syncs);
  CHECK(store->size().wal < 3 * 4'200);  // all but the record of this opening has been copied
}

TEST_CASE("a checkpoint that fails closes the store before the next batch") {
  const ClearFaults cleared;
  const TemporaryDirectory directory;
  const auto store = must(open_sqlite(directory.file("innkeeper.db"), faulty_options()));
  // Only the checkpointer writes to the database file itself.
  fault_vfs::inject({.operation = Operation::write,
                     .suffix = ".db",
                     .after = 0,
                     .code = SQLITE_FULL,
                     .lasts = true,
                     .half = false});
  std::set<std::uint64_t> acknowledged;
  domain::Result<void> result;
  for (std::uint64_t batch = 0; batch < 100'000 && result; ++batch) {
    result = try_batch(*store, batch);
    if (result) acknowledged.insert(batch);
  }
  const auto error = error_of(result);
  CHECK(error.message.find("copying the write-ahead log") != std::string::npos);
  CHECK(error.message.find("no space is left") != std::string::npos);
  CHECK(error_of(store->reopen()).code == domain::ErrorCode::unavailable);
  fault_vfs::clear();
  must(store->reopen());
  CHECK(check_ledger(*store, acknowledged) == acknowledged);
}

TEST_CASE("a mutation that is refused in a batch that later fails is not there either") {
  const ClearFaults cleared;
  const TemporaryDirectory directory;
  const auto store = must(open_sqlite(directory.file("innkeeper.db"), faulty_options()));
  must(try_batch(*store, 0));
  fault_vfs::inject({.operation = Operation::write,
                     .suffix = "-wal",
                     .after = 0,
                     .code = SQLITE_FULL,
                     .lasts = false,
                     .half = false});
  CHECK(
      error_of(commit(*store, {{insert(room(500))}, {insert(room(501)), insert(room(1))}})).code ==
      domain::ErrorCode::unavailable);
  must(store->reopen());
  CHECK(must(store->load_room(room_id(501))) == nullptr);
  CHECK(must(store->load_room(room_id(500))) == nullptr);
  check_ledger(*store, {0});
}

TEST_CASE("a file system that cannot open the file says so") {
  const ClearFaults cleared;
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  fault_vfs::inject({.operation = Operation::open,
                     .suffix = ".db",
                     .after = 0,
                     .code = SQLITE_CANTOPEN,
                     .lasts = true,
                     .half = false});
  const auto error = error_of(open_sqlite(path, faulty_options()));
  CHECK(error.message.find(path) != std::string::npos);
  CHECK(error.message.find("cannot be opened") != std::string::npos);
  fault_vfs::clear();
  must(open_sqlite(path, faulty_options()));
}

TEST_CASE("a limit on the size of files closes the store until it is lifted") {
  struct Restore {
    rlimit limit{};
    void (*handler)(int) = SIG_DFL;
    Restore() {
      ::getrlimit(RLIMIT_FSIZE, &limit);
      handler = std::signal(SIGXFSZ, SIG_IGN);
    }
    ~Restore() {
      lift();
      std::signal(SIGXFSZ, handler);
    }
    Restore(const Restore&) = delete;
    Restore& operator=(const Restore&) = delete;
    void lift() const { ::setrlimit(RLIMIT_FSIZE, &limit); }
  };
  const Restore restore;
  const TemporaryDirectory directory;
  const auto store = must(open_sqlite(directory.file("innkeeper.db")));
  rlimit small = restore.limit;
  small.rlim_cur = 1'000'000;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::set<std::uint64_t> acknowledged;
  domain::Result<void> result;
  for (std::uint64_t batch = 0; batch < 10'000 && result; ++batch) {
    result = try_batch(*store, batch);
    if (result) acknowledged.insert(batch);
  }
  restore.lift();
  const auto error = error_of(result);
  INFO(error.message);
  CHECK(error.message.find("File too large") != std::string::npos);
  CHECK_FALSE(acknowledged.empty());
  must(store->reopen());
  check_ledger(*store, acknowledged);
  must(try_batch(*store, 20'000));
}

TEST_CASE("a full disk, and one that has become read-only, close the store until they are well") {
  struct Mounted {
    explicit Mounted(std::string where) : path(std::move(where)) {
      mounted = ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=2m") == 0;
    }
    ~Mounted() {
      if (mounted) ::umount2(path.c_str(), MNT_DETACH);
    }
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;
    std::string path;
    bool mounted = false;
  };
  const TemporaryDirectory directory;
  const Mounted disk(directory.path().string());
  if (!disk.mounted) {
    WARN("left out: this user may not mount a small disk");
    return;
  }
  const std::string path = directory.file("innkeeper.db");
  auto store = must(open_sqlite(path));
  std::set<std::uint64_t> acknowledged;
  domain::Result<void> result;
  std::uint64_t batch = 0;
  for (; batch < 10'000 && result; ++batch) {
    result = try_batch(*store, batch);
    if (result) acknowledged.insert(batch);
  }
  CHECK(error_of(result).message.find("no space is left") != std::string::npos);
  CHECK_FALSE(acknowledged.empty());

  REQUIRE(::mount("tmpfs", disk.path.c_str(), "tmpfs", MS_REMOUNT, "size=16m") == 0);
  must(store->reopen());
  acknowledged = check_ledger(*store, acknowledged);
  must(try_batch(*store, batch));
  acknowledged.insert(batch);

  store.reset();
  REQUIRE(::mount("tmpfs", disk.path.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  const auto error = error_of(open_sqlite(path));
  INFO(error.message);
  CHECK(error.code == domain::ErrorCode::unavailable);
  CHECK((error.message.find("read-only") != std::string::npos ||
         error.message.find("Read-only") != std::string::npos));
  REQUIRE(::mount("tmpfs", disk.path.c_str(), "tmpfs", MS_REMOUNT, "size=16m") == 0);
  store = must(open_sqlite(path));
  check_ledger(*store, acknowledged);
}
