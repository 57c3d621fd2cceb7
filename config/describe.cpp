#include <string>
#include <string_view>
#include <vector>

#include "config/options.hpp"
#include "config/settings.hpp"

namespace innkeeper::config {
namespace {

// "app[].deployment" -> "[app.deployment]"; "region[]" -> "[[region]]".
std::string heading(const std::string& section) {
  std::string name;
  for (std::size_t i = 0; i < section.size(); ++i) {
    if (section.compare(i, 2, "[]") == 0) {
      ++i;
    } else {
      name += section[i];
    }
  }
  return section.ends_with("[]") ? "[[" + name + "]]" : "[" + name + "]";
}

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string default_cell(const Facts& fact) {
  if (fact.required) return "required";
  if (fact.default_value.empty()) return "";
  const char first = fact.default_value.front();
  const bool is_toml = first == '"' || first == '[' || first == '{' ||
                       (first >= '0' && first <= '9') || fact.default_value == "true" ||
                       fact.default_value == "false";
  return is_toml ? "`" + fact.default_value + "`" : fact.default_value;
}

}  // namespace

std::string describe_options() {
  std::string text =
      "# Options\n\n"
      "A configuration is a TOML file. Unknown keys and values out of range stop the start, all of "
      "them\n"
      "listed at once. Each option can be overridden by `--set NAME=VALUE`, elements of arrays as\n"
      "`name[index]`: `--set 'app[0].deployment.rooms_per_process=8'`. Durations are strings with "
      "a unit:\n"
      "`\"500ms\"`, `\"30s\"`, `\"5m\"`, `\"72h\"`. Relative paths are relative to the directory "
      "of the file.\n"
      "Secrets are given by the path of a file.\n";
  std::vector<std::string> sections;
  const std::vector<Facts> facts = all_facts_of(options());
  const auto section_of = [](const Facts& fact) {
    const std::size_t dot = fact.name.rfind('.');
    return dot == std::string::npos ? std::string() : fact.name.substr(0, dot);
  };
  for (const Facts& fact : facts) {
    const std::string section = section_of(fact);
    bool known = section.empty();
    for (const std::string& one : sections) known = known || one == section;
    if (!known) sections.push_back(section);
  }
  for (const std::string& section : sections) {
    text += "\n## `" + heading(section) + "`\n\n";
    for (const Facts& fact : facts) {
      if (fact.name + "[]" == section) text += fact.meaning + " (" + cell(fact.allowed) + ").\n\n";
    }
    text += "| option | type | default | allowed | meaning |\n|---|---|---|---|---|\n";
    for (const Facts& fact : facts) {
      if (section_of(fact) != section) continue;
      text += "| `" + fact.name.substr(section.size() + 1) + "` | " + fact.type + " | " +
              cell(default_cell(fact)) + " | " + cell(fact.allowed) + " | " + cell(fact.meaning) +
              " |\n";
    }
  }
  return text;
}

}  // namespace innkeeper::config
