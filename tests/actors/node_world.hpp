#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <catch2/catch.hpp>

#include "actors/node.hpp"
#include "actors/wire/errors.hpp"
#include "tests/store/support/place.hpp"

namespace innkeeper::actors::testing {

inline const domain::AppId app{"app-1"};
inline const domain::RegionName seattle{"Seattle"};

// A machine whose processes do at once what they are told, and outlive the host actor. Shared between
// the actor and the test's thread.
struct Machine {
  std::mutex mutex;
  host_actor actor;  // the present one
  std::vector<wire::HostRegistration> registrations;
  std::vector<std::uint64_t> epochs;  // of the schedulers that accepted them
  std::vector<domain::ProcessId> starts, stops;
  std::map<domain::ProcessId, wire::ProcessReport> processes;
  bool starts_hang = false;  // processes boot, and do not run
  bool keeps_away = false;   // it does not register
};

// A node as the program has it, with threads, a store in a file, and a host that is made of a Machine.
class NodeWorld {
 public:
  NodeWorld();
  ~NodeWorld();
  NodeWorld(const NodeWorld&) = delete;
  NodeWorld& operator=(const NodeWorld&) = delete;

  void start();  // a new node over the same file and machine; the one before must have been stopped
  [[nodiscard]] std::unique_ptr<Node> make_node();

  [[nodiscard]] bool ready() const { return node->routing()->table()->ready; }
  [[nodiscard]] region_scheduler_actor scheduler() const;  // the published one
  [[nodiscard]] std::uint64_t epoch();                     // of the last scheduler that the host knows
  // Waits until the condition holds; fails the test when it never does.
  void eventually(const std::string& what, const std::function<bool()>& condition);
  // A new scheduler than that one is published and ready, and the host has registered with it.
  void replaced(const region_scheduler_actor& before, std::uint64_t epoch_before);
  void kill(const caf::actor& actor);  // by an error

  // The answer of the published scheduler, or the error.
  template <class T, class... Ts>
  domain::Result<T> ask(const Ts&... xs) {
    return await<T>(send(xs...));
  }
  // A request that is on its way: all answers go to `client`.
  template <class... Ts>
  auto send(const Ts&... xs) {
    return client->request(scheduler(), std::chrono::seconds(20), xs...);
  }
  template <class T, class Handle>
  domain::Result<T> await(Handle&& handle) {
    std::optional<domain::Result<T>> out;
    handle.receive([&](T& value) { out.emplace(std::move(value)); },
                   [&](caf::error& error) { out.emplace(wire::from_caf(error)); });
    return std::move(*out);
  }
  domain::ConnectionInfo active_room(const std::string& id);
  [[nodiscard]] double restarts(const std::string& kind) const;

  store::testing::TemporaryDirectory folder;
  SystemConfig config{2};
  caf::actor_system system{config};
  std::shared_ptr<Machine> machine = std::make_shared<Machine>();
  Environment environment;
  config::Settings settings;
  std::atomic<int> failures = 0;  // how often a node has said that it cannot go on
  std::unique_ptr<Node> node;
  std::unique_ptr<caf::scoped_actor> client_holder;
  caf::scoped_actor& client;
};

}  // namespace innkeeper::actors::testing
