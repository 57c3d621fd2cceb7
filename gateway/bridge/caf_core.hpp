#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <caf/actor_system.hpp>

#include "actors/routing.hpp"
#include "gateway/port/core.hpp"

namespace boost::asio {
class io_context;
}

namespace innkeeper::bridge {

struct CoreOptions {
  std::string admin_token;
  std::chrono::milliseconds request_timeout{30'000};
  std::function<std::string()> metrics_text;
  std::function<bool()> listening;  // every configured listener serves
};

// The port of one gateway worker, over actors. Requests carry no CAF timeout: one timer for all of them
// sweeps what is overdue. A room is looked for in the region whose tag its id carries, then in the others.
//
// Make it before the worker runs; use it on the worker's thread only, but for `end_waits` and `detach`.
class CafCore : public port::Core {
 public:
  CafCore(caf::actor_system& system, boost::asio::io_context& context,
          std::shared_ptr<actors::Routing> routing, CoreOptions options);
  ~CafCore() override;  // precondition: detached

  // Answers those that wait for a room (?wait=) with how things stand now, so that a stop need not wait for
  // them. From any thread, while the io_context runs.
  void end_waits();
  // Ends the worker's actor, and returns when it has ended; what is under way is answered with `timeout`.
  // From the owner's thread; `running` says whether another thread still runs the io_context.
  void detach(bool running);

  // Between these two, the time that is spent on actors inside of calls is measured: it is not the gateway's.
  // On the worker's thread.
  void begin_timing();
  [[nodiscard]] std::chrono::steady_clock::duration end_timing();

  void create_room(domain::CreateRoom command, port::Reply<domain::ConnectionInfo> reply) override;
  void room_info(domain::AppId app, domain::RoomId room, port::Reply<domain::RoomView> reply) override;
  void destroy_room(domain::AppId app, domain::RoomId room, port::Reply<void> reply) override;
  void suspend_room(domain::AppId app, domain::RoomId room, port::Reply<void> reply) override;
  void resume_room(domain::AppId app, domain::RoomId room,
                   port::Reply<domain::ConnectionInfo> reply) override;
  void update_room(domain::AppId app, domain::RoomId room, std::string config,
                   port::Reply<void> reply) override;
  void connection_info(domain::AppId app, domain::RoomId room, std::chrono::milliseconds wait,
                       port::Reply<domain::ConnectionInfo> reply) override;
  void explain_room(domain::RoomId room, port::Reply<domain::RoomExplanation> reply) override;
  void rooms_of_process(domain::AppId app, domain::ProcessId process, bool active,
                        port::Reply<std::vector<domain::RoomView>> reply) override;
  void create_process(domain::AppId app, domain::RegionName region,
                      port::Reply<domain::ProcessView> reply) override;
  void process_info(domain::AppId app, domain::ProcessId process,
                    port::Reply<domain::ProcessView> reply) override;
  void stop_process(domain::AppId app, domain::ProcessId process, port::Reply<void> reply) override;
  void latest_processes(domain::ProcessFilter filter,
                        port::Reply<std::vector<domain::ProcessView>> reply) override;
  void count_processes(domain::ProcessFilter filter, port::Reply<std::uint64_t> reply) override;
  void process_metrics(domain::AppId app, domain::ProcessId process,
                       port::Reply<domain::ProcessMetrics> reply) override;

  [[nodiscard]] std::shared_ptr<const domain::CatalogSnapshot> catalog() const override;
  [[nodiscard]] std::vector<domain::RegionName> regions() const override;
  [[nodiscard]] bool is_admin_token(std::string_view token) const override;
  [[nodiscard]] Readiness readiness() const override;
  [[nodiscard]] std::string metrics_text() const override;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace innkeeper::bridge
