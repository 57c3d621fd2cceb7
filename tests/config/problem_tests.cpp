#include "tests/config/support.hpp"

namespace innkeeper::config::test {
namespace {

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string repeat(const std::string& part, std::size_t n) {
  std::string text;
  text.reserve(part.size() * n);
  for (std::size_t i = 0; i < n; ++i) text += part;
  return text;
}

}  // namespace

TEST_CASE("all problems are reported at once, each with option, value and what is allowed") {
  const Loaded loaded = load(R"(
[node]
name = "a b"
role = ["gateway"]
[gateway]
listen = "nowhere"
[gateway.limits]
connections = 0
[[region]]
name = "Seattle"
[[region]]
name = "Seattle"
[host]
region = "Dallas"
ports = "9-1"
[[app]]
id = "x"
[app.deployment]
command = []
rooms_per_process = 10001
[[app]]
id = "x"
[app.deployment]
command = ["/nonexistent/server"]
[timeouts]
start = 100
[policy]
placement = "random"
[store]
url = "postgresql://user:hunter2@host/db"
)");
  CHECK_FALSE(loaded.settings.has_value());
  const std::string all = lines(loaded.problems);
  INFO(all);
  for (const std::string part :
       {"node.name = \"a b\": allowed: 1 to 64",
        "node.role = [\"gateway\"]: is unknown; did you mean \"roles\"?",
        "gateway.listen = \"nowhere\": allowed: IPV4:PORT",
        "gateway.limits.connections = 0: allowed: an integer from 1 to 1000000",
        "region[1].name = \"Seattle\": is the name of region[0] too",
        "host.region = \"Dallas\": is not led by this node; allowed: \"Seattle\"",
        "host.ports = \"9-1\": allowed: FIRST-LAST", "app[0].deployment.command = []: allowed:",
        "app[0].deployment.rooms_per_process = 10001: allowed: an integer from 1 to 10000",
        "app[1].id = \"x\": is the id of app[0] too",
        "app[1].deployment.command[0] = /nonexistent/server: there is no such file",
        "timeouts.start = 100: is an integer; allowed: a duration from 10ms to 1h",
        "policy.placement = \"random\": allowed: one of \"packed\", \"spread\"",
        "store.url = postgresql:…: holds a password; give it in the file"}) {
    INFO(part);
    CHECK(holds(all, part));
  }
  CHECK(loaded.problems.size() == 14);
  CHECK_FALSE(holds(all, "hunter2"));
}

TEST_CASE("what is required and missing is named") {
  CHECK(holds(bad("region", "[host]\nregion = \"A\"").message, "[[region]]"));
  CHECK(holds(bad("host.region", "[[region]]\nname = \"A\"").message, "host role"));
  CHECK(holds(bad("app[0].id", minimal + "[[app]]\n[app.deployment]\ncommand = [\"x\"]").message,
              "missing"));
  CHECK(
      holds(bad("app[0].deployment.command", minimal + "[[app]]\nid = \"x\"").message, "missing"));
  CHECK(holds(bad("region[0].name", minimal + "[[region]]\n", {{"region", "[{}]"}}).message,
              "missing"));
  const std::string port = "app[0].deployment.additional_container_ports";
  CHECK(holds(bad(port + "[0].port", minimal + app, {{port, "[{ name = \"a\" }]"}}).message,
              "missing"));
  CHECK(
      holds(bad(port + "[0].name", minimal + app, {{port, "[{ port = 1 }]"}}).message, "missing"));
}

TEST_CASE("an empty configuration says what a node needs") {
  const Loaded loaded = load("");
  INFO(lines(loaded.problems));
  CHECK(loaded.problems.size() == 2);  // regions, and the region of the host
}

TEST_CASE("roles decide what is required") {
  CHECK_FALSE(good("[node]\nroles = [\"gateway\"]").node.host);
  CHECK(good("[node]\nroles = [\"region\"]\n[[region]]\nname = \"A\"").node.region);
  CHECK(good("[node]\nroles = [\"host\"]\n[host]\nregion = \"Elsewhere\"").host.region.str() ==
        "Elsewhere");
}

TEST_CASE("an unknown key is refused wherever it stands") {
  CHECK(holds(bad("nod", minimal + "[nod]\nname = \"a\"").message, "did you mean \"node\"?"));
  CHECK(holds(bad("gateway.limts", minimal + "[gateway.limts]\n").message,
              "did you mean \"limits\"?"));
  CHECK(
      holds(bad("gateway.limits.conections", minimal + "[gateway.limits]\nconections = 1").message,
            "did you mean \"connections\"?"));
  CHECK(holds(bad("app[0].deployment.enviroment", minimal + app + "enviroment = {}").message,
              "is unknown"));
  CHECK(holds(bad("region[0].nam", minimal, {{"region[0].nam", "x"}}).message,
              "did you mean \"name\"?"));
  CHECK(
      holds(bad("app[0].deployment.additional_container_ports[0].prot", minimal + app,
                {{"app[0].deployment.additional_container_ports", "[{ name = \"a\", prot = 1 }]"}})
                .message,
            "did you mean \"port\"?"));
  CHECK(
      holds(bad("zzzzzzzzzz", minimal + "[zzzzzzzzzz]").message, "known here: app, auth, gateway"));
}

TEST_CASE("a value where a table belongs, and a table where a value belongs, are refused") {
  CHECK(holds(bad("node", "node = 1").message, "a table, [node]"));
  CHECK(holds(bad("gateway.limits", "[gateway]\nlimits = []").message, "a table"));
  CHECK(holds(bad("node.name", "[node.name]\nx = 1").message, "is a table"));
  CHECK(holds(bad("region", "[region]\nname = \"A\"").message, "[[region]]"));
  CHECK(holds(bad("region[0]", "region = [1]").message, "a table"));
  CHECK(holds(bad("app", "app = \"x\"").message, "[[app]]"));
}

TEST_CASE("sections that this build cannot serve are refused as such") {
  for (const std::string section : {"cluster", "thrift", "turn"}) {
    const Problem problem = bad(section, minimal + "[" + section + "]\nlisten = \"10.0.0.1:7400\"");
    CHECK(holds(problem.message, "this build"));
  }
}

TEST_CASE("secrets are taken by file only and never shown") {
  const std::vector<std::pair<std::string, std::string>> inline_secrets{
      {"auth.admin_token", "admin_token_file"},
      {"gateway.metrics_token", "metrics_token_file"},
      {"app[0].secret", "secret_file"},
      {"store.password", "password_file"}};
  for (const auto& [option, instead] : inline_secrets) {
    INFO(option);
    const Problem problem = bad(option, minimal + app, {{option, "hunter2"}});
    CHECK(holds(problem.message, "by the path of a file"));
    CHECK(holds(problem.message, instead));
    CHECK_FALSE(holds(problem.message + problem.value, "hunter2"));
  }
}

TEST_CASE("TLS files come in pairs, and the transport tls needs those of the host") {
  const std::string tls = "/etc/passwd";
  CHECK(holds(bad("gateway.tls.key_file", minimal, {{"gateway.tls.cert_file", tls}}).message,
              "is missing"));
  CHECK(holds(bad("host.tls.cert_file", minimal, {{"host.tls.key_file", tls}}).message,
              "is missing"));
  CHECK(holds(
      bad("app[0].deployment.transport", minimal + app, {{"app[0].deployment.transport", "tls"}})
          .message,
      "[host.tls]"));
  CHECK(holds(bad("app[0].deployment.additional_container_ports[0].transport", minimal + app,
                  {{"app[0].deployment.additional_container_ports",
                    "[{ name = \"a\", port = 1, transport = \"tls\" }]"}})
                  .message,
              "[host.tls]"));
  CHECK(holds(bad("app[0].deployment.additional_container_ports[0].transport", minimal + app,
                  {{"app[0].deployment.additional_container_ports",
                    "[{ name = \"a\", port = 1, transport = \"quic\" }]"}})
                  .message,
              "\"tls\""));
}

TEST_CASE("ports of a deployment have names of their own") {
  const std::string ports = "app[0].deployment.additional_container_ports";
  for (const std::string name : {"default", "Query", "1a", "", "a_b"}) {
    INFO(name);
    CHECK(holds(
        bad(ports + "[0].name", minimal + app, {{ports, "[{ name = \"" + name + "\", port = 1 }]"}})
            .message,
        "a-z"));
  }
  CHECK(holds(bad(ports + "[1].name", minimal + app,
                  {{ports, "[{ name = \"a\", port = 1 }, { name = \"a\", port = 2 }]"}})
                  .message,
              "another port"));
  for (const std::string port : {"0", "65536", "\"1\""}) {
    INFO(port);
    CHECK(holds(
        bad(ports + "[0].port", minimal + app, {{ports, "[{ name = \"a\", port = " + port + " }]"}})
            .message,
        "1 to 65535"));
  }
}

TEST_CASE("a placeholder for a port that the deployment does not have is refused") {
  const std::string command = "app[0].deployment.command";
  CHECK(
      holds(bad(command + "[1]", minimal + app, {{command, R"(["s", "-q {query_port}"])"}}).message,
            "names no port"));
  const Overrides fine{
      {command, R"(["s", "{port}", "{default_port}", "{a-b_port}", "{ x }", "{", "{X_port}"])"},
      {"app[0].deployment.additional_container_ports", R"([{ name = "a-b", port = 1 }])"}};
  CHECK(good(minimal + app, fine).apps.size() == 1);
}

TEST_CASE("the host's ports are enough for one process of each app and leave out the gateway's") {
  const std::string ports = "app[0].deployment.additional_container_ports";
  const std::string two = R"([{ name = "a", port = 1 }, { name = "b", port = 2 }])";
  CHECK(holds(bad("host.ports", minimal + app, {{ports, two}, {"host.ports", "100-101"}}).message,
              "needs 3"));
  CHECK(good(minimal + app, {{ports, two}, {"host.ports", "100-102"}}).host.port_last == 102);
  CHECK(holds(bad("host.ports", minimal, {{"host.ports", "8000-9000"}}).message,
              "gateway.listen, 8080"));
}

TEST_CASE("the environment of a deployment is bounded and its names are names") {
  const std::string env = "app[0].deployment.env";
  for (const std::string name : {"1A", "a-b", "é", ""}) {
    INFO(name);
    CHECK(holds(bad(env + "." + name, minimal + app + "env = { \"" + name + "\" = \"x\" }").message,
                "variable"));
  }
  CHECK(holds(bad(env + ".A", minimal + app + "env = { A = 1 }").message, "is an integer"));
  CHECK(holds(bad(env + ".A", minimal + app + "env = { A = \"a\\u0000b\" }").message, "zero byte"));
  CHECK(holds(
      bad(env + "." + repeat("A", 101), minimal + app + "env = { " + repeat("A", 101) + " = \"\" }")
          .message,
      "1 to 100"));
  const auto value = [](std::size_t n) { return "env = { A = \"" + repeat("é", n) + "\" }"; };
  CHECK(good(minimal + app + value(5'000)).apps[0].deployment.env.at("A").size() == 10'000);
  CHECK(holds(bad(env + ".A", minimal + app + value(5'001)).message, "5000"));
  const auto entries = [](int n) {
    std::string text = "[app.deployment.env]\n";
    for (int i = 0; i < n; ++i) text += "V" + std::to_string(i) + " = \"\"\n";
    return text;
  };
  CHECK(good(minimal + app + entries(100)).apps[0].deployment.env.size() == 100);
  CHECK(holds(bad(env, minimal + app + entries(101)).message, "at most 100"));
}

TEST_CASE("what is no TOML is refused with line and column") {
  for (const std::string text : {"[node",
                                 "a = ",
                                 "= 1",
                                 "a = \"x",
                                 "a = 1\na = 2",
                                 "[a]\n[a]",
                                 "a = 1 b = 2",
                                 "\x80",
                                 "a = \"\x80\"",
                                 "a = 'x\n'",
                                 "[# a",
                                 "[[ é]]",
                                 "[.a]",
                                 "[[[a]]]",
                                 "a = 1 = \"\xc4\x92",
                                 "a = 1 = \"\xd0\x99",
                                 "a = 1\f",
                                 "\xc4\x92 = 1",
                                 "a = 1\xc2\xa0",
                                 "[ [a]]",
                                 "a = 1\r[#"}) {
    INFO(text);
    const Loaded loaded = load(text);
    CHECK_FALSE(loaded.settings.has_value());
    REQUIRE(loaded.problems.size() == 1);
    CHECK(loaded.problems[0].option == "(file)");
    CHECK(holds(loaded.problems[0].message, "line "));
  }
}

TEST_CASE("a text that would exhaust the stack or the memory is refused before it is parsed") {
  const std::vector<std::string> hostile{
      "a = " + repeat("[", 100'000),
      "a = " + repeat("{a=", 100'000),
      "[" + repeat("a.", 100'000) + "a]",
      repeat("a.", 100'000) + "a = 1",
      repeat("\"a\" . ", 100'000) + "a = 1",
      "a = " + repeat("[{" + repeat("a.", 15) + "a = ", 1'000),
      repeat("#", 2'000'000),
  };
  for (const std::string& text : hostile) {
    const Loaded loaded = load(text);
    CHECK_FALSE(loaded.settings.has_value());
    REQUIRE(loaded.problems.size() == 1);
    CHECK(loaded.problems[0].message.size() < 500);
  }
}

TEST_CASE("brackets that do not match are refused before the parser meets them") {
  for (const std::string text : {"a = [}", "a = [1, }", "a = {b = ]}", "[a}", "[[a]\nb = [{]}", "a = }", "a = ]", "a = ,"}) {
    INFO(text);
    const Loaded loaded = load(text);
    CHECK_FALSE(loaded.settings.has_value());
    REQUIRE(loaded.problems.size() == 1);
    CHECK(holds(loaded.problems[0].message, "line "));
  }
}

TEST_CASE("dots and brackets inside of strings and comments do not count as nesting") {
  const std::string dots = repeat("a.", 5'000);
  const std::string text = minimal + app + "env = { A = \"" + repeat("[.", 2'000) + "\", B = '" +
                           repeat("{.", 2'000) + "', C = \"\\\"" + repeat(".[", 2'000) +
                           "\" }\n# " + dots + repeat("[", 5'000) +
                           "\nbuild_tag = \"\"\"a\\\"\"b\"\"\"\n";
  CHECK(good(text).apps[0].deployment.env.at("A").size() == 4'000);
}

TEST_CASE("a long value is shown in part") {
  const Problem problem =
      bad("log.level", minimal + "[log]\nlevel = \"" + repeat("é", 4'000) + "\"");
  CHECK(problem.value.size() < 200);
  const Problem control = bad("log.level", minimal + "[log]\nlevel = \"a\\nb\\u001b\"");
  CHECK(control.value == "\"a\\x0ab\\x1b\"");
}

}  // namespace innkeeper::config::test
