#include <catch2/catch.hpp>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "metrics/catalogue.hpp"
#include "tests/metrics/support.hpp"

namespace innkeeper::metrics::test {
namespace {

// What the page says of one metric: its type and the labels of its series, "le" left out.
struct Seen {
  std::string type;
  std::string help;
  std::set<std::string> labels;
  int series = 0;
};

std::map<std::string, Seen> read_page(const std::string& page) {
  std::map<std::string, Seen> all;
  std::istringstream in(page);
  std::string name;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("# HELP ", 0) == 0) {
      const std::size_t end = line.find(' ', 7);
      name = line.substr(7, end - 7);
      all[name].help = line.substr(end + 1);
    } else if (line.rfind("# TYPE ", 0) == 0) {
      const std::size_t end = line.find(' ', 7);
      name = line.substr(7, end - 7);
      all[name].type = line.substr(end + 1);
    } else {
      REQUIRE(line.rfind(name, 0) == 0);
      Seen& seen = all[name];
      ++seen.series;
      const std::size_t open = line.find('{');
      if (open == std::string::npos) continue;
      std::size_t at = open + 1;
      while (at < line.size() && line[at] != '}') {
        const std::size_t equals = line.find('=', at);
        const std::string label = line.substr(at, equals - at);
        if (label != "le") seen.labels.insert(label);
        at = line.find('"', equals + 2) + 1;
        if (line[at] == ',') ++at;
      }
    }
  }
  return all;
}

std::string joined(const std::vector<std::string>& labels) {
  std::string text;
  for (const std::string& one : labels) text += (text.empty() ? "" : ",") + one;
  return text;
}

}  // namespace

TEST_CASE("names, types and labels of all metrics are those of the golden file") {
  std::string text;
  for (const Metrics::Description& one : Metrics::describe()) {
    text += one.name + " " + one.type + " {" + joined(one.labels) + "}\n";
  }
  std::ifstream file(std::string(INNKEEPER_SOURCE_DIR) + "/tests/metrics/golden_metrics.txt");
  REQUIRE(file);
  std::ostringstream golden;
  golden << file.rdbuf();
  // A name that people have dashboards and alerts on changes only on purpose, together with this
  // file.
  CHECK(text == golden.str());
}

TEST_CASE(
    "the page has every metric of the catalogue with its type, help and labels, and no other") {
  Metrics metrics({"1.2.3", "abc"});
  touch_everything(metrics);
  const auto page = read_page(metrics.text());
  CHECK(page.size() == catalogue().size());
  for (const Metrics::Description& one : Metrics::describe()) {
    INFO(one.name);
    const auto seen = page.find(one.name);
    REQUIRE(seen != page.end());
    CHECK(seen->second.type == one.type);
    CHECK(seen->second.help == one.help);
    CHECK(seen->second.series > 0);
    CHECK(seen->second.labels == std::set<std::string>(one.labels.begin(), one.labels.end()));
  }
}

TEST_CASE("no metric has the id of a room or process as a label") {
  for (const Metrics::Description& one : Metrics::describe()) {
    for (const std::string& label : one.labels) {
      INFO(one.name << " " << label);
      CHECK(label != "room");
      CHECK(label != "process");
      CHECK(label.find("id") == std::string::npos);
    }
  }
}

TEST_CASE("a page ends in a line feed and gives the same metrics in the same order each time") {
  Metrics metrics({"1", "c"});
  touch_everything(metrics);
  const auto without_values = [](const std::string& page) {
    std::istringstream in(page);
    std::string names;
    for (std::string line; std::getline(in, line);) names += line.substr(0, line.rfind(' ')) + "\n";
    return names;
  };
  const std::string first = metrics.text();
  REQUIRE_FALSE(first.empty());
  CHECK(first.back() == '\n');
  CHECK(without_values(first) == without_values(metrics.text()));
}

TEST_CASE("label values that clients could choose are escaped") {
  Metrics metrics({"v\"1\\\n", "c"});
  const std::string page = metrics.text();
  CHECK(page.find(R"(version="v\"1\\\n")") != std::string::npos);
}

TEST_CASE("the reference of metrics has every metric") {
  const std::string text = describe_metrics_markdown();
  for (const Metrics::Description& one : Metrics::describe()) {
    CHECK(text.find("| `" + one.name + "` | " + one.type + " |") != std::string::npos);
  }
}

}  // namespace innkeeper::metrics::test
