#include "config/rules.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <thread>
#include <utility>

#include <unistd.h>

#include "config/certificates.hpp"

namespace innkeeper::config {
namespace {

std::string in_quotes(const std::string& text) { return "\"" + text + "\""; }

std::string at(const char* array, std::size_t index) {
  return std::string(array) + "[" + std::to_string(index) + "]";
}

void check_regions(Draft& draft, Scope& scope) {
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < draft.regions.size(); ++i) {
    const std::string& name = draft.regions[i].name;
    if (name.empty()) continue;  // reported already
    const auto [first, is_new] = seen.emplace(name, i);
    if (!is_new) {
      scope.report(at("region", i) + ".name", in_quotes(name),
                   "is the name of " + at("region", first->second) + " too");
      continue;
    }
    draft.settings.regions.emplace_back(name);
  }
  if (draft.settings.node.region && draft.regions.empty() && !scope.has_problem("region")) {
    scope.report(
        "region", "",
        "is missing; a node with the region role needs at least one [[region]] with a name");
  }
}

// Both files of a pair, or none.
std::optional<TlsFiles> check_tls(const TlsFiles& files, const std::string& section, Scope& scope) {
  const bool cert = scope.given.contains(section + ".cert_file");
  const bool key = scope.given.contains(section + ".key_file");
  if (cert != key) {
    scope.report(section + (cert ? ".key_file" : ".cert_file"), "",
                 "is missing; [" + section + "] needs cert_file and key_file");
  }
  check_certificate(files, section, scope);
  if (files.cert_file.empty() || files.key_file.empty()) return std::nullopt;
  return files;
}

void check_host_region(Draft& draft, Scope& scope) {
  const Settings& settings = draft.settings;
  if (scope.has_problem("host.region")) return;
  if (draft.host_region.empty()) {
    if (settings.node.host) {
      scope.report("host.region", "",
                   "is missing; a node with the host role needs the name of its region");
    }
    return;
  }
  const auto& regions = settings.regions;
  const bool led = std::any_of(regions.begin(), regions.end(),
                               [&](const auto& one) { return one.str() == draft.host_region; });
  // A region whose name is missing may be the one that is meant.
  const bool unsure = std::any_of(scope.problems.begin(), scope.problems.end(),
                                  [](const Problem& one) {
                                    return one.option.starts_with("region[") &&
                                           one.option.ends_with(".name") && one.value.empty();
                                  }) ||
                      (draft.regions.empty() && scope.has_problem("region"));
  // Without a cluster nobody but this node can lead the region.
  const bool leads = settings.node.region || scope.has_problem("node.roles");
  if (leads && !led && !unsure) {
    std::string names;
    for (const auto& one : regions) names += (names.empty() ? "" : ", ") + in_quotes(one.str());
    scope.report(
        "host.region", in_quotes(draft.host_region),
        "is not led by this node; allowed: " + (names.empty() ? "none, add a [[region]]" : names));
  }
}

void check_host_ports(Draft& draft, Scope& scope) {
  HostSettings& host = draft.settings.host;
  const auto ports = parse_ports(draft.host_ports);
  if (!ports || scope.has_problem("host.ports")) return;
  host.port_first = ports->first;
  host.port_last = ports->second;
  const std::size_t count = std::size_t{host.port_last} - host.port_first + 1;
  for (std::size_t i = 0; i < draft.apps.size(); ++i) {
    const std::size_t needed = 1 + draft.apps[i].deployment.additional_ports.size();
    if (needed > count) {
      scope.report("host.ports", in_quotes(draft.host_ports),
                   "holds " + std::to_string(count) + " ports, but one process of " + at("app", i) +
                       " needs " + std::to_string(needed));
    }
  }
  const ListenAddress& listen = draft.settings.gateway.listen;
  if (draft.settings.node.gateway && !scope.has_problem("gateway.listen") &&
      listen.port >= host.port_first && listen.port <= host.port_last) {
    scope.report("host.ports", in_quotes(draft.host_ports),
                 "holds the port of gateway.listen, " + std::to_string(listen.port));
  }
}

void check_tls_transport(const Draft& draft, Scope& scope) {
  if (scope.given.contains("host.tls.cert_file") || scope.given.contains("host.tls.key_file")) {
    return;  // what is wrong with them is reported with them
  }
  const std::string message =
      "needs [host.tls] with cert_file and key_file, because the host ends the TLS in front of the "
      "process";
  for (std::size_t i = 0; i < draft.apps.size(); ++i) {
    const domain::DeploymentSpec& spec = draft.apps[i].deployment;
    const std::string deployment = at("app", i) + ".deployment.";
    if (spec.default_port.transport == domain::Transport::tls) {
      scope.report(deployment + "transport", "\"tls\"", message);
    }
    for (std::size_t j = 0; j < spec.additional_ports.size(); ++j) {
      if (spec.additional_ports[j].transport != domain::Transport::tls) continue;
      scope.report(deployment + at("additional_container_ports", j) + ".transport", "\"tls\"",
                   message);
    }
  }
}

void fill_capacity(HostSettings& host) {
  if (host.cpu_millis == 0) {
    host.cpu_millis = std::max(1U, std::thread::hardware_concurrency()) * 1'000;
  }
  if (host.memory_mb == 0) {
    const long pages = ::sysconf(_SC_PHYS_PAGES);
    const long page_bytes = ::sysconf(_SC_PAGESIZE);
    const std::uint64_t bytes =
        pages > 0 && page_bytes > 0
            ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes)
            : 0;
    host.memory_mb = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, bytes >> 20U));
  }
}

// Thousandths as a person writes them: "0.25".
std::string show_cores(std::uint32_t millis) {
  std::string text =
      std::to_string(millis / 1'000) + "." + std::to_string(1'000 + millis % 1'000).substr(1);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

// No process could ever start, and every room would wait in vain.
void check_capacity(const Draft& draft, Scope& scope) {
  const HostSettings& host = draft.settings.host;
  for (std::size_t i = 0; i < draft.apps.size(); ++i) {
    const domain::DeploymentSpec& spec = draft.apps[i].deployment;
    const auto report = [&](const char* option, const std::string& wanted, const char* capacity,
                            const std::string& there) {
      const std::string name = at("app", i) + ".deployment." + option;
      if (scope.has_problem(name) || scope.has_problem(capacity)) return;
      scope.report(name, wanted,
                   std::string("is more than the host has to hand out; allowed: at most ") +
                       capacity + ", " + there);
    };
    if (spec.requested_cpu_millis > host.cpu_millis) {
      report("requested_cpu", show_cores(spec.requested_cpu_millis), "host.cpus",
             show_cores(host.cpu_millis));
    }
    if (spec.requested_memory_mb > host.memory_mb) {
      report("requested_memory_mb", std::to_string(spec.requested_memory_mb), "host.memory_mb",
             std::to_string(host.memory_mb));
    }
  }
}

void check_apps(Draft& draft, Scope& scope) {
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < draft.apps.size(); ++i) {
    AppDraft& app = draft.apps[i];
    if (!app.id.empty()) {
      const auto [first, is_new] = seen.emplace(app.id, i);
      if (!is_new) {
        scope.report(at("app", i) + ".id", in_quotes(app.id),
                     "is the id of " + at("app", first->second) + " too");
      }
    }
    draft.settings.apps.push_back({.id = domain::AppId(app.id),
                                   .name = app.name,
                                   .org = app.org,
                                   .secret_file = app.secret_file,
                                   .deployment = app.deployment});
  }
}

// What is wrong with the URL of a PostgreSQL server; empty when nothing is. It holds nothing that
// must be kept secret, and only what is known to be safe to pass on.
std::string postgres_problem(std::string_view url) {
  constexpr std::string_view shape = "postgresql://USER@HOST:PORT/DATABASE";
  url.remove_prefix(url.find(':') + 1);
  if (!url.starts_with("//")) return "allowed: \"" + std::string(shape) + "\"";
  url.remove_prefix(2);
  const auto query = url.find('?');
  std::string_view parameters = query == url.npos ? "" : url.substr(query + 1);
  url = url.substr(0, query);
  const auto slash = url.find('/');
  const std::string_view authority = url.substr(0, slash);
  const auto at = authority.rfind('@');
  if (at != authority.npos && authority.substr(0, at).find(':') != authority.npos) {
    return "holds a password; give it in the file that store.password_file names";
  }
  while (!parameters.empty()) {
    const auto end = std::min(parameters.find('&'), parameters.size());
    const std::string_view name = parameters.substr(0, parameters.substr(0, end).find('='));
    if (name == "password" || name == "sslpassword") {
      return "holds a password; give it in the file that store.password_file names";
    }
    if (name != "host" && name != "port" && name != "sslmode" && name != "sslrootcert" &&
        name != "sslcert" && name != "sslkey") {
      return "has a parameter that is not known; allowed: host, port, sslmode, sslrootcert, "
             "sslcert, "
             "sslkey";
    }
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
  }
  if (slash == url.npos || slash + 1 == url.size()) {
    return "names no database; allowed: \"" + std::string(shape) + "\"";
  }
  return {};
}

void check_store(Draft& draft, Scope& scope) {
  constexpr std::string_view sqlite = "sqlite:";
  const std::string& url = draft.store_url;
  if (scope.has_problem("store.url")) return;
  if (url.starts_with("postgresql:") || url.starts_with("postgres:")) {
    // One that is wrong may hold a password, so it is not shown.
    if (const auto problem = postgres_problem(url); !problem.empty()) {
      scope.report("store.url", "postgresql:…", problem);
    } else {
      draft.settings.store.url = url;
      draft.settings.store.sqlite_path.clear();
    }
    return;
  }
  if (scope.given.contains("store.password_file") && !scope.has_problem("store.password_file")) {
    scope.report("store.password_file", in_quotes(draft.settings.store.password_file),
                 "is of no use with a file as the store");
  }
  if (!url.starts_with(sqlite) || url.size() == sqlite.size() || url.starts_with("sqlite::") ||
      url.ends_with('/')) {
    scope.report("store.url", url.find('@') == std::string::npos ? in_quotes(url) : "(not shown)",
                 "allowed: \"sqlite:PATH\", the path of a file relative to node.data_dir, or "
                 "\"postgresql://USER@HOST:PORT/DATABASE\"");
  } else {
    draft.settings.store.url = url;
    draft.settings.store.sqlite_path =
        resolve(draft.settings.node.data_dir, url.substr(sqlite.size()));
  }
}

void check_paths(Draft& draft, Scope& scope) {
  std::error_code error;
  const std::string& data = draft.settings.node.data_dir;
  const auto data_status = std::filesystem::status(data, error);
  if (std::filesystem::exists(data_status) && !std::filesystem::is_directory(data_status)) {
    scope.report("node.data_dir", in_quotes(data), "is not a directory");
  }
  std::string& token = draft.settings.admin_token_file;
  if (token.empty()) {
    if (scope.has_problem("node.data_dir") || scope.has_problem("auth.admin_token_file")) return;
    token = resolve(data, "admin.token");
  }
  const auto token_status = std::filesystem::status(token, error);
  if (!std::filesystem::exists(token_status)) return;  // made at start
  if (!std::filesystem::is_regular_file(token_status) || ::access(token.c_str(), R_OK) != 0) {
    scope.report("auth.admin_token_file", in_quotes(token), "is not a file that can be read");
  } else if (is_blank_file(token)) {
    scope.report("auth.admin_token_file", in_quotes(token),
                 "is empty; allowed: a file with a token, or no file, then one is made");
  }
}

}  // namespace

void apply_rules(Draft& draft, Scope& scope) {
  Settings& settings = draft.settings;
  if (const auto listen = parse_listen(draft.listen)) settings.gateway.listen = *listen;
  settings.gateway.tls = check_tls(draft.gateway_tls, "gateway.tls", scope);
  settings.host.tls = check_tls(draft.host_tls, "host.tls", scope);
  settings.host.region = domain::RegionName(draft.host_region);
  check_regions(draft, scope);
  check_apps(draft, scope);
  fill_capacity(settings.host);
  // With wrong roles nobody knows whether the host is meant; what is given is looked at all the
  // same.
  if (settings.node.host || scope.has_problem("node.roles")) {
    check_host_region(draft, scope);
    check_tls_transport(draft, scope);
    check_host_ports(draft, scope);
    check_capacity(draft, scope);
  }
  check_store(draft, scope);
  check_paths(draft, scope);
}

}  // namespace innkeeper::config
