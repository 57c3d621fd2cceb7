#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/port/core.hpp"

namespace innkeeper::test {

inline constexpr const char* admin_token = "admin-secret";
inline constexpr const char* app_name = "app-1";
inline constexpr const char* process_text = "01890a5d-ac96-774b-bcce-b302099a8057";
inline constexpr const char* allocation_text = "01890a5d-ac96-7a4b-8cce-b302099a8058";

[[nodiscard]] domain::ProcessId process_id();
[[nodiscard]] domain::AllocationId allocation_id();
// 2026-01-02T03:04:05.678Z
[[nodiscard]] domain::Timestamp moment();
[[nodiscard]] domain::ExposedPort exposed_port();

// A core that answers what the test put there, and writes down what it was asked. One app "app-1"
// with deployments "dep-1" (key 1) and "dep-2" (key 2, latest); regions London and Seattle; rooms
// and processes exist when their app is "app-1" and, for rooms, their id is not "unknown".
class FakeCore final : public port::Core {
 public:
  FakeCore();

  // What was asked, as "operation arg arg …".
  std::vector<std::string> calls;
  std::vector<domain::CreateRoom> created;
  std::vector<domain::ProcessFilter> filters;

  // When set, every operation fails with it.
  std::optional<domain::Error> failure;
  // When true, replies wait for release().
  bool later = false;
  void release();
  // Drops what waits, unanswered.
  void drop() { waiting_.clear(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

  domain::ConnectionInfo connection;  // its room is replaced by the one asked for
  domain::RoomView room;
  std::vector<domain::RoomView> rooms;
  domain::ProcessView process;
  std::vector<domain::ProcessView> processes;
  domain::ProcessMetrics metrics;
  domain::RoomExplanation explanation;
  std::uint64_t count = 3;
  std::shared_ptr<domain::CatalogSnapshot> snapshot;
  std::vector<domain::RegionName> served;
  Readiness state{.ready = true, .parts = {{"store", "ready"}}};

  void create_room(domain::CreateRoom command, port::Reply<domain::ConnectionInfo> reply) override;
  void room_info(domain::AppId app, domain::RoomId id,
                 port::Reply<domain::RoomView> reply) override;
  void destroy_room(domain::AppId app, domain::RoomId id, port::Reply<void> reply) override;
  void suspend_room(domain::AppId app, domain::RoomId id, port::Reply<void> reply) override;
  void resume_room(domain::AppId app, domain::RoomId id,
                   port::Reply<domain::ConnectionInfo> reply) override;
  void update_room(domain::AppId app, domain::RoomId id, std::string config,
                   port::Reply<void> reply) override;
  void connection_info(domain::AppId app, domain::RoomId id, std::chrono::milliseconds wait,
                       port::Reply<domain::ConnectionInfo> reply) override;
  void explain_room(domain::RoomId id, port::Reply<domain::RoomExplanation> reply) override;
  void rooms_of_process(domain::AppId app, domain::ProcessId id, bool active,
                        port::Reply<std::vector<domain::RoomView>> reply) override;
  void create_process(domain::AppId app, domain::RegionName region,
                      port::Reply<domain::ProcessView> reply) override;
  void process_info(domain::AppId app, domain::ProcessId id,
                    port::Reply<domain::ProcessView> reply) override;
  void stop_process(domain::AppId app, domain::ProcessId id, port::Reply<void> reply) override;
  void latest_processes(domain::ProcessFilter filter,
                        port::Reply<std::vector<domain::ProcessView>> reply) override;
  void count_processes(domain::ProcessFilter filter, port::Reply<std::uint64_t> reply) override;
  void process_metrics(domain::AppId app, domain::ProcessId id,
                       port::Reply<domain::ProcessMetrics> reply) override;
  [[nodiscard]] std::shared_ptr<const domain::CatalogSnapshot> catalog() const override {
    return snapshot;
  }
  [[nodiscard]] std::vector<domain::RegionName> regions() const override { return served; }
  [[nodiscard]] bool is_admin_token(std::string_view token) const override {
    return token == admin_token;
  }
  [[nodiscard]] Readiness readiness() const override { return state; }
  [[nodiscard]] std::string metrics_text() const override { return "innkeeper_up 1\n"; }

 private:
  template <class T>
  void answer(port::Reply<T> reply, domain::Result<T> result) {
    if (failure) result = domain::Result<T>{*failure};
    if (!later) return reply(std::move(result));
    waiting_.push_back([reply = std::move(reply), result = std::move(result)]() mutable {
      reply(std::move(result));
    });
  }
  template <class T>
  void answer_known(const domain::AppId& app, bool known, const char* what, port::Reply<T> reply,
                    domain::Result<T> result) {
    if (app.str() != app_name || !known) {
      result = domain::Error{.code = domain::ErrorCode::not_found,
                             .message = std::string{what} + " not found"};
    }
    answer<T>(std::move(reply), std::move(result));
  }
  std::deque<std::function<void()>> waiting_;
};

}  // namespace innkeeper::test
