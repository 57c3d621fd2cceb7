#include "tests/config/support.hpp"

#include <fstream>
#include <sstream>

#include "config/options.hpp"

namespace innkeeper::config::test {
namespace {

std::string file_text(const std::string& name) {
  std::ifstream file(std::string(INNKEEPER_SOURCE_DIR) + "/config/" + name);
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The example with all options that are commented out ("#name = …", without a blank) put in.
std::string with_everything(const std::string& text) {
  std::istringstream in(text);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    const bool option = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    out += (option ? line.substr(1) : line) + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("the example and the demo are valid configurations") {
  for (const std::string name : {"example.toml", "demo.toml"}) {
    const Loaded loaded = load_file(std::string(INNKEEPER_SOURCE_DIR) + "/config/" + name);
    INFO(name << "\n" << lines(loaded.problems));
    REQUIRE(loaded.settings.has_value());
    CHECK(loaded.settings->apps.at(0).id.str() == "app-af469a92-5b45-4565-b3c4-b79878de67d2");
    CHECK(loaded.settings->regions.at(0).str() == "Seattle");
  }
}

TEST_CASE("the example with everything put in names every option, and only files are missing") {
  const Loaded loaded = load_text(with_everything(file_text("example.toml")), "/nonexistent");
  for (const Problem& one : loaded.problems) {
    INFO(one.option << ": " << one.message);
    CHECK(one.message.find("there is no such file") == 0);
  }
  CHECK(loaded.problems.size() == 7);
}

TEST_CASE("the example has every option of the table") {
  const std::string text = with_everything(file_text("example.toml"));
  for (const Facts& fact : all_facts_of(options())) {
    const std::string leaf = fact.name.substr(fact.name.rfind('.') + 1);
    INFO(fact.name);
    const bool found = text.find("\n" + leaf + " = ") != std::string::npos ||
                       text.find("[[" + leaf + "]]") != std::string::npos ||
                       text.find(leaf + " = ") != std::string::npos;
    CHECK(found);
  }
}

TEST_CASE("the values that the example puts in comments are the defaults") {
  const Loaded plain = load_file(std::string(INNKEEPER_SOURCE_DIR) + "/config/example.toml");
  REQUIRE(plain.settings.has_value());
  const std::string text = with_everything(file_text("example.toml"));
  for (const Facts& fact : all_facts_of(options())) {
    const std::string& value = fact.default_value;
    const bool in_comment =
        file_text("example.toml")
            .find("\n#" + fact.name.substr(fact.name.rfind('.') + 1) + " = ") != std::string::npos;
    if (!in_comment || value.empty() || value.rfind("what", 0) == 0) continue;
    const std::string line =
        "\n" + fact.name.substr(fact.name.rfind('.') + 1) + " = " + value + "\n";
    INFO(fact.name << " default " << value);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("the reference has every option with its default and what is allowed") {
  const std::string text = describe_options();
  for (const std::string part : {"## `[gateway.limits]`", "## `[[region]]`",
                                 "## `[[app.deployment.additional_container_ports]]`",
                                 "| `connections` | integer | `10000` | 1 to 1000000 |",
                                 "| `start` | duration | `\"100s\"` | 10ms to 1h |",
                                 "| `command` | list of strings | required |",
                                 "| `cpus` | number | what the machine has |"}) {
    INFO(part << "\n" << text);
    CHECK(text.find(part) != std::string::npos);
  }
}

}  // namespace innkeeper::config::test
