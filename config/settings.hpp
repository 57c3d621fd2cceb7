#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/domain/api.hpp"
#include "actors/domain/deployment.hpp"
#include "actors/domain/placement.hpp"
#include "actors/domain/result.hpp"

// The settings of a node, typed and valid: contract/cli-config.md and contract/decided.md.
namespace innkeeper::config {

struct NodeSettings {
  std::string name = "node-1";
  bool gateway = true;  // roles
  bool region = true;
  bool host = true;
  std::string data_dir;
};
struct ListenAddress {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  // 0: any free one
};
struct GatewayLimits {
  std::size_t header_bytes = 16'384;
  std::size_t body_bytes = 262'144;
  domain::Duration header_timeout = std::chrono::seconds(10);
  domain::Duration body_timeout = std::chrono::seconds(30);
  domain::Duration idle_timeout = std::chrono::seconds(75);
  std::size_t connections = 10'000;
  std::size_t in_flight = 4'096;
  std::uint32_t requests_per_second_per_token = 0;  // 0: no limit
};
struct TlsFiles {
  std::string cert_file;
  std::string key_file;
};
struct GatewaySettings {
  ListenAddress listen;
  std::uint32_t threads = 0;  // 0: chosen by the number of cores
  std::optional<TlsFiles> tls;
  std::string metrics_token_file;  // empty: /metrics asks for no token
  std::vector<std::string> cors_origins = {"*"};
  domain::Duration shutdown_grace = std::chrono::seconds(10);
  domain::Duration request_timeout = std::chrono::seconds(30);  // then 408
  GatewayLimits limits;
};
struct HostSettings {
  domain::RegionName region;
  std::string public_address = "127.0.0.1";
  std::uint16_t port_first = 20'000;
  std::uint16_t port_last = 20'999;
  std::uint32_t cpu_millis = 0;  // loader: what the machine has, when not given
  std::uint32_t memory_mb = 0;
  std::uint64_t log_bytes = 10ULL * 1024 * 1024;  // of output kept for each process
  std::optional<TlsFiles> tls;
};
struct AppSettings {
  domain::AppId id;
  std::string name;
  std::string org = "org-default";
  std::string secret_file;  // empty: generated and kept
  domain::DeploymentSpec deployment;
};
struct TimeoutSettings {
  domain::Duration start = std::chrono::seconds(100);
  domain::Duration stop_grace = std::chrono::seconds(30);
  domain::Duration idle = std::chrono::minutes(5);
  domain::Duration scheduling = std::chrono::seconds(100);
};
enum class FailurePolicy : std::uint8_t { suspend, reschedule, destroy };
struct PolicySettings {
  FailurePolicy on_process_failure = FailurePolicy::suspend;
  bool connection_info_resumes = true;
  domain::PlacementPolicy placement = domain::PlacementPolicy::packed;
  domain::Duration destroyed_retention = std::chrono::hours(72);
  std::uint32_t start_attempts = 3;
};
struct StoreSettings {
  std::string url = "sqlite:innkeeper.db";
  std::string sqlite_path;    // resolved against data_dir; empty: the URL is one of PostgreSQL
  std::string password_file;  // of PostgreSQL; empty: none is sent
  domain::Duration connect_timeout = std::chrono::seconds(2);
  domain::Duration answer_timeout = std::chrono::seconds(5);
  [[nodiscard]] bool postgres() const noexcept { return sqlite_path.empty(); }
};
struct LogSettings {
  std::string level = "info";  // debug | info | warning | error
};
struct Settings {
  NodeSettings node;
  GatewaySettings gateway;
  std::string admin_token_file;
  std::vector<domain::RegionName> regions;
  HostSettings host;
  std::vector<AppSettings> apps;
  TimeoutSettings timeouts;
  PolicySettings policy;
  StoreSettings store;
  LogSettings log;
};

// One thing that is wrong with a configuration.
struct Problem {
  std::string option;   // dotted name, arrays as name[index]
  std::string value;    // as given; empty for a missing one
  std::string message;  // what is wrong and what is allowed
};

// Reads a TOML text; `overrides` are `--set KEY=VALUE` in the order given. Either valid settings or
// every problem that could be found. Reads no file but those that options name, and only to check
// that they can be used at start. `directory` is what relative paths in the text are relative to.
struct Loaded {
  std::optional<Settings> settings;
  std::vector<Problem> problems;
};
[[nodiscard]] Loaded load_text(
    const std::string& toml, const std::string& directory,
    const std::vector<std::pair<std::string, std::string>>& overrides = {});
[[nodiscard]] Loaded load_file(
    const std::string& path,
    const std::vector<std::pair<std::string, std::string>>& overrides = {});

// The reference of all options as Markdown (`innkeeper describe options`).
[[nodiscard]] std::string describe_options();

}  // namespace innkeeper::config
