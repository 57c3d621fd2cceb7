#include <catch2/catch.hpp>

#include <cctype>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "metrics/catalogue.hpp"

namespace innkeeper::metrics {
namespace {

std::string file_text(const std::string& path) {
  std::ifstream file(std::string(INNKEEPER_SOURCE_DIR) + "/" + path);
  INFO(path);
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string all_texts() {
  return file_text("deploy/grafana/innkeeper.json") + file_text("deploy/prometheus/alerts.yml") +
         file_text("deploy/prometheus/recording.yml");
}

// Words of letters, digits, _ and : that begin with `start`.
std::set<std::string> words(const std::string& text, const std::string& start) {
  std::set<std::string> found;
  std::string word;
  for (const char c : text + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':') {
      word += c;
      continue;
    }
    if (word.rfind(start, 0) == 0) found.insert(word);
    word.clear();
  }
  return found;
}

// The values that expressions compare a label with, each alternative of a pattern by itself.
std::set<std::string> compared_values(const std::string& text, const std::string& label) {
  std::set<std::string> found;
  for (std::size_t at = text.find(label); at != std::string::npos; at = text.find(label, at + 1)) {
    std::size_t next = at + label.size();
    const bool whole_word =
        at == 0 || (std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0);
    if (!whole_word || (text[next] != '=' && text[next] != '!')) continue;
    next = text.find('"', next);
    if (next == std::string::npos || next - at > label.size() + 3) continue;
    std::string value;
    for (const char c : text.substr(next + 1, 200)) {
      if (c == '"' || c == '\\' || c == '|') {
        found.insert(value);
        value.clear();
        if (c != '|') break;
      } else {
        value += c;
      }
    }
  }
  return found;
}

// Every name that a series of the page can have.
std::set<std::string> series_names() {
  std::set<std::string> names;
  for (const Entry& one : catalogue()) {
    const std::string name(one.name);
    if (one.type == Type::histogram) {
      for (const char* const suffix : {"_bucket", "_sum", "_count"}) names.insert(name + suffix);
    } else {
      names.insert(name);
    }
  }
  return names;
}

std::set<std::string> closed_words() {
  std::set<std::string> all;
  for (const auto* const set :
       {&exit_reasons(), &end_reasons(), &room_statuses(), &process_statuses(), &log_levels()}) {
    all.insert(set->begin(), set->end());
  }
  return all;
}

}  // namespace

TEST_CASE("every metric that the dashboard and the rules name is in the catalogue") {
  const std::set<std::string> known = series_names();
  for (const std::string path : {"deploy/grafana/innkeeper.json", "deploy/prometheus/alerts.yml",
                                 "deploy/prometheus/recording.yml"}) {
    const std::string text = file_text(path);
    const std::set<std::string> named = words(text, "innkeeper_");
    CHECK(named.size() > 3);
    for (const std::string& name : named) {
      INFO(path << " " << name);
      CHECK(known.contains(name));
    }
    for (const std::string& name : words(text, "process_")) {
      INFO(path << " " << name);
      CHECK((known.contains(name) || closed_words().contains(name)));
    }
  }
}

TEST_CASE("every metric of the catalogue is shown on the dashboard, or an alert needs it") {
  const std::string text = all_texts();
  for (const Entry& one : catalogue()) {
    if (one.name == "process_virtual_memory_bytes") continue;  // of no use for judging a node
    INFO(one.name);
    CHECK(text.find(std::string(one.name)) != std::string::npos);
  }
}

TEST_CASE("every recorded series is used by an alert, and every one used is recorded") {
  const std::set<std::string> used = words(file_text("deploy/prometheus/alerts.yml"), "innkeeper:");
  CHECK(used.size() > 3);
  CHECK(used == words(file_text("deploy/prometheus/recording.yml"), "innkeeper:"));
}

TEST_CASE("every alert has a severity, a summary, a description and a place in the manual") {
  const std::string text = file_text("deploy/prometheus/alerts.yml");
  int alerts = 0;
  for (std::size_t at = text.find("- alert: "); at != std::string::npos;) {
    const std::size_t next = text.find("- alert: ", at + 1);
    const std::string one = text.substr(at, next - at);
    INFO(one);
    ++alerts;
    CHECK((one.find("severity: critical\n") != std::string::npos ||
           one.find("severity: warning\n") != std::string::npos));
    for (const std::string part :
         {"summary: \"", "description: \"", "runbook_url: docs/operations.md#"}) {
      const std::size_t found = one.find(part);
      REQUIRE(found != std::string::npos);
      CHECK(std::isgraph(static_cast<unsigned char>(one[found + part.size()])) != 0);
    }
    at = next;
  }
  CHECK(alerts >= 15);
}

TEST_CASE("reasons, statuses and levels in expressions are words that the page has") {
  const std::string text = all_texts();
  const std::set<std::string> known = closed_words();
  for (const std::string label : {"reason", "status", "level"}) {
    const std::set<std::string> values = compared_values(text, label);
    INFO(label);
    CHECK_FALSE(values.empty());
    for (const std::string& value : values) {
      INFO(value);
      CHECK(known.contains(value));
    }
  }
}

}  // namespace innkeeper::metrics
