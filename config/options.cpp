#include "config/options.hpp"

#include <chrono>
#include <utility>

#include "config/option_kinds.hpp"

namespace innkeeper::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* name_allowed = "1 to 64 characters of A-Z a-z 0-9 _ -";
constexpr std::size_t regions_max = 100;
constexpr std::size_t apps_max = 1'000;
constexpr std::size_t origins_max = 100;

bool is_name(const std::string& text) { return domain::is_valid_name(text); }

void read_roles(const Value& value, const std::string& name, Draft& draft, Scope& scope) {
  const char* const allowed =
      "a list of \"gateway\", \"region\", \"host\": at least one, none twice";
  const Array* const roles = value.array();
  if (roles == nullptr || roles->empty()) return report_value(scope, name, value, allowed);
  NodeSettings& node = draft.settings.node;
  node.gateway = node.region = node.host = false;
  for (std::size_t i = 0; i < roles->size(); ++i) {
    const auto* const role = std::get_if<std::string>(&(*roles)[i].data);
    bool* const place = role == nullptr      ? nullptr
                        : *role == "gateway" ? &node.gateway
                        : *role == "region"  ? &node.region
                        : *role == "host"    ? &node.host
                                             : nullptr;
    if (place == nullptr || *place) {
      report_value(scope, name + "[" + std::to_string(i) + "]", (*roles)[i], allowed);
    } else {
      *place = true;
    }
  }
}

void read_origins(const Value& value, const std::string& name, Draft& draft, Scope& scope) {
  const char* const allowed = "a list of at most 100 origins: \"*\" or \"https://HOST[:PORT]\"";
  const Array* const origins = value.array();
  if (origins == nullptr) return report_value(scope, name, value, allowed);
  if (origins->size() > origins_max) report_value(scope, name, value, allowed);
  draft.settings.gateway.cors_origins.clear();
  for (std::size_t i = 0; i < origins->size(); ++i) {
    const auto* const origin = std::get_if<std::string>(&(*origins)[i].data);
    if (origin == nullptr || !is_origin(*origin)) {
      report_value(scope, name + "[" + std::to_string(i) + "]", (*origins)[i], allowed);
    } else {
      draft.settings.gateway.cors_origins.push_back(*origin);
    }
  }
}

void add_node(OptionSet<Draft>& set) {
  set.push_back(text<Draft>(
      "node.name", [](Draft & d) -> auto& { return d.settings.node.name; }, is_name, name_allowed,
      "Name of the node and of its host; unique in a cluster"));
  set.push_back(special<Draft>("node.roles", "list of strings", R"(["gateway", "region", "host"])",
                               "any of gateway, region, host", "What the node does", read_roles));
  set.push_back(path<Draft>(
      "node.data_dir", [](Draft & d) -> auto& { return d.settings.node.data_dir; },
      "\"/var/lib/innkeeper\"",
      "Directory of everything that is kept: database, output and state of processes. Made when "
      "missing, "
      "mode 0700"));
}

void add_gateway(OptionSet<Draft>& set) {
  set.push_back(text<Draft>(
      "gateway.listen", [](Draft & d) -> auto& { return d.listen; },
      [](const std::string& given) { return parse_listen(given).has_value(); },
      "IPV4:PORT, [IPV6]:PORT or localhost:PORT; port 0 is any free one",
      "Where HTTP is served; the real address is logged with node.ready"));
  set.push_back(whole<Draft>(
      "gateway.threads", [](Draft & d) -> auto& { return d.settings.gateway.threads; }, 0, 256,
      "Threads that serve HTTP; 0 chooses by the number of cores"));
  set.push_back(file<Draft>(
      "gateway.tls.cert_file", [](Draft & d) -> auto& { return d.gateway_tls.cert_file; },
      "Certificate chain (PEM); with it HTTPS is served instead of HTTP"));
  set.push_back(file<Draft>(
      "gateway.tls.key_file", [](Draft & d) -> auto& { return d.gateway_tls.key_file; },
      "Private key of the certificate (PEM)"));
  set.push_back(secret_file<Draft>(
      "gateway.metrics_token_file",
      [](Draft & d) -> auto& { return d.settings.gateway.metrics_token_file; },
      "File with a token that /metrics asks for; without it /metrics is open"));
  set.push_back(special<Draft>("gateway.cors_origins", "list of strings", R"(["*"])",
                               "\"*\" or origins such as \"https://play.example.org\"",
                               "Web origins whose pages may call the API", read_origins));
  set.push_back(duration<Draft>(
      "gateway.shutdown_grace",
      [](Draft & d) -> auto& { return d.settings.gateway.shutdown_grace; }, seconds(0), minutes(10),
      "How long a stop waits for requests in flight"));
  set.push_back(duration<Draft>(
      "gateway.request_timeout",
      [](Draft & d) -> auto& { return d.settings.gateway.request_timeout; }, milliseconds(100),
      minutes(10), "A request that is not done by then is answered with 408"));
}

void add_limits(OptionSet<Draft>& set) {
  set.push_back(whole<Draft>(
      "gateway.limits.header_bytes",
      [](Draft & d) -> auto& { return d.settings.gateway.limits.header_bytes; }, 1'024, 1'048'576,
      "Largest header of a request, request line included (431)"));
  set.push_back(whole<Draft>(
      "gateway.limits.body_bytes",
      [](Draft & d) -> auto& { return d.settings.gateway.limits.body_bytes; }, 1'024, 67'108'864,
      "Largest body of a request (413)"));
  set.push_back(duration<Draft>(
      "gateway.limits.header_timeout",
      [](Draft & d) -> auto& { return d.settings.gateway.limits.header_timeout; },
      milliseconds(100), minutes(10), "A client must have sent the header by then (408)"));
  set.push_back(duration<Draft>(
      "gateway.limits.body_timeout",
      [](Draft & d) -> auto& { return d.settings.gateway.limits.body_timeout; }, milliseconds(100),
      minutes(10), "A client must have sent the body by then (408)"));
  set.push_back(duration<Draft>(
      "gateway.limits.idle_timeout",
      [](Draft & d) -> auto& { return d.settings.gateway.limits.idle_timeout; }, milliseconds(100),
      hours(1), "A connection without a request is closed after this"));
  set.push_back(whole<Draft>(
      "gateway.limits.connections",
      [](Draft & d) -> auto& { return d.settings.gateway.limits.connections; }, 1, 1'000'000,
      "Connections that may be open at once; each needs a file descriptor"));
  set.push_back(whole<Draft>(
      "gateway.limits.in_flight",
      [](Draft & d) -> auto& { return d.settings.gateway.limits.in_flight; }, 1, 1'000'000,
      "Requests that may be in flight at once (429)"));
  set.push_back(whole<Draft>(
      "gateway.limits.requests_per_second_per_token",
      [](Draft & d) -> auto& { return d.settings.gateway.limits.requests_per_second_per_token; }, 0,
      1'000'000, "Requests of one token in a second (429); 0 is no limit"));
}

void add_host(OptionSet<Draft>& set) {
  set.push_back(text<Draft>(
      "host.region", [](Draft & d) -> auto& { return d.host_region; }, is_name,
      std::string("the name of a region: ") + name_allowed,
      "Region that the host works for; required with the host role"));
  set.push_back(text<Draft>(
      "host.public_address", [](Draft & d) -> auto& { return d.settings.host.public_address; },
      [](const std::string& given) {
        return is_host(given) && given != "0.0.0.0" && given != "::";
      },
      "an IP address or a host name that clients can reach",
      "What clients are told to connect to"));
  set.push_back(text<Draft>(
      "host.ports", [](Draft & d) -> auto& { return d.host_ports; },
      [](const std::string& given) { return parse_ports(given).has_value(); },
      "FIRST-LAST within 1 to 65535", "Ports handed out: one for each port of each process"));
  set.push_back(cores<Draft>(
      "host.cpus", [](Draft & d) -> auto& { return d.settings.host.cpu_millis; }, 0.01, 4'096,
      "what the machine has", "Cores to hand out"));
  set.push_back(whole<Draft>(
                    "host.memory_mb", [](Draft & d) -> auto& { return d.settings.host.memory_mb; },
                    1, 67'108'864, "Memory to hand out, in MiB")
                    .default_text("what the machine has"));
  set.push_back(whole<Draft>(
      "host.log_bytes", [](Draft & d) -> auto& { return d.settings.host.log_bytes; }, 65'536,
      std::int64_t{1} << 40, "Output kept for each process, in bytes"));
  set.push_back(file<Draft>(
      "host.tls.cert_file", [](Draft & d) -> auto& { return d.host_tls.cert_file; },
      "Certificate chain (PEM) of ports with the transport tls, which end at the host"));
  set.push_back(file<Draft>(
      "host.tls.key_file", [](Draft & d) -> auto& { return d.host_tls.key_file; },
      "Private key of that certificate (PEM)"));
}

void add_tables(OptionSet<Draft>& set) {
  OptionSet<RegionDraft> region;
  region.push_back(text<RegionDraft>(
                       "name", [](RegionDraft & r) -> auto& { return r.name; }, is_name,
                       name_allowed, "Name of a region that the node may lead; no name twice")
                       .require());
  set.push_back(tables<Draft>(
      "region", [](Draft & d) -> auto& { return d.regions; }, std::move(region), regions_max,
      "[[region]], at most 100", "Regions that the node may lead; required with the region role",
      [](RegionDraft&, const std::string&, Scope&) {}));
  set.push_back(tables<Draft>(
      "app", [](Draft & d) -> auto& { return d.apps; }, app_options(), apps_max,
      "[[app]], at most 1000", "Apps that are created or brought up to date at start", finish_app));
}

void add_timeouts_and_policy(OptionSet<Draft>& set) {
  set.push_back(duration<Draft>(
      "timeouts.start", [](Draft & d) -> auto& { return d.settings.timeouts.start; },
      milliseconds(10), hours(1), "A process must have bound its port by then"));
  set.push_back(duration<Draft>(
      "timeouts.stop_grace", [](Draft & d) -> auto& { return d.settings.timeouts.stop_grace; },
      seconds(0), hours(1), "From SIGTERM to SIGKILL"));
  set.push_back(duration<Draft>(
      "timeouts.idle", [](Draft & d) -> auto& { return d.settings.timeouts.idle; },
      milliseconds(10), hours(720), "A process that has had no room for so long is stopped"));
  set.push_back(duration<Draft>(
      "timeouts.scheduling", [](Draft & d) -> auto& { return d.settings.timeouts.scheduling; },
      milliseconds(10), hours(24), "A room waits so long for capacity"));
  set.push_back(choice<Draft>(
      "policy.on_process_failure",
      [](Draft & d) -> auto& { return d.settings.policy.on_process_failure; },
      std::vector<std::pair<std::string, FailurePolicy>>{{"suspend", FailurePolicy::suspend},
                                                         {"reschedule", FailurePolicy::reschedule},
                                                         {"destroy", FailurePolicy::destroy}},
      "What becomes of the rooms of a process that crashed or whose host is lost"));
  set.push_back(flag<Draft>(
      "policy.connection_info_resumes",
      [](Draft & d) -> auto& { return d.settings.policy.connection_info_resumes; },
      "Connection info of a suspended room schedules it again"));
  set.push_back(choice<Draft>(
      "policy.placement", [](Draft & d) -> auto& { return d.settings.policy.placement; },
      std::vector<std::pair<std::string, domain::PlacementPolicy>>{
          {"packed", domain::PlacementPolicy::packed}, {"spread", domain::PlacementPolicy::spread}},
      "Which process a room goes to: the fullest that has a free slot, or the emptiest"));
  set.push_back(duration<Draft>(
      "policy.destroyed_retention",
      [](Draft & d) -> auto& { return d.settings.policy.destroyed_retention; }, seconds(0),
      hours(8'760), "How long destroyed rooms and ended processes, with their output, are kept"));
  set.push_back(whole<Draft>(
      "policy.start_attempts", [](Draft & d) -> auto& { return d.settings.policy.start_attempts; },
      1, 100, "Starts that may fail before the rooms that wait for the process are destroyed"));
}

OptionSet<Draft> make_options() {
  OptionSet<Draft> set;
  add_node(set);
  add_gateway(set);
  add_limits(set);
  set.push_back(path<Draft>(
      "auth.admin_token_file", [](Draft & d) -> auto& { return d.settings.admin_token_file; },
      "admin.token in node.data_dir",
      "File with the token that may do everything; made with a random token, mode 0600, when "
      "missing"));
  add_tables(set);
  add_host(set);
  add_timeouts_and_policy(set);
  set.push_back(text<Draft>(
      "store.url", [](Draft & d) -> auto& { return d.store_url; },
      [](const std::string& given) { return !given.empty() && given.size() <= 4'000; },
      "\"sqlite:PATH\" or \"postgresql://USER@HOST:PORT/DATABASE\"",
      "Database: a file, relative to node.data_dir, or a server"));
  set.push_back(file<Draft>(
      "store.password_file", [](Draft & d) -> auto& { return d.settings.store.password_file; },
      "File with the password for PostgreSQL; read at each connection"));
  set.push_back(duration<Draft>(
      "store.connect_timeout", [](Draft & d) -> auto& { return d.settings.store.connect_timeout; },
      milliseconds(100), minutes(1), "PostgreSQL must have let the node in by then"));
  set.push_back(duration<Draft>(
      "store.answer_timeout", [](Draft & d) -> auto& { return d.settings.store.answer_timeout; },
      milliseconds(100), minutes(5),
      "PostgreSQL must have answered by then; after that the connection is given up"));
  set.push_back(choice<Draft>(
      "log.level", [](Draft & d) -> auto& { return d.settings.log.level; },
      std::vector<std::pair<std::string, std::string>>{
          {"debug", "debug"}, {"info", "info"}, {"warning", "warning"}, {"error", "error"}},
      "Least level that is logged"));
  return set;
}

std::string show_listen(const ListenAddress& listen) {
  return listen.host + ":" + std::to_string(listen.port);
}

}  // namespace

Draft::Draft()
    : listen(show_listen(settings.gateway.listen)),
      store_url(settings.store.url),
      host_ports(std::to_string(settings.host.port_first) + "-" +
                 std::to_string(settings.host.port_last)) {
  settings.node.data_dir = "/var/lib/innkeeper";
}

const OptionSet<Draft>& options() {
  static const OptionSet<Draft> set = make_options();
  return set;
}

}  // namespace innkeeper::config
