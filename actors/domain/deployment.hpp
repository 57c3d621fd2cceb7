#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/domain/ids.hpp"

namespace innkeeper::domain {

enum class Transport : std::uint8_t { tcp, udp, tls };
[[nodiscard]] const char* to_string(Transport transport) noexcept;
[[nodiscard]] std::optional<Transport> parse_transport(std::string_view text) noexcept;

// What one process takes from a host. The first port is the default one.
struct Resources {
  std::uint32_t cpu_millis = 0;  // thousandths of a core
  std::uint32_t memory_mb = 0;
  std::uint32_t ports = 0;
  friend bool operator==(const Resources&, const Resources&) = default;
  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, Resources& x) {
    return f(x.cpu_millis, x.memory_mb, x.ports);
  }
};

// A port of the deployment as its author numbers it ("container port"); the host gives it a public one.
struct ContainerPort {
  std::string name;  // "default" for the first one
  std::uint16_t port = 0;
  Transport transport = Transport::tcp;
  friend bool operator==(const ContainerPort&, const ContainerPort&) = default;
  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, ContainerPort& x) {
    return f(x.name, x.port, x.transport);
  }
};

// How to run a process: the content of a deployment, without its identity.
struct DeploymentSpec {
  std::vector<std::string> command;  // `exec` build; placeholders {port} and {NAME_port}
  ContainerPort default_port{.name = "default", .port = 0, .transport = Transport::tcp};
  std::vector<ContainerPort> additional_ports;  // at most two
  std::uint32_t rooms_per_process = 1;          // 1 to 10000
  std::uint32_t requested_cpu_millis = 250;
  std::uint32_t requested_memory_mb = 512;
  bool idle_timeout_enabled = true;
  std::map<std::string, std::string> env;
  std::string build_tag;       // may be empty
  std::string deployment_tag;  // may be empty
  friend bool operator==(const DeploymentSpec&, const DeploymentSpec&) = default;
  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, DeploymentSpec& x) {
    return f(x.command, x.default_port, x.additional_ports, x.rooms_per_process,
             x.requested_cpu_millis, x.requested_memory_mb, x.idle_timeout_enabled, x.env,
             x.build_tag, x.deployment_tag);
  }
};

// An immutable version of an app's run settings.
struct Deployment {
  DeploymentKey key{};
  DeploymentId id;
  AppId app;
  DeploymentSpec spec;
  Timestamp created_at{};
  std::string created_by;
  friend bool operator==(const Deployment&, const Deployment&) = default;
  [[nodiscard]] Resources resources() const noexcept {
    return {.cpu_millis = spec.requested_cpu_millis,
            .memory_mb = spec.requested_memory_mb,
            .ports = static_cast<std::uint32_t>(1 + spec.additional_ports.size())};
  }
};

struct App {
  AppId id;
  std::string name;
  std::string org_id;
  std::string secret;  // signs player tokens; given to processes as HATHORA_APP_SECRET; never logged
  std::string created_by;
  Timestamp created_at{};
  friend bool operator==(const App&, const App&) = default;
};

// All apps and deployments at one moment; immutable once shared.
struct CatalogSnapshot {
  struct AppEntry {
    App app;
    std::vector<std::shared_ptr<const Deployment>> deployments;  // oldest first, never empty
    [[nodiscard]] const std::shared_ptr<const Deployment>& latest() const { return deployments.back(); }
  };
  std::map<AppId, AppEntry> apps;
  std::unordered_map<std::uint32_t, std::shared_ptr<const Deployment>> by_key;

  // Null when there is no such app or deployment.
  [[nodiscard]] const AppEntry* find_app(const AppId& id) const;
  [[nodiscard]] std::shared_ptr<const Deployment> find(DeploymentKey key) const;
  [[nodiscard]] std::shared_ptr<const Deployment> find(const AppId& app, const DeploymentId& id) const;
};

}  // namespace innkeeper::domain
