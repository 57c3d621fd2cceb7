// Measures the store alone and prints one JSON line a figure.
//   bench_store [DIRECTORY] [ROOMS] [sqlite|postgresql]     default: the current one, 100000 rooms,
//   both
// The directory must be on the kind of disk that is of interest; files are removed at the end. For
// PostgreSQL a server is started in it, on a unix socket, with fsync.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

#include "actors/store/sqlite_store.hpp"
#include "tests/store/support/postgres_server.hpp"
#include "tests/store/support/records.hpp"

namespace {

using namespace innkeeper;
using namespace innkeeper::store;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What is measured: a store that can be opened and emptied.
struct Backend {
  std::string name;
  std::function<domain::Result<std::unique_ptr<Store>>()> open;
  std::function<void()> clear;
};

Backend sqlite_in(const std::string& directory) {
  const std::string path = directory + "/bench_store.db";
  return {.name = "sqlite",
          .open = [path] { return open_sqlite(path); },
          .clear =
              [path] {
                for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
                  ::unlink((path + suffix).c_str());
                }
              }};
}

Backend postgresql() {
  auto database = std::make_shared<std::unique_ptr<testing::TestDatabase>>(
      std::make_unique<testing::TestDatabase>());
  return {.name = "postgresql",
          .open = [database] { return open_postgres((*database)->options(), Alone{}); },
          .clear =
              [database] {
                database->reset();
                *database = std::make_unique<testing::TestDatabase>();
              }};
}

template <class T>
T must(domain::Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "bench_store: %s\n", result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

void commit_all(Store& store, const std::vector<Mutation>& mutations) {
  std::vector<const Mutation*> batch;
  for (const Mutation& mutation : mutations) batch.push_back(&mutation);
  for (auto& outcome : must(store.commit(batch))) must(std::move(outcome));
}

struct Latencies {
  std::vector<double> milliseconds;
  double worst() const { return *std::max_element(milliseconds.begin(), milliseconds.end()); }
  double quantile(double q) {
    std::sort(milliseconds.begin(), milliseconds.end());
    const auto last = static_cast<double>(milliseconds.size() - 1);
    return milliseconds[static_cast<std::size_t>(q * last)];
  }
};

using MakeMutation = std::function<Mutation(std::uint64_t)>;

void measure_batches(const Backend& backend, const char* name, std::size_t batch, std::size_t total,
                     const MakeMutation& make, std::uint64_t first) {
  auto store = must(backend.open());
  Latencies latencies;
  double wal = 0;
  std::vector<Mutation> mutations;
  double spent = 0;
  for (std::size_t done = 0; done < total; done += batch) {
    mutations.clear();
    for (std::size_t i = 0; i < batch; ++i) mutations.push_back(make(first + done + i));
    const auto start = Clock::now();
    commit_all(*store, mutations);
    const double elapsed = seconds_since(start);
    spent += elapsed;
    latencies.milliseconds.push_back(elapsed * 1e3);
    wal = std::max(wal, store->size().wal);
  }
  std::printf(
      R"({"store":"%s","bench":"%s","batch":%zu,"mutations":%zu,"us_per_mutation":%.2f,"batch_p50_ms":%.2f,)"
      R"("batch_p99_ms":%.2f,"batch_max_ms":%.2f,"wal_max_mb":%.1f})"
      "\n",
      backend.name.c_str(), name, batch, total, spent * 1e6 / static_cast<double>(total),
      latencies.quantile(0.5), latencies.quantile(0.99), latencies.worst(), wal / 1e6);
  std::fflush(stdout);
}

void measure(const Backend& backend, std::size_t rooms) {
  const MakeMutation create = [](std::uint64_t n) {
    return Mutation{testing::insert(testing::room(n))};
  };
  const MakeMutation create_with_key = [](std::uint64_t n) {
    return Mutation{testing::insert(testing::room(n)), testing::idempotency(n)};
  };
  for (const std::size_t batch : {1UL, 16UL, 64UL, 256UL}) {
    backend.clear();
    measure_batches(backend, "create", batch, std::min(rooms, batch == 1 ? 5'000 : batch * 5'000),
                    create, 0);
  }
  for (const std::size_t batch : {16UL, 64UL}) {
    backend.clear();
    measure_batches(backend, "create_with_idempotency_key", batch, std::min(rooms, batch * 5'000),
                    create_with_key, 0);
  }
  backend.clear();
  measure_batches(backend, "create", 256, rooms, create, 0);
  // Rooms in random order, as resumed and destroyed ones come.
  const MakeMutation suspend = [rooms](std::uint64_t n) {
    domain::RoomRecord room = testing::room(n * 2'654'435'761U % rooms);
    room.state = domain::RoomState::suspended;
    room.allocations.back().unscheduled_at = testing::at(1'750'001'000'000);
    room.allocations.back().ended = domain::EndReason::suspended;
    return Mutation{UpdateRoom{.room = testing::share(std::move(room)), .allocations_from = 0}};
  };
  for (const std::size_t batch : {16UL, 64UL}) {
    measure_batches(backend, "suspend_random", batch, std::min(rooms, batch * 1'000), suspend, 0);
  }

  auto start = Clock::now();
  auto store = must(backend.open());
  const double opened = seconds_since(start);
  start = Clock::now();
  const auto snapshot = must(store->load_region(testing::seattle));
  const double loaded = seconds_since(start);
  std::printf(
      R"({"store":"%s","bench":"load_region","rooms":%zu,"open_s":%.3f,"load_s":%.3f,"database_mb":%.1f})"
      "\n",
      backend.name.c_str(), snapshot.rooms.size(), opened, loaded, store->size().database / 1e6);

  const std::size_t purged = std::min<std::size_t>(rooms, 20'000);
  for (std::size_t done = 0; done < purged; done += 500) {
    std::vector<Mutation> mutations;
    for (std::size_t i = done; i < done + 500; ++i) {
      mutations.push_back(
          {UpdateRoom{.room = testing::share(testing::destroyed(testing::room(i)))}});
    }
    commit_all(*store, mutations);
  }
  start = Clock::now();
  for (std::size_t done = 0; done < purged; done += 500) {
    DeleteRooms some;
    for (std::size_t i = done; i < done + 500; ++i) some.rooms.push_back(testing::room_id(i));
    commit_all(*store, {{some}});
  }
  std::printf(R"({"store":"%s","bench":"purge","batch":500,"us_per_room":%.2f})"
              "\n",
              backend.name.c_str(), seconds_since(start) * 1e6 / static_cast<double>(purged));
  store.reset();
  backend.clear();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : ".";
  const std::size_t rooms = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100'000;
  const std::string only = argc > 3 ? argv[3] : "";
  if (only.empty() || only == "sqlite") measure(sqlite_in(directory), rooms);
  if (only.empty() || only == "postgresql") {
    ::setenv("TMPDIR", directory.c_str(), 1);
    measure(postgresql(), rooms);
  }
}
