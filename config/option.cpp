#include "config/option.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <unistd.h>

#include "config/suggest.hpp"

namespace innkeeper::config {
namespace {

// Sections that the contract knows and that this build cannot serve.
struct Absent {
  std::string_view name;
  std::string_view message;
};
constexpr std::array<Absent, 3> absent_sections{{
    {"cluster", "this build has no cluster: a node is alone; leave the section out"},
    {"thrift", "this build has no Thrift server; leave the section out"},
    {"turn", "this build gives out no TURN credentials; leave the section out"},
}};

// Keys that would hold a secret in the configuration itself.
bool names_a_secret(std::string_view key) {
  for (const std::string_view word : {"token", "secret", "password", "passphrase", "credential"}) {
    if (key.find(word) != std::string_view::npos) return key.find("file") == std::string_view::npos;
  }
  return false;
}

// The names that may stand directly below `path` (dotted, without a last dot).
std::vector<std::string> names_below(const std::vector<Facts>& facts, const std::string& path) {
  std::vector<std::string> names;
  for (const Facts& fact : facts) {
    std::string_view rest = fact.name;
    if (!path.empty()) {
      if (rest.size() <= path.size() || !rest.starts_with(path) || rest[path.size()] != '.')
        continue;
      rest.remove_prefix(path.size() + 1);
    }
    names.emplace_back(rest.substr(0, rest.find('.')));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// What stands where a table belongs: the table, or the first one of an array of tables.
const Table* inside(const Value& value) {
  const Array* const array = value.array();
  return array != nullptr && !array->empty() ? array->front().table() : value.table();
}

bool is_option(const std::vector<Facts>& facts, const std::string& path) {
  return std::any_of(facts.begin(), facts.end(),
                     [&](const Facts& fact) { return fact.name == path; });
}

void report_unknown_key(const std::vector<Facts>& facts, const std::string& key,
                        const std::string& below, const std::string& full, const Value& value,
                        Scope& scope) {
  for (const Absent& one : absent_sections) {
    if (one.name == full) return scope.report(full, "", std::string(one.message));
  }
  if (names_a_secret(key)) {
    const std::string hint = suggest(key + "_file", names_below(facts, below));
    return scope.report(full, "(not shown)",
                        "is unknown; secrets are given by the path of a file, never inline" +
                            (hint.empty() ? "" : ": \"" + hint + "\""));
  }
  const std::vector<std::string> names = names_below(facts, below);
  std::string message = "is unknown";
  if (const std::string nearest = suggest(key, names); !nearest.empty()) {
    message += "; did you mean \"" + nearest + "\"?";
  } else {
    message += "; known here:";
    for (const std::string& name : names) message += (&name == &names.front() ? " " : ", ") + name;
  }
  scope.report(full, show(value), std::move(message));
}

void report_unknown_below(const std::vector<Facts>& facts, const Table& table,
                          const std::string& path, const std::string& prefix, Scope& scope) {
  for (const auto& [key, value] : table) {
    const std::string name = path.empty() ? key : path + "." + key;
    if (is_option(facts, name)) continue;
    if (names_below(facts, name).empty()) {
      report_unknown_key(facts, key, path, prefix + name, value, scope);
      continue;
    }
    if (value.table() == nullptr) {
      report_kind(scope, prefix + name, value, "a table, [" + prefix + name + "]");
    }
    if (const Table* const inner = inside(value)) {
      report_unknown_below(facts, *inner, name, prefix, scope);
    }
  }
}

}  // namespace

bool Scope::has_problem(std::string_view option) const {
  return std::any_of(problems.begin(), problems.end(), [option](const Problem& problem) {
    const std::string_view name = problem.option;
    return name == option ||
           (name.starts_with(option) && (name[option.size()] == '.' || name[option.size()] == '['));
  });
}

void report_value(Scope& scope, const std::string& name, const Value& value,
                  std::string_view allowed) {
  scope.report(name, value.given ? show(Value{.data = *value.given, .given = {}}) : show(value),
               "allowed: " + std::string(allowed));
}

void report_kind(Scope& scope, const std::string& name, const Value& value,
                 std::string_view allowed) {
  if (value.table() == nullptr && value.array() == nullptr) {
    return report_value(scope, name, value, allowed);
  }
  scope.report(name, kind_name(value), "allowed: " + std::string(allowed));
}

const std::string* read_string(const Value& value, const std::string& name,
                               std::string_view allowed, Scope& scope) {
  const auto* text = std::get_if<std::string>(&value.data);
  const bool scalar = value.table() == nullptr && value.array() == nullptr;
  if (text == nullptr && scalar && value.given) text = &*value.given;
  if (text == nullptr) {
    scope.report(name, show(value),
                 std::string("is ") + kind_name(value) + "; allowed: " + std::string(allowed));
    return nullptr;
  }
  if (text->find('\0') != std::string::npos) {
    scope.report(name, show(value), "holds a zero byte; allowed: " + std::string(allowed));
    return nullptr;
  }
  return text;
}

bool read_integer(const Value& value, const std::string& name, std::int64_t least,
                  std::int64_t most, std::string_view allowed, Scope& scope, std::int64_t& result) {
  const auto* const number = std::get_if<std::int64_t>(&value.data);
  if (number == nullptr || *number < least || *number > most) {
    report_value(scope, name, value, allowed);
    return false;
  }
  result = *number;
  return true;
}

bool is_blank_file(const std::string& path) {
  std::array<char, 4'096> start{};
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), start.size());
  return std::all_of(start.data(), start.data() + file.gcount(),
                     [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
}

std::string resolve(const std::string& directory, const std::string& path) {
  return (std::filesystem::path(directory) / path).lexically_normal().string();
}

std::string read_path(const Value& value, const std::string& name, Scope& scope) {
  const std::string* const text = read_string(value, name, "a path", scope);
  if (text == nullptr) return {};
  if (text->empty() || text->size() > 4'000) {
    report_value(scope, name, value, "a path of 1 to 4000 bytes");
    return {};
  }
  return resolve(scope.directory, *text);
}

std::string read_file_path(const Value& value, const std::string& name, Scope& scope) {
  std::string found = read_path(value, name, scope);
  if (found.empty()) return {};
  std::error_code error;
  const auto status = std::filesystem::status(found, error);
  const char* wrong = nullptr;
  if (!std::filesystem::exists(status)) {
    wrong = "there is no such file";
  } else if (!std::filesystem::is_regular_file(status)) {
    wrong = "is not a regular file";
  } else if (::access(found.c_str(), R_OK) != 0) {
    wrong = "cannot be read";
  } else if (std::filesystem::file_size(found, error) == 0 || error) {
    wrong = "is empty";
  }
  if (wrong == nullptr) return found;
  scope.report(name, show(value), std::string(wrong) + ": " + found);
  return {};
}

const Value* find(const Table& table, std::string_view dotted) {
  const Table* at = &table;
  while (true) {
    const std::size_t dot = dotted.find('.');
    const auto found = at->find(dotted.substr(0, dot));
    if (found == at->end()) return nullptr;
    if (dot == std::string_view::npos) return &found->second;
    at = inside(found->second);
    if (at == nullptr) return nullptr;
    dotted.remove_prefix(dot + 1);
  }
}

void report_unknown(const std::vector<Facts>& facts, const Table& table, const std::string& prefix,
                    Scope& scope) {
  report_unknown_below(facts, table, "", prefix, scope);
}

}  // namespace innkeeper::config
