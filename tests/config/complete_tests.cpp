#include "tests/config/support.hpp"

// A person mends a configuration in one go only when no problem hides another.
namespace innkeeper::config::test {
namespace {

// A fault by itself: text to append to the configuration, overrides, and the options at fault.
struct Fault {
  std::string text;
  Overrides overrides;
  std::vector<std::string> options;
};

std::vector<Fault> faults() {
  const std::string app_0 = "app[0].deployment.";
  return {
      {"", {{"node.name", "a b"}}, {"node.name"}},
      {"", {{"node.roles", "[\"gateway\", \"hots\"]"}}, {"node.roles[1]"}},
      {"", {{"node.data_dir", "[]"}}, {"node.data_dir"}},
      {"", {{"node.role", "x"}}, {"node.role"}},
      {"", {{"gateway.listen", "nowhere"}}, {"gateway.listen"}},
      {"", {{"gateway.threads", "x"}}, {"gateway.threads"}},
      {"", {{"gateway.lisetn", "x"}}, {"gateway.lisetn"}},
      {"",
       {{"gateway.cors_origins", "[\"*\", 1, \"x\"]"}},
       {"gateway.cors_origins[1]", "gateway.cors_origins[2]"}},
      {"", {{"gateway.limits.header_bytes", "1"}}, {"gateway.limits.header_bytes"}},
      {"", {{"gateway.limits.boddy_bytes", "1"}}, {"gateway.limits.boddy_bytes"}},
      {"",
       {{"gateway.tls.cert_file", "/nonexistent/cert"}},
       {"gateway.tls.cert_file", "gateway.tls.key_file"}},
      {"", {{"host.tls.key_file", "/etc/passwd"}}, {"host.tls.key_file", "host.tls.cert_file"}},
      {"", {{"host.tls.ca_file", "x"}}, {"host.tls.ca_file"}},
      {"",
       {{"auth.admin_token_file", "1"}, {"auth.admin_token_file", "[]"}},
       {"auth.admin_token_file"}},
      {"", {{"host.region", "Dallas"}}, {"host.region"}},
      {"", {{"host.cpus", "-1"}}, {"host.cpus"}},
      {"", {{"host.memory_mb", "0"}}, {"host.memory_mb"}},
      {"", {{"host.ports", "9-1"}}, {"host.ports"}},
      {"",
       {{"region[1].name", "Seattle"}, {"region[2].name", "a b"}, {"region[3]", "1"}},
       {"region[1].name", "region[2].name", "region[3]"}},
      {"", {{"app[0].id", "a b"}}, {"app[0].id"}},
      {"", {{"app[0].name", "\"\""}}, {"app[0].name"}},
      {"", {{"app[0].secret_file", "/nonexistent"}}, {"app[0].secret_file"}},
      {"",
       {{app_0 + "command", "[\"/nonexistent/server\", 1, \"{nope_port}\", \"{query_port}\"]"}},
       {app_0 + "command[0]", app_0 + "command[1]", app_0 + "command[2]", app_0 + "command[3]"}},
      {"", {{app_0 + "transport", "sctp"}}, {app_0 + "transport"}},
      {"", {{app_0 + "container_port", "0"}}, {app_0 + "container_port"}},
      {"", {{app_0 + "rooms_per_process", "0"}}, {app_0 + "rooms_per_process"}},
      {"", {{app_0 + "requested_cpu", "0"}}, {app_0 + "requested_cpu"}},
      {"", {{app_0 + "requested_memory_mb", "0"}}, {app_0 + "requested_memory_mb"}},
      {"", {{app_0 + "idle_timeout_enabled", "1"}}, {app_0 + "idle_timeout_enabled"}},
      {"",
       {{app_0 + "env.1A", "[]"}, {app_0 + "env.PORT", "1"}, {app_0 + "env.B", "[]"}},
       {app_0 + "env.1A", app_0 + "env.PORT", app_0 + "env.B"}},
      {"",
       {{app_0 + "additional_container_ports",
         "[{ name = \"Query\", port = 0, prot = 1 }, { name = \"a\", transport = \"x\" }, { name = "
         "\"a\", port = \"1\" }]"}},
       {app_0 + "additional_container_ports", app_0 + "additional_container_ports[0].name",
        app_0 + "additional_container_ports[0].port", app_0 + "additional_container_ports[0].prot",
        app_0 + "additional_container_ports[1].port",
        app_0 + "additional_container_ports[1].transport",
        app_0 + "additional_container_ports[2].name",
        app_0 + "additional_container_ports[2].port"}},
      {"", {{app_0 + "build_tag", std::string(101, 'a')}}, {app_0 + "build_tag"}},
      {"", {{"timeouts.start", "soon"}}, {"timeouts.start"}},
      {"", {{"timeouts.stop", "1s"}}, {"timeouts.stop"}},
      {"", {{"policy.placement", "random"}}, {"policy.placement"}},
      {"", {{"policy.start_attempts", "0"}}, {"policy.start_attempts"}},
      {"", {{"store.url", "mysql://x/y"}}, {"store.url"}},
      {"", {{"log.level", "loud"}}, {"log.level"}},
      {"[cluster]\nlisten = 1\n", {}, {"cluster"}},
      {"[nod]\nx = 1\n", {}, {"nod"}},
      {"", {{"", "1"}, {"a..b", "1"}, {"app[9].id", "x"}}, {"", "a..b", "app[9].id"}},
  };
}

bool names(const std::vector<Problem>& problems, const std::string& option) {
  return std::any_of(problems.begin(), problems.end(),
                     [&](const Problem& one) { return one.option == option; });
}

}  // namespace

TEST_CASE("every fault that a configuration shows alone it shows among all the others") {
  std::string text = minimal + app;
  Overrides overrides;
  for (const Fault& fault : faults()) {
    const Loaded alone = load(minimal + app + fault.text, fault.overrides);
    for (const std::string& option : fault.options) {
      INFO(option << "\n" << lines(alone.problems));
      CHECK(names(alone.problems, option));
    }
    text += fault.text;
    overrides.insert(overrides.end(), fault.overrides.begin(), fault.overrides.end());
  }
  const Loaded together = load(text, overrides);
  INFO(lines(together.problems));
  for (const Fault& fault : faults()) {
    for (const std::string& option : fault.options) {
      INFO(option);
      CHECK(names(together.problems, option));
    }
  }
  for (const Problem& one : together.problems) {
    INFO(one.option << " = " << one.value << ": " << one.message);
    CHECK_FALSE(one.message.empty());
    CHECK(std::count_if(together.problems.begin(), together.problems.end(),
                        [&](const Problem& other) {
                          return other.option == one.option && other.value == one.value &&
                                 other.message == one.message;
                        }) == 1);
  }
}

TEST_CASE("no two faults hide each other") {
  const std::vector<Fault> all = faults();
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      Overrides overrides = all[i].overrides;
      overrides.insert(overrides.end(), all[j].overrides.begin(), all[j].overrides.end());
      const Loaded loaded = load(minimal + app + all[i].text + all[j].text, overrides);
      for (const Fault* fault : {&all[i], &all[j]}) {
        for (const std::string& option : fault->options) {
          INFO(option << "\n" << lines(loaded.problems));
          CHECK(names(loaded.problems, option));
        }
      }
    }
  }
}

TEST_CASE("a table of the wrong kind does not hide what is wrong inside of it") {
  const Loaded loaded = load(R"(
[[node]]
name = "a b"
[gateway]
limits = [{ header_bytes = 1, heder_bytes = 2 }]
[region]
name = "a b"
[app]
id = "a b"
deployment = [{ command = 1, transport = "x" }]
)");
  INFO(lines(loaded.problems));
  for (const std::string option :
       {"node", "node.name", "gateway.limits", "gateway.limits.header_bytes",
        "gateway.limits.heder_bytes", "region", "region.name", "app", "app.id", "app.deployment",
        "app.deployment.command", "app.deployment.transport"}) {
    INFO(option);
    CHECK(names(loaded.problems, option));
  }
}

TEST_CASE("what may be a secret is not shown with the table around it") {
  for (const std::string text :
       {"[app]\nid = \"a\"\n[app.deployment]\nenv = { KEY = \"hunter2\" }\n",
        "[[app]]\nid = \"a\"\n[[app.deployment]]\nenv = { KEY = \"hunter2\" }\n",
        "[[app]]\nid = \"a\"\n[app.deployment]\nenv = { HATHORA_APP_SECRET = \"hunter2\" }\n"}) {
    const Loaded loaded = load(minimal + text);
    INFO(lines(loaded.problems));
    CHECK_FALSE(loaded.settings.has_value());
    CHECK(lines(loaded.problems).find("hunter2") == std::string::npos);
  }
}

TEST_CASE("lists that are too long do not hide what is wrong in their elements") {
  const auto list = [](std::size_t n, const std::string& element, const std::string& last) {
    std::string out = "[";
    for (std::size_t i = 0; i < n; ++i) out += element + ", ";
    return out + last + "]";
  };
  const std::string deployment = "app[0].deployment.";
  Overrides overrides{{"gateway.cors_origins", list(100, "\"*\"", "\"x\"")},
                      {"region", list(100, "{ name = \"a b\" }", "{ name = 1 }")},
                      {deployment + "command", list(256, "\"x\"", "1")}};
  for (int i = 0; i < 101; ++i) {
    overrides.emplace_back(deployment + "env.V" + std::to_string(i), i == 100 ? "[]" : "x");
  }
  const Loaded loaded = load(minimal + app, overrides);
  INFO(lines(loaded.problems));
  for (const std::string& option :
       {std::string("gateway.cors_origins"), std::string("gateway.cors_origins[100]"),
        std::string("region"), std::string("region[100].name"), deployment + "command",
        deployment + "command[256]", deployment + "env", deployment + "env.V100"}) {
    INFO(option);
    CHECK(names(loaded.problems, option));
  }
}

TEST_CASE("wrong values of one option that are set twice are all shown") {
  const Loaded loaded = load(minimal, {{"log.level", "loud"},
                                       {"gateway.listen", "nowhere"},
                                       {"log.level", "quiet"},
                                       {"gateway.listen", "127.0.0.1:0"}});
  const std::string all = lines(loaded.problems);
  INFO(all);
  CHECK(all.find("\"loud\"") != std::string::npos);
  CHECK(all.find("\"quiet\"") != std::string::npos);
  CHECK(all.find("\"nowhere\"") != std::string::npos);
  CHECK(loaded.problems.size() == 3);
}

TEST_CASE("a text that is no TOML does not hide what is wrong with --set") {
  const Overrides overrides{{"log.level", "loud"},
                            {"log.level", "quiet"},
                            {"gateway.lisetn", "1"},
                            {"node.name", "fine"},
                            {"app[0].id", "a b"}};  // nobody knows how many apps there are
  for (const Loaded& loaded :
       {load("[node", overrides), load_file("/nonexistent/innkeeper.toml", overrides)}) {
    INFO(lines(loaded.problems));
    REQUIRE(loaded.problems.size() == 4);
    CHECK(loaded.problems[0].option == "(file)");
    CHECK(loaded.problems[1].value == "\"loud\"");
    CHECK(loaded.problems[2].value == "\"quiet\"");
    CHECK(loaded.problems[3].option == "gateway.lisetn");
  }
}

TEST_CASE("a deployment that its node's host could never run is refused with both numbers") {
  const std::string cpu = "app[0].deployment.requested_cpu";
  const std::string memory = "app[0].deployment.requested_memory_mb";
  const Overrides beyond{
      {"host.cpus", "1.5"}, {"host.memory_mb", "100"}, {cpu, "1.51"}, {memory, "101"}};
  const Problem cores = bad(cpu, minimal + app, beyond);
  CHECK(cores.value == "1.51");
  CHECK(cores.message.find("at most host.cpus, 1.5") != std::string::npos);
  const Problem bytes = bad(memory, minimal + app, beyond);
  CHECK(bytes.value == "101");
  CHECK(bytes.message.find("at most host.memory_mb, 100") != std::string::npos);
  // The defaults count as well.
  CHECK(bad(memory, minimal + app, {{"host.memory_mb", "100"}}).value == "512");
  CHECK(good(minimal + app,
             {{"host.cpus", "1.5"}, {"host.memory_mb", "100"}, {cpu, "1.5"}, {memory, "100"}})
            .apps.size() == 1);
  // Other nodes may have the host.
  Overrides elsewhere = beyond;
  elsewhere.emplace_back("node.roles", "[\"gateway\", \"region\"]");
  CHECK(good(minimal + app, elsewhere).apps.size() == 1);
}

TEST_CASE("a deployment cannot set what Innkeeper sets") {
  for (const std::string name :
       {"PORT", "PORT_QUERY", "HATHORA_PORT", "HATHORA_APP_SECRET", "HATHORA_PROCESS_ID",
        "HATHORA_QUERY_PORT", "HATHORA_REGION", "INNKEEPER_NODE", "INNKEEPER_ANYTHING"}) {
    const Problem problem =
        bad("app[0].deployment.env." + name, minimal + app + "env = { " + name + " = \"x\" }");
    CHECK(problem.message.find("is set by Innkeeper") == 0);
  }
  for (const std::string name :
       {"PATH", "HOME", "LANG", "HATHORA_DEV_TOKEN", "SPORT", "PORTS", "MODE"}) {
    CHECK(good(minimal + app + "env = { " + name + " = \"x\" }").apps[0].deployment.env.at(name) ==
          "x");
  }
}

}  // namespace innkeeper::config::test
