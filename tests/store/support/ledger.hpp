#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "tests/store/support/checks.hpp"
#include "tests/store/support/records.hpp"

// Batches of known content, and the check that a store holds all of those that it has acknowledged,
// and of every other one all or nothing.
namespace innkeeper::store::testing {

inline constexpr std::uint64_t rooms_in_batch = 5;

// Batch `number` creates rooms with idempotency keys, and a process.
[[nodiscard]] inline std::vector<Mutation> ledger_batch(std::uint64_t number) {
  std::vector<Mutation> mutations;
  for (std::uint64_t i = 0; i < rooms_in_batch; ++i) {
    const std::uint64_t n = number * rooms_in_batch + i;
    auto record = room(n);
    record.config = std::string(300, static_cast<char>('a' + n % 26));
    mutations.push_back({insert(record), idempotency(n)});
  }
  domain::ProcessRecord process;
  process.id = {.hi = 0x0190000000000000ULL, .lo = number};
  mutations.push_back({PutProcess{.region = seattle, .app = echo_app, .process = process}});
  return mutations;
}

// After an error the batch may be there or not.
[[nodiscard]] inline domain::Result<void> try_batch(Store& store, std::uint64_t number) {
  auto outcomes = commit(store, ledger_batch(number));
  if (!outcomes) return std::move(outcomes).error();
  for (auto& outcome : *outcomes) {
    if (!outcome) return std::move(outcome);
  }
  return {};
}

// Fails the test unless the acknowledged batches are there and no batch is there in part. Returns
// the batches that are there.
inline std::set<std::uint64_t> check_ledger(Store& store,
                                            const std::set<std::uint64_t>& acknowledged) {
  const auto snapshot = must(store.load_region(seattle));
  std::map<std::uint64_t, std::uint64_t> parts;  // of each batch: rooms, keys and process found
  for (const auto& record : snapshot.rooms) {
    const auto n = static_cast<std::uint64_t>(record->created_at.time_since_epoch().count()) -
                   1'750'000'000'000ULL;
    ++parts[n / rooms_in_batch];
    if (record->allocations != room(n).allocations || record->id != room_id(n) ||
        record->config != std::string(300, static_cast<char>('a' + n % 26))) {
      FAIL("room " + record->id.str() + " is not what was written");
    }
  }
  for (const auto& key : snapshot.idempotency) {
    const auto n = static_cast<std::uint64_t>(key.created_at.time_since_epoch().count()) -
                   1'750'000'000'000ULL;
    ++parts[n / rooms_in_batch];
  }
  for (const auto& process : snapshot.processes) ++parts[process.id.lo];
  std::set<std::uint64_t> there;
  for (const auto& [batch, found] : parts) {
    if (found != 2 * rooms_in_batch + 1) {
      FAIL("batch " << batch << " is there in part: " << found);
    }
    there.insert(batch);
  }
  for (const std::uint64_t batch : acknowledged) {
    if (!there.contains(batch)) FAIL("batch " << batch << " was acknowledged and is gone");
  }
  return there;
}

}  // namespace innkeeper::store::testing
