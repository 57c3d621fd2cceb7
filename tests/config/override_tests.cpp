#include "tests/config/support.hpp"

namespace innkeeper::config::test {

TEST_CASE("an override by --set replaces what the file says, and the last one holds") {
  const Overrides twice{{"gateway.listen", "127.0.0.1:1"}, {"gateway.listen", "127.0.0.1:0"}};
  CHECK(good(minimal + "[gateway]\nlisten = \"127.0.0.1:9\"", twice).gateway.listen.port == 0);
}

TEST_CASE("an override by --set takes TOML values, and plain text where no TOML value stands") {
  CHECK(good(minimal, {{"gateway.threads", "7"}}).gateway.threads == 7);
  CHECK(good(minimal, {{"timeouts.start", "30s"}}).timeouts.start == std::chrono::seconds(30));
  CHECK(good(minimal, {{"timeouts.start", "\"30s\""}}).timeouts.start == std::chrono::seconds(30));
  CHECK_FALSE(
      good(minimal, {{"policy.connection_info_resumes", "false"}}).policy.connection_info_resumes);
  CHECK(good(minimal, {{"host.cpus", "1.5"}}).host.cpu_millis == 1'500);
  CHECK(good(minimal, {{"gateway.cors_origins", "[]"}}).gateway.cors_origins.empty());
}

TEST_CASE("an override by --set of an option that takes text keeps the text, whatever it looks like") {
  CHECK(good(minimal, {{"node.name", "007"}}).node.name == "007");
  CHECK(good(minimal, {{"node.name", "1_000"}}).node.name == "1_000");
  CHECK(good(minimal, {{"node.name", "true"}}).node.name == "true");
  CHECK(good(minimal, {{"node.name", "2026-01-02"}}).node.name == "2026-01-02");
  CHECK(good(minimal + app, {{"app[0].deployment.env.N", "1"}}).apps[0].deployment.env.at("N") ==
        "1");
}

TEST_CASE("an override by --set reaches into arrays, and one past the end appends") {
  const Settings s = good(minimal + app, {{"app[0].deployment.rooms_per_process", "8"},
                                          {"app[0].deployment.command[1]", "{port}"},
                                          {"app[1].id", "two"},
                                          {"app[1].deployment.command", "[\"two\"]"},
                                          {"region[1].name", "Dallas"}});
  REQUIRE(s.apps.size() == 2);
  CHECK(s.apps[0].deployment.rooms_per_process == 8);
  CHECK(s.apps[0].deployment.command == std::vector<std::string>{"server", "{port}"});
  CHECK(s.apps[1].id.str() == "two");
  CHECK(s.regions.size() == 2);
}

TEST_CASE("an override by --set makes a whole configuration without any file") {
  CHECK(good("", {{"region[0].name", "A"}, {"host.region", "A"}}).regions.size() == 1);
}

TEST_CASE("an override by --set with a key that cannot be followed is refused") {
  for (const std::string key :
       {"", ".", "a.", ".a", "a..b", "a b", "app[", "app[]", "app[x]", "app[0", "app[0]x",
        "app[-1]", "app[99999999999999999999]", "a=b", "é", "[0]"}) {
    INFO(key);
    CHECK(bad(key, minimal, {{key, "1"}}).message.find("not the name of an option") !=
          std::string::npos);
  }
  CHECK(bad("app[5].id", minimal + app, {{"app[5].id", "x"}}).message.find("has 1 elements") !=
        std::string::npos);
  CHECK(bad("node.name.x", minimal, {{"node.name", "a"}, {"node.name.x", "y"}})
            .message.find("not a table") != std::string::npos);
  CHECK(bad("node[0].name", minimal, {{"node[0].name", "y"}}).message.find("not an array") !=
        std::string::npos);
  CHECK(bad("node.nam", minimal, {{"node.nam", "y"}}).message.find("did you mean \"name\"") !=
        std::string::npos);
  std::string deep = "a";
  for (int i = 0; i < 10'000; ++i) deep += ".a";
  const Loaded loaded = load(minimal, {{deep, "1"}});
  REQUIRE(loaded.problems.size() == 1);
  CHECK(loaded.problems[0].option.size() <= 200);
}

TEST_CASE("an override by --set cannot smuggle in a second option or a nested bomb") {
  CHECK(load(minimal, {{"log.level", "\"info\"\nx = 1"}}).settings.has_value() == false);
  const Loaded bomb = load(minimal, {{"log.level", std::string(200'000, '[')}});
  REQUIRE(bomb.problems.size() == 1);
  CHECK(bomb.problems[0].value.size() < 200);
}

}  // namespace innkeeper::config::test
