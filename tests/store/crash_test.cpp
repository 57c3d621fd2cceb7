// Processes that die at any moment, and logs that were cut off.

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>

#include "tests/store/support/checks.hpp"
#include "tests/store/support/ledger.hpp"
#include "tests/store/support/place.hpp"

using namespace innkeeper;
using namespace innkeeper::store;
using namespace innkeeper::store::testing;

namespace {

SqliteOptions busy_checkpoints() {
  SqliteOptions options;
  options.checkpoint = {.every = 20, .restart_at = 80, .restart_rest = 20, .restart_anyway = 400};
  return options;
}

// In the child: commits batches for ever, and tells the parent the number of each after its commit.
[[noreturn]] void commit_until_killed(const std::string& path, std::uint64_t first, int pipe_end) {
  auto store = open_sqlite(path, busy_checkpoints());
  if (!store) ::_exit(3);
  for (std::uint64_t batch = first;; ++batch) {
    if (!try_batch(**store, batch)) ::_exit(4);
    if (::write(pipe_end, &batch, sizeof batch) != sizeof batch) ::_exit(5);
  }
}

// Every complete number that the pipe still holds.
void read_rest(int pipe_end, std::set<std::uint64_t>& acknowledged) {
  std::uint64_t batch = 0;
  while (::read(pipe_end, &batch, sizeof batch) == sizeof batch) acknowledged.insert(batch);
}

void copy_store(const std::string& from, const std::string& to) {
  for (const char* suffix : {"", "-wal"}) {
    std::filesystem::copy_file(from + suffix, to + suffix,
                               std::filesystem::copy_options::overwrite_existing);
  }
  std::filesystem::remove(to + "-shm");
}

// The batches that are there must be the first ones, without a gap.
void check_prefix(const std::set<std::uint64_t>& batches) {
  if (!batches.empty()) CHECK(*batches.rbegin() + 1 == batches.size());
}

}  // namespace

TEST_CASE("a process that is killed while it commits loses nothing that it has acknowledged") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  std::mt19937 random(20'240'601);
  std::set<std::uint64_t> acknowledged;
  std::uint64_t next = 0;
  for (int cycle = 0; cycle < 20; ++cycle) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(ends[0]);
      commit_until_killed(path, next, ends[1]);
    }
    ::close(ends[1]);
    const auto wanted = random() % 60;
    std::uint64_t batch = 0;
    for (std::uint64_t i = 0; i <= wanted && ::read(ends[0], &batch, sizeof batch) == sizeof batch;
         ++i) {
      acknowledged.insert(batch);
    }
    // Up to a commit's time more, so that the kill does not always come at its beginning.
    std::mt19937 spinner(static_cast<std::uint32_t>(random()));
    spinner.discard(random() % 100'000);
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));  // it had not failed by itself
    read_rest(ends[0], acknowledged);
    ::close(ends[0]);

    const auto store = must(open_sqlite(path));
    acknowledged = check_ledger(*store, acknowledged);
    next = acknowledged.empty() ? 0 : *acknowledged.rbegin() + 1;
  }
  CHECK(acknowledged.size() > 100);
}

TEST_CASE("a log that is cut off anywhere gives back whole batches, in order") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  const std::string torn = directory.file("torn.db");
  const auto store = must(open_sqlite(path));
  must(try_batch(*store, 0));
  for (std::uint64_t batch = 1; batch < 25; ++batch) must(try_batch(*store, batch));
  const auto size = static_cast<std::uint64_t>(store->size().wal);
  std::size_t most = 0;
  std::size_t least = 25;
  for (std::uint64_t offset = 0; offset <= size;
       offset += std::max<std::uint64_t>(1, size / 60 - 7)) {
    copy_store(path, torn);
    std::filesystem::resize_file(torn + "-wal", offset);
    const auto again = open_sqlite(torn);
    if (!again) {
      // The schema itself was in the log: a file without one is a new file, never a broken one.
      FAIL(again.error().message);
    }
    const auto there = check_ledger(**again, {});
    check_prefix(there);
    most = std::max(most, there.size());
    least = std::min(least, there.size());
  }
  CHECK(least == 0);
  CHECK(most >= 23);
}

TEST_CASE("a log with a damaged byte gives back the whole batches before it") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("innkeeper.db");
  const std::string torn = directory.file("torn.db");
  const auto store = must(open_sqlite(path));
  for (std::uint64_t batch = 0; batch < 25; ++batch) must(try_batch(*store, batch));
  const auto size = static_cast<std::uint64_t>(store->size().wal);
  std::mt19937_64 random(7);
  for (int i = 0; i < 25; ++i) {
    copy_store(path, torn);
    std::fstream file(torn + "-wal", std::ios::in | std::ios::out | std::ios::binary);
    const auto offset = static_cast<std::streamoff>(random() % size);
    file.seekg(offset);
    const char byte = static_cast<char>(file.get() ^ 0x55);
    file.seekp(offset);
    file.put(byte);
    file.close();
    const auto again = must(open_sqlite(torn));
    check_prefix(check_ledger(*again, {}));
  }
}
