#include "tests/config/support.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include <sys/stat.h>
#include <unistd.h>

#include "config/options.hpp"
#include "tests/config/certificate.hpp"

namespace innkeeper::config::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Row {
  std::string option;
  std::vector<std::string> good;  // TOML values
  std::vector<std::string> bad;
};

std::string repeated(std::size_t n, char c = 'a') { return std::string(n, c); }
std::string quoted(const std::string& text) { return "\"" + text + "\""; }

Row whole_row(const std::string& option, const std::string& least, const std::string& most,
              const std::string& below, const std::string& above) {
  return {
      option, {least, most}, {below, above, "1.5", "\"1\"", "true", "[]", "9223372036854775807"}};
}
Row duration_row(const std::string& option, const std::string& least, const std::string& most,
                 const std::vector<std::string>& beyond) {
  Row row{option,
          {quoted(least), quoted(most)},
          {"30", "\"30\"", "\"\"", "\"s\"", "\"-1s\"", "\"1.5s\"", "\"1 s\"", "\"1S\"", "\"1d\"",
           "\"99999999999999999999s\"", "true", "12:30:00"}};
  for (const std::string& one : beyond) row.bad.push_back(quoted(one));
  return row;
}
Row flag_row(const std::string& option) {
  return {option, {"true", "false"}, {"0", "1", "\"true\"", "\"\"", "[]"}};
}
Row name_row(const std::string& option) {
  return {option,
          {"\"a\"", "\"Sao_Paulo-1\"", quoted(repeated(64))},
          {"\"\"", "\"a b\"", "\"a/b\"", "\"é\"", quoted(repeated(65)), "1", "\"a\\u0000b\""}};
}

// Every option once, with values at both ends of what is allowed and just beyond.
std::vector<Row> rows() {
  return {
      name_row("node.name"),
      {"node.roles",
       {"[\"gateway\", \"region\", \"host\"]", "[\"gateway\"]", "[\"host\", \"region\"]"},
       {"[]", "\"gateway\"", "[\"gateway\", \"gateway\"]", "[\"leader\"]", "[1]"}},
      {"node.data_dir", {"\"/tmp\"", "\"relative/dir\""}, {"\"\"", "1", "\"/dev/null\""}},
      {"gateway.listen",
       {"\"127.0.0.1:0\"", "\"0.0.0.0:65535\"", "\"[::1]:8080\"", "\"[::]:80\"",
        "\"localhost:8080\""},
       {"\"\"", "\"8080\"", "\":8080\"", "\"127.0.0.1\"", "\"127.0.0.1:65536\"", "\"::1:8080\"",
        "\"[::1]\"", "\"[::1:8080\"", "\"300.0.0.1:80\"", "\"example.org:80\"", "\"127.0.0.1:\"",
        "\"127.0.0.1:+80\"", "\"127.0.0.1:8o\"", "8080", "\"[::1]x:80\""}},
      whole_row("gateway.threads", "0", "256", "-1", "257"),
      {"gateway.cors_origins",
       {"[]", "[\"*\"]", "[\"https://play.example.org\", \"http://127.0.0.1:3000\"]",
        "[\"http://[::1]:80\"]"},
       {"\"*\"", "[1]", "[\"example.org\"]", "[\"https://\"]", "[\"https://a/b\"]",
        "[\"https://a:b\"]"}},
      duration_row("gateway.shutdown_grace", "0s", "10m", {"601s"}),
      duration_row("gateway.request_timeout", "100ms", "10m", {"99ms", "11m"}),
      whole_row("gateway.limits.header_bytes", "1024", "1048576", "1023", "1048577"),
      whole_row("gateway.limits.body_bytes", "1024", "67108864", "1023", "67108865"),
      duration_row("gateway.limits.header_timeout", "100ms", "10m", {"99ms", "11m"}),
      duration_row("gateway.limits.body_timeout", "100ms", "10m", {"99ms", "11m"}),
      duration_row("gateway.limits.idle_timeout", "100ms", "1h", {"99ms", "61m"}),
      whole_row("gateway.limits.connections", "1", "1000000", "0", "1000001"),
      whole_row("gateway.limits.in_flight", "1", "1000000", "0", "1000001"),
      whole_row("gateway.limits.requests_per_second_per_token", "0", "1000000", "-1", "1000001"),
      {"auth.admin_token_file", {"\"/nonexistent/admin.token\""}, {"\"\"", "1", "\"/tmp\""}},
      {"host.public_address",
       {"\"127.0.0.1\"", "\"2001:db8::1\"", "\"play.example.org\"", "\"host-1\""},
       {"\"\"", "\"0.0.0.0\"", "\"::\"", "\"a b\"", "\"-a\"", "\"a..b\"", "\"1.2.3\"",
        "\"http://a\"", "1"}},
      {"host.ports",
       {"\"1-65535\"", "\"20000-20000\"", "\"20000\""},
       {"\"\"", "\"0-10\"", "\"20-10\"", "\"1-65536\"", "\"a-b\"", "\"1-\"", "\"-1\"", "\"1-2-3\"",
        "20000"}},
      {"host.cpus",
       {"0.01", "1", "4096", "2.5"},
       {"0", "0.001", "-1", "4096.5", "nan", "inf", "\"2\""}},
      whole_row("host.memory_mb", "1", "67108864", "0", "67108865"),
      whole_row("host.log_bytes", "65536", "1099511627776", "65535", "1099511627777"),
      duration_row("timeouts.start", "10ms", "1h", {"9ms", "61m"}),
      duration_row("timeouts.stop_grace", "0s", "1h", {"61m"}),
      duration_row("timeouts.idle", "10ms", "720h", {"9ms", "721h"}),
      duration_row("timeouts.scheduling", "10ms", "24h", {"9ms", "25h"}),
      {"policy.on_process_failure",
       {"\"suspend\"", "\"reschedule\"", "\"destroy\""},
       {"\"\"", "\"Suspend\"", "\"keep\"", "1", "[\"suspend\"]"}},
      flag_row("policy.connection_info_resumes"),
      {"policy.placement", {"\"packed\"", "\"spread\""}, {"\"\"", "\"PACKED\"", "1"}},
      duration_row("policy.destroyed_retention", "0s", "8760h", {"8761h"}),
      whole_row("policy.start_attempts", "1", "100", "0", "101"),
      {"store.url",
       {"\"sqlite:innkeeper.db\"", "\"sqlite:/var/lib/x.db\"", "\"postgresql://user@host/db\"",
        "\"postgres://host:5433/db\"", "\"postgresql://user@/db?host=/run/postgresql&port=5433\"",
        "\"postgresql://user@[2001:db8::1]:5432/db?sslmode=verify-full&sslrootcert=/etc/ca.pem\""},
       {"\"\"", "\"sqlite:\"", "\"sqlite::memory:\"", "\"sqlite:dir/\"", "\"innkeeper.db\"", "1",
        "\"postgresql:db\"", "\"postgresql://user@host\"", "\"postgresql://user@host/\"",
        "\"postgresql://user:pw@host/db\"", "\"postgresql://user@host/db?password=pw\"",
        "\"postgresql://user@host/db?options=-c%20fsync=off\"", "\"mysql://x\""}},
      duration_row("store.connect_timeout", "100ms", "1m", {"99ms", "61s"}),
      duration_row("store.answer_timeout", "100ms", "5m", {"99ms", "6m"}),
      {"log.level",
       {"\"debug\"", "\"info\"", "\"warning\"", "\"error\""},
       {"\"\"", "\"trace\"", "1"}},
      name_row("app[0].id"),
      {"app[0].name",
       {"\"echo\"", "\"Écho de nuit\"", quoted(repeated(100))},
       {"\"\"", quoted(repeated(101)), "\"a\\nb\"", "1"}},
      name_row("app[0].org"),
      {"app[0].deployment.command",
       {"[\"server\"]", "[\"/bin/sh\", \"-c\", \"\"]", "[\"server\", \"{port}\", \"{other}\"]"},
       {"[]", "\"server\"", "[1]", "{ a = 1 }"}},
      {"app[0].deployment.command[0]",
       {"\"server\"", "\"/bin/sh\""},
       {"\"\"", "\"/nonexistent/server\"", "\"/etc/passwd\"", "\"/bin\"", "\"./server\"", "1",
        quoted(repeated(4097))}},
      {"app[0].deployment.transport",
       {"\"tcp\"", "\"udp\""},
       {"\"\"", "\"TCP\"", "\"sctp\"", "1", "\"tls\""}},
      whole_row("app[0].deployment.container_port", "1", "65535", "0", "65536"),
      {"app[0].deployment.additional_container_ports",
       {"[]", "[{ name = \"query\", port = 27016 }]",
        "[{ name = \"a\", port = 1, transport = \"udp\" }, { name = \"b-2\", port = 65535 }]"},
       {"{ name = \"a\", port = 1 }", "\"a\"",
        "[{ name = \"a\", port = 1 }, { name = \"b\", port = 2 }, { name = \"c\", port = 3 }]"}},
      whole_row("app[0].deployment.rooms_per_process", "1", "10000", "0", "10001"),
      {"app[0].deployment.requested_cpu",
       {"0.01", "1", "1024"},
       {"0", "-1", "1025", "nan", "\"1\""}},
      whole_row("app[0].deployment.requested_memory_mb", "1", "16777216", "0", "16777217"),
      flag_row("app[0].deployment.idle_timeout_enabled"),
      {"app[0].deployment.env", {"{}", "{ MODE = \"dm\", _x1 = \"\" }"}, {"[]", "\"A=b\"", "1"}},
      {"app[0].deployment.build_tag",
       {"\"\"", quoted(repeated(100))},
       {quoted(repeated(101)), "1"}},
      {"app[0].deployment.deployment_tag",
       {"\"\"", quoted(repeated(100))},
       {quoted(repeated(101)), "1"}},
      name_row("region[0].name"),
  };
}

// Roles without the host make the row's value the only thing that can be wrong where it names
// regions.
Overrides with(const std::string& option, const std::string& value) {
  Overrides overrides{{option, value}};
  if (option == "region[0].name") overrides.emplace_back("node.roles", "[\"gateway\", \"region\"]");
  if (option == "host.ports" && value == "\"1-65535\"") {
    overrides.emplace_back("node.roles", "[\"host\", \"region\"]");
  }
  if (option.starts_with("app[0].deployment.requested_") || option.starts_with("host.")) {
    // So that the host can run the app, unless that is what the row is about.
    if (option != "host.cpus") overrides.emplace_back("host.cpus", "4096");
    if (option != "host.memory_mb") overrides.emplace_back("host.memory_mb", "67108864");
    if (option == "host.cpus") overrides.emplace_back("app[0].deployment.requested_cpu", "0.01");
    if (option == "host.memory_mb") {
      overrides.emplace_back("app[0].deployment.requested_memory_mb", "1");
    }
  }
  return overrides;
}

}  // namespace

TEST_CASE("every option takes what its table allows and names itself when it does not") {
  for (const Row& row : rows()) {
    for (const std::string& value : row.good) {
      INFO(row.option << " = " << value);
      const Loaded loaded = load(minimal + app, with(row.option, value));
      INFO(lines(loaded.problems));
      CHECK(loaded.settings.has_value());
    }
    for (const std::string& value : row.bad) {
      // `--set` passes scalars to options that take text as they were typed, so only other kinds of
      // values are wrong there; from a file they would be.
      const bool number_for_text =
          row.good.front().front() == '"' && (value == "1" || value == "8080" || value == "20000");
      if (number_for_text) continue;
      INFO(row.option << " = " << value);
      const Loaded loaded = load(minimal + app, with(row.option, value));
      INFO(lines(loaded.problems));
      CHECK_FALSE(loaded.settings.has_value());
      CHECK(std::any_of(loaded.problems.begin(), loaded.problems.end(), [&](const Problem& one) {
        return one.option.rfind(row.option, 0) == 0 && !one.message.empty();
      }));
    }
  }
}

TEST_CASE("every option of the table has a row of values in this test, or a test of its own") {
  const std::vector<std::string> elsewhere{
      "gateway.tls.cert_file",
      "gateway.tls.key_file",
      "gateway.metrics_token_file",
      "host.tls.cert_file",
      "host.tls.key_file",
      "store.password_file",
      "host.region",
      "region",
      "app",
      "app[0].secret_file",
      "app[0].deployment.additional_container_ports[0].name",
      "app[0].deployment.additional_container_ports[0].port",
      "app[0].deployment.additional_container_ports[0].transport"};
  std::vector<std::string> tested = elsewhere;
  for (const Row& row : rows()) tested.push_back(row.option);
  for (Facts fact : all_facts_of(options())) {
    for (std::size_t at = 0; (at = fact.name.find("[]")) != std::string::npos;) {
      fact.name.replace(at, 2, "[0]");
    }
    INFO(fact.name);
    CHECK(std::find(tested.begin(), tested.end(), fact.name) != tested.end());
    CHECK_FALSE(fact.type.empty());
    CHECK_FALSE(fact.allowed.empty());
    CHECK_FALSE(fact.meaning.empty());
  }
}

TEST_CASE("options that are left out have the defaults of the contract") {
  const Settings s = good(minimal + app);
  CHECK(s.node.name == "node-1");
  CHECK((s.node.gateway && s.node.region && s.node.host));
  CHECK(s.gateway.listen.host == "127.0.0.1");
  CHECK(s.gateway.listen.port == 8080);
  CHECK(s.gateway.limits.header_bytes == 16'384);
  CHECK(s.gateway.limits.body_bytes == 262'144);
  CHECK(s.gateway.limits.header_timeout == seconds(10));
  CHECK(s.gateway.limits.body_timeout == seconds(30));
  CHECK(s.gateway.limits.idle_timeout == seconds(75));
  CHECK(s.gateway.limits.connections == 10'000);
  CHECK(s.gateway.limits.in_flight == 4'096);
  CHECK(s.gateway.limits.requests_per_second_per_token == 0);
  CHECK_FALSE(s.gateway.tls.has_value());
  CHECK(s.gateway.cors_origins == std::vector<std::string>{"*"});
  CHECK(s.admin_token_file == "/nonexistent/innkeeper/admin.token");
  CHECK(s.timeouts.start == seconds(100));
  CHECK(s.timeouts.stop_grace == seconds(30));
  CHECK(s.timeouts.idle == minutes(5));
  CHECK(s.timeouts.scheduling == seconds(100));
  CHECK(s.policy.on_process_failure == FailurePolicy::suspend);
  CHECK(s.policy.connection_info_resumes);
  CHECK(s.policy.placement == domain::PlacementPolicy::packed);
  CHECK(s.policy.destroyed_retention == hours(72));
  CHECK(s.policy.start_attempts == 3);
  CHECK(s.store.sqlite_path == "/nonexistent/innkeeper/innkeeper.db");
  CHECK_FALSE(s.store.postgres());
  CHECK(s.host.cpu_millis >= 1'000);
  CHECK(s.host.cpu_millis % 1'000 == 0);
  CHECK(s.host.memory_mb > 0);
  CHECK(s.host.port_first == 20'000);
  CHECK(s.host.port_last == 20'999);
  REQUIRE(s.apps.size() == 1);
  CHECK(s.apps[0].name == "app-1");
  CHECK(s.apps[0].org == "org-default");
  CHECK(s.apps[0].deployment.rooms_per_process == 1);
  CHECK(s.apps[0].deployment.idle_timeout_enabled);
  CHECK(s.apps[0].deployment.default_port.name == "default");
  CHECK(s.apps[0].deployment.default_port.port == 8080);
}

TEST_CASE("every value that is given arrives in the settings") {
  const Settings s = good(R"(
[node]
name = "n"
roles = ["host", "region", "gateway"]
data_dir = "data"
[gateway]
listen = "[::1]:0"
threads = 3
cors_origins = ["https://a.example"]
shutdown_grace = "1s"
request_timeout = "2s"
[gateway.limits]
header_bytes = 2048
body_bytes = 4096
header_timeout = "3s"
body_timeout = "4s"
idle_timeout = "5s"
connections = 6
in_flight = 7
requests_per_second_per_token = 8
[auth]
admin_token_file = "tokens/admin"
[[region]]
name = "A"
[[region]]
name = "B"
[host]
region = "B"
public_address = "play.example.org"
ports = "100-200"
cpus = 1.255
memory_mb = 19
log_bytes = 65537
[[app]]
id = "x"
name = "X"
org = "org-x"
[app.deployment]
command = ["/bin/sh", "-c", "serve {port} {query_port}"]
transport = "udp"
container_port = 10
rooms_per_process = 11
requested_cpu = 0.5
requested_memory_mb = 12
idle_timeout_enabled = false
env = { A = "1", B = "" }
build_tag = "bt"
deployment_tag = "dt"
additional_container_ports = [{ name = "query", port = 13, transport = "udp" }]
[timeouts]
start = "500ms"
stop_grace = "14s"
idle = "15m"
scheduling = "16h"
[policy]
on_process_failure = "reschedule"
connection_info_resumes = false
placement = "spread"
destroyed_retention = "0s"
start_attempts = 17
[store]
url = "sqlite:db/x.db"
[log]
level = "debug"
)");
  CHECK(s.node.data_dir == "/nonexistent/data");
  CHECK(s.gateway.listen.host == "::1");
  CHECK(s.gateway.listen.port == 0);
  CHECK(s.gateway.threads == 3);
  CHECK(s.gateway.cors_origins == std::vector<std::string>{"https://a.example"});
  CHECK(s.gateway.shutdown_grace == seconds(1));
  CHECK(s.gateway.request_timeout == seconds(2));
  CHECK(s.gateway.limits.header_bytes == 2048);
  CHECK(s.gateway.limits.body_bytes == 4096);
  CHECK(s.gateway.limits.header_timeout == seconds(3));
  CHECK(s.gateway.limits.body_timeout == seconds(4));
  CHECK(s.gateway.limits.idle_timeout == seconds(5));
  CHECK(s.gateway.limits.connections == 6);
  CHECK(s.gateway.limits.in_flight == 7);
  CHECK(s.gateway.limits.requests_per_second_per_token == 8);
  CHECK(s.admin_token_file == "/nonexistent/tokens/admin");
  REQUIRE(s.regions.size() == 2);
  CHECK(s.regions[1].str() == "B");
  CHECK(s.host.region.str() == "B");
  CHECK(s.host.public_address == "play.example.org");
  CHECK(s.host.port_first == 100);
  CHECK(s.host.port_last == 200);
  CHECK(s.host.cpu_millis == 1'255);
  CHECK(s.host.memory_mb == 19);
  CHECK(s.host.log_bytes == 65'537);
  REQUIRE(s.apps.size() == 1);
  const domain::DeploymentSpec& d = s.apps[0].deployment;
  CHECK(s.apps[0].id.str() == "x");
  CHECK(s.apps[0].name == "X");
  CHECK(s.apps[0].org == "org-x");
  CHECK(d.command == std::vector<std::string>{"/bin/sh", "-c", "serve {port} {query_port}"});
  CHECK(d.default_port ==
        domain::ContainerPort{.name = "default", .port = 10, .transport = domain::Transport::udp});
  REQUIRE(d.additional_ports.size() == 1);
  CHECK(d.additional_ports[0] ==
        domain::ContainerPort{.name = "query", .port = 13, .transport = domain::Transport::udp});
  CHECK(d.rooms_per_process == 11);
  CHECK(d.requested_cpu_millis == 500);
  CHECK(d.requested_memory_mb == 12);
  CHECK_FALSE(d.idle_timeout_enabled);
  CHECK(d.env == std::map<std::string, std::string>{{"A", "1"}, {"B", ""}});
  CHECK(d.build_tag == "bt");
  CHECK(d.deployment_tag == "dt");
  CHECK(s.timeouts.start == milliseconds(500));
  CHECK(s.timeouts.stop_grace == seconds(14));
  CHECK(s.timeouts.idle == minutes(15));
  CHECK(s.timeouts.scheduling == hours(16));
  CHECK(s.policy.on_process_failure == FailurePolicy::reschedule);
  CHECK_FALSE(s.policy.connection_info_resumes);
  CHECK(s.policy.placement == domain::PlacementPolicy::spread);
  CHECK(s.policy.destroyed_retention == seconds(0));
  CHECK(s.policy.start_attempts == 17);
  CHECK(s.store.url == "sqlite:db/x.db");
  CHECK(s.store.sqlite_path == "/nonexistent/data/db/x.db");
  CHECK(s.log.level == "debug");
}

namespace {

// A directory with files for options that name files; gone with the object.
class Files {
 public:
  Files() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "innkeeper-config-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    write("full", "content");
    write("empty", "");
    std::filesystem::create_directory(directory_ + "/folder");
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  void write(const std::string& name, const std::string& content, bool executable = false) const {
    std::ofstream(directory_ + "/" + name) << content;
    if (executable) ::chmod((directory_ + "/" + name).c_str(), 0700);
  }
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
};

}  // namespace

TEST_CASE("an option that names a file needs one that can be read and is not empty") {
  const Files files;
  for (const std::string option :
       {"gateway.tls.cert_file", "gateway.tls.key_file", "gateway.metrics_token_file",
        "host.tls.cert_file", "host.tls.key_file", "store.password_file", "app[0].secret_file"}) {
    for (const std::string wrong : {"missing", "empty", "folder"}) {
      INFO(option << " = " << wrong);
      const Loaded loaded = load_text(minimal + app, files.directory(), {{option, wrong}});
      INFO(lines(loaded.problems));
      REQUIRE_FALSE(loaded.settings.has_value());
      CHECK(loaded.problems.front().option == option);
      CHECK(loaded.problems.front().message.find(files.directory() + "/" + wrong) !=
            std::string::npos);
    }
  }
  for (const std::string option : {"gateway.metrics_token_file", "app[0].secret_file"}) {
    files.write("blank", " \t\r\n\n");
    const Loaded loaded = load_text(minimal + app, files.directory(), {{option, "blank"}});
    REQUIRE(loaded.problems.size() == 1);
    CHECK(loaded.problems.front().option == option);
    CHECK(loaded.problems.front().message.find("holds only blanks") == 0);
  }
  const Key key = make_key();
  write_key(files.directory() + "/key", key.get());
  write_certificate(files.directory() + "/cert", key.get(), -60, 3'600);
  const Loaded loaded = load_text(minimal + app, files.directory(),
                                  {{"gateway.tls.cert_file", "cert"},
                                   {"gateway.tls.key_file", "key"},
                                   {"host.tls.cert_file", "cert"},
                                   {"host.tls.key_file", "key"},
                                   {"gateway.metrics_token_file", "full"},
                                   {"app[0].secret_file", "full"},
                                   {"app[0].deployment.transport", "tls"}});
  INFO(lines(loaded.problems));
  REQUIRE(loaded.settings.has_value());
  REQUIRE(loaded.settings->gateway.tls.has_value());
  CHECK(loaded.settings->gateway.tls->key_file == files.directory() + "/key");
  REQUIRE(loaded.settings->host.tls.has_value());
  CHECK(loaded.settings->apps[0].secret_file == files.directory() + "/full");
  CHECK(loaded.settings->apps[0].deployment.default_port.transport == domain::Transport::tls);
}

TEST_CASE("a relative program with a slash is looked for beside the configuration") {
  const Files files;
  files.write("server", "#!/bin/sh\n", true);
  const Overrides here{{"app[0].deployment.command", "[\"./server\", \"./server\"]"}};
  const Loaded loaded = load_text(minimal + app, files.directory(), here);
  INFO(lines(loaded.problems));
  REQUIRE(loaded.settings.has_value());
  CHECK(loaded.settings->apps[0].deployment.command ==
        std::vector<std::string>{files.directory() + "/server", "./server"});
}

TEST_CASE("an admin token file that is there must hold a token") {
  const Files files;
  const Overrides empty{{"auth.admin_token_file", "empty"}};
  CHECK_FALSE(load_text(minimal, files.directory(), empty).settings.has_value());
  const Overrides full{{"auth.admin_token_file", "full"}};
  CHECK(load_text(minimal, files.directory(), full).settings.has_value());
}

TEST_CASE("a password file belongs to a server, and its timeouts are read") {
  const Files files;
  const Overrides beside_a_file{{"store.password_file", "full"}};
  const Loaded wrong = load_text(minimal, files.directory(), beside_a_file);
  REQUIRE(wrong.problems.size() == 1);
  CHECK(wrong.problems.front().option == "store.password_file");
  const Loaded loaded = load_text(minimal, files.directory(),
                                  {{"store.url", "postgresql://user@host/db"},
                                   {"store.password_file", "full"},
                                   {"store.connect_timeout", "3s"},
                                   {"store.answer_timeout", "4s"}});
  INFO(lines(loaded.problems));
  REQUIRE(loaded.settings.has_value());
  const StoreSettings& store = loaded.settings->store;
  CHECK(store.postgres());
  CHECK(store.url == "postgresql://user@host/db");
  CHECK(store.password_file == files.directory() + "/full");
  CHECK(store.connect_timeout == seconds(3));
  CHECK(store.answer_timeout == seconds(4));
}

TEST_CASE("a file is loaded with its own directory as the base of relative paths") {
  const Files files;
  files.write("node.toml",
              minimal + "[store]\nurl = \"sqlite:x.db\"\n[auth]\nadmin_token_file = \"t\"\n");
  const Loaded loaded = load_file(files.directory() + "/node.toml");
  INFO(lines(loaded.problems));
  REQUIRE(loaded.settings.has_value());
  CHECK(loaded.settings->admin_token_file == files.directory() + "/t");
}

TEST_CASE("a file that cannot be read is a problem and not an exception") {
  for (const std::string path : {"/nonexistent/node.toml", "/tmp", "", "/dev/null/x"}) {
    INFO(path);
    const Loaded loaded = load_file(path);
    CHECK_FALSE(loaded.settings.has_value());
    REQUIRE(loaded.problems.size() == 1);
    CHECK(loaded.problems[0].message.find("cannot be read") != std::string::npos);
  }
}

}  // namespace innkeeper::config::test
