#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/parse.hpp"
#include "config/settings.hpp"
#include "config/value.hpp"

// One declaration for each option, with all its facts: validation, defaults and the reference are
// made from it.
namespace innkeeper::config {

// What is gathered while a configuration is read.
struct Scope {
  std::vector<Problem>& problems;
  std::set<std::string>& given;  // full names of the options that stand in the configuration
  std::string directory;         // absolute; what relative paths are relative to

  void report(std::string option, std::string value, std::string message) {
    problems.push_back({std::move(option), std::move(value), std::move(message)});
  }
  // True when something is wrong with the option of that full name, or with something in it.
  [[nodiscard]] bool has_problem(std::string_view option) const;
};

// What the reference says about an option.
struct Facts {
  std::string name;           // dotted, below the table that the set describes
  std::string type;           // for people: "string", "duration", …
  std::string default_value;  // as TOML, or in words; empty when the option is required or has none
  std::string allowed;
  std::string meaning;
  bool required = false;
};

template <class T>
struct Option {
  Facts facts;
  // Reads the value into the target, or reports what is wrong with it. `name` is the full name.
  std::function<void(const Value& value, const std::string& name, T& target, Scope& scope)> read;
  // Options of each element, when the option is an array of tables: for the reference.
  std::vector<Facts> elements;

  Option&& require() && {
    facts.required = true;
    facts.default_value.clear();
    return std::move(*this);
  }
  Option&& default_text(std::string text) && {
    facts.default_value = std::move(text);
    return std::move(*this);
  }
};
template <class T>
using OptionSet = std::vector<Option<T>>;

// Reads a table by a set of options: values into `target`; unknown keys, wrong values and missing
// options into the scope. `prefix` is empty or ends in a dot.
template <class T>
void read_table(const OptionSet<T>& options, const Table& table, const std::string& prefix,
                T& target, Scope& scope);

// Reports that `value` is not what `allowed` says.
void report_value(Scope& scope, const std::string& name, const Value& value,
                  std::string_view allowed);

// The same, without showing what is in a table or a list: somewhere below may stand a secret.
void report_kind(Scope& scope, const std::string& name, const Value& value,
                 std::string_view allowed);

// The string of a value; null (and reported) when it is none.
[[nodiscard]] const std::string* read_string(const Value& value, const std::string& name,
                                             std::string_view allowed, Scope& scope);
// A whole number within bounds; false (and reported) when it is none.
[[nodiscard]] bool read_integer(const Value& value, const std::string& name, std::int64_t least,
                                std::int64_t most, std::string_view allowed, Scope& scope,
                                std::int64_t& result);
// A path, made absolute against the directory of the configuration; empty (and reported) when it
// cannot be.
[[nodiscard]] std::string read_path(const Value& value, const std::string& name, Scope& scope);
// As read_path, and the file must be there, regular, readable and not empty.
[[nodiscard]] std::string read_file_path(const Value& value, const std::string& name, Scope& scope);

// Whether a file that can be read begins with nothing but blanks.
[[nodiscard]] bool is_blank_file(const std::string& path);

// `path` against `directory`, in normal form.
[[nodiscard]] std::string resolve(const std::string& directory, const std::string& path);

// The value of a dotted name below a table; null when there is none. [[name]] where [name] belongs
// is looked into as well, so that one mistake does not hide the others.
[[nodiscard]] const Value* find(const Table& table, std::string_view dotted);
// Reports every key of `table` that no fact names, and tables that are not tables.
void report_unknown(const std::vector<Facts>& facts, const Table& table, const std::string& prefix,
                    Scope& scope);

template <class T>
std::vector<Facts> facts_of(const OptionSet<T>& options) {
  std::vector<Facts> facts;
  facts.reserve(options.size());
  for (const Option<T>& option : options) facts.push_back(option.facts);
  return facts;
}

// The same, with the options of the elements of arrays of tables as name[].option: for the
// reference.
template <class T>
std::vector<Facts> all_facts_of(const OptionSet<T>& options) {
  std::vector<Facts> facts;
  for (const Option<T>& option : options) {
    facts.push_back(option.facts);
    for (Facts inner : option.elements) {
      inner.name = option.facts.name + "[]." + inner.name;
      facts.push_back(std::move(inner));
    }
  }
  return facts;
}

template <class T>
void read_table(const OptionSet<T>& options, const Table& table, const std::string& prefix,
                T& target, Scope& scope) {
  report_unknown(facts_of(options), table, prefix, scope);
  for (const Option<T>& option : options) {
    const std::string name = prefix + option.facts.name;
    if (const Value* const value = find(table, option.facts.name)) {
      scope.given.insert(name);
      option.read(*value, name, target, scope);
    } else if (option.facts.required) {
      scope.report(name, "", "is missing; allowed: " + option.facts.allowed);
    }
  }
}

}  // namespace innkeeper::config
