#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "actors/domain/assert.hpp"
#include "actors/domain/placement.hpp"

// Cost of one turn of choose, occupy and release in the placement index, in nanoseconds, as one
// JSON line for each case. The room that leaves is a random one, so that slots become free all over
// the index.
namespace {

using namespace innkeeper::domain;

constexpr DeploymentKey deployment{1};
constexpr Resources needs{.cpu_millis = 10, .memory_mb = 1, .ports = 1};

struct Case {
  const char* name;
  PlacementPolicy policy;
  std::uint32_t hosts;
  std::uint32_t processes_per_host;
  std::uint32_t slots;
};

HostName host_name(std::uint32_t number) { return HostName("host-" + std::to_string(number)); }

void run(const Case& bench) {
  std::mt19937_64 random(1);
  PlacementIndex index(bench.policy);
  std::vector<ProcessId> processes;
  for (std::uint32_t host = 0; host < bench.hosts; ++host) {
    index.add_host(host_name(host),
                   {.cpu_millis = 10'000'000, .memory_mb = 1'000'000, .ports = 1'000'000}, true);
    for (std::uint32_t i = 0; i < bench.processes_per_host; ++i) {
      const ProcessId id{random(), random()};
      index.add_process(id, deployment, bench.slots, needs, ProcessPhase::running, host_name(host));
      processes.push_back(id);
    }
  }

  // Three quarters of all slots are used, up to a million rooms.
  std::vector<ProcessId> rooms;
  const std::size_t wanted =
      std::min<std::size_t>(processes.size() * bench.slots * 3 / 4, 1'000'000);
  while (rooms.size() < wanted) {
    const auto choice = index.choose(deployment);
    INNKEEPER_ASSERT(choice.has_value());
    index.occupy(choice->process);
    rooms.push_back(choice->process);
  }

  constexpr std::uint32_t turns = 500'000;
  std::vector<std::size_t> leaving(turns);
  for (std::size_t& room : leaving) room = random() % rooms.size();
  const auto begin = std::chrono::steady_clock::now();
  for (const std::size_t room : leaving) {
    const auto choice = index.choose(deployment);
    INNKEEPER_ASSERT(choice.has_value());
    index.occupy(choice->process);
    index.release(rooms[room]);
    rooms[room] = choice->process;
  }
  const auto taken = std::chrono::steady_clock::now() - begin;

  constexpr std::uint32_t host_turns = 100'000;
  const auto host_begin = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; i < host_turns; ++i) {
    const ProcessId id{0, i};
    index.add_process(id, DeploymentKey{2}, 1, needs, ProcessPhase::reserved, std::nullopt);
    const auto host = index.choose_host(needs);
    INNKEEPER_ASSERT(host.has_value());
    index.assign_host(id, *host);
    index.remove_process(id);
  }
  const auto host_taken = std::chrono::steady_clock::now() - host_begin;

  const auto ns = [](auto duration, std::uint32_t count) {
    return static_cast<double>(
               std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count()) /
           count;
  };
  std::printf(
      "{\"bench\":\"placement\",\"case\":\"%s\",\"policy\":\"%s\",\"hosts\":%u,\"processes\":%zu,"
      "\"slots\":%u,\"rooms\":%zu,\"choose_occupy_release_ns\":%.1f,"
      "\"add_choose_host_remove_ns\":%.1f}\n",
      bench.name, to_string(bench.policy), bench.hosts, processes.size(), bench.slots, rooms.size(),
      ns(taken, turns), ns(host_taken, host_turns));
}

}  // namespace

int main() {
  for (const auto policy : {PlacementPolicy::packed, PlacementPolicy::spread}) {
    run({"100 processes", policy, 1, 100, 10});
    run({"10,000 processes", policy, 1, 10'000, 10});
    run({"100,000 processes", policy, 1, 100'000, 10});
    run({"1,000 hosts of 100 processes", policy, 1'000, 100, 10});
    run({"10,000 slots", policy, 1, 100, 10'000});
  }
}
