#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/option.hpp"

// The kinds of options. Each function makes an option from its facts and from `get`, which finds
// its place in the settings; the default in the reference is what stands there in settings that
// nobody has touched.
namespace innkeeper::config {

template <class T, class Get>
Option<T> flag(std::string name, Get get, std::string meaning) {
  T untouched{};
  Option<T> option;
  option.facts = {std::move(name), "boolean",          get(untouched) ? "true" : "false",
                  "true or false", std::move(meaning), false};
  option.read = [get](const Value& value, const std::string& full, T& target, Scope& scope) {
    if (const bool* const given = std::get_if<bool>(&value.data)) {
      get(target) = *given;
    } else {
      report_value(scope, full, value, "true or false");
    }
  };
  return option;
}

template <class T, class Get>
Option<T> whole(std::string name, Get get, std::int64_t least, std::int64_t most,
                std::string meaning) {
  using Number = std::remove_reference_t<decltype(get(std::declval<T&>()))>;
  static_assert(std::is_unsigned_v<Number>);
  T untouched{};
  Option<T> option;
  const std::string allowed = std::to_string(least) + " to " + std::to_string(most);
  option.facts = {std::move(name), "integer",          std::to_string(get(untouched)),
                  allowed,         std::move(meaning), false};
  option.read = [get, least, most, allowed](const Value& value, const std::string& full, T& target,
                                            Scope& scope) {
    std::int64_t given = 0;
    if (read_integer(value, full, least, most, "an integer from " + allowed, scope, given)) {
      get(target) = static_cast<Number>(given);
    }
  };
  return option;
}

// Cores, kept in thousandths.
template <class T, class Get>
Option<T> cores(std::string name, Get get, double least, double most, std::string default_value,
                std::string meaning) {
  Option<T> option;
  const std::string allowed = "0.01 to " + std::to_string(static_cast<int>(most));
  option.facts = {std::move(name), "number",           std::move(default_value),
                  allowed,         std::move(meaning), false};
  option.read = [get, least, most, allowed](const Value& value, const std::string& full, T& target,
                                            Scope& scope) {
    double given = std::numeric_limits<double>::quiet_NaN();
    if (const double* const number = std::get_if<double>(&value.data)) given = *number;
    if (const auto* const number = std::get_if<std::int64_t>(&value.data)) {
      given = static_cast<double>(*number);
    }
    if (!(given >= least && given <= most)) {
      return report_value(scope, full, value, "a number of cores from " + allowed);
    }
    get(target) = static_cast<std::uint32_t>(std::lround(given * 1000));
  };
  return option;
}

template <class T, class Get>
Option<T> duration(std::string name, Get get, domain::Duration least, domain::Duration most,
                   std::string meaning) {
  T untouched{};
  Option<T> option;
  const std::string allowed = show_duration(least) + " to " + show_duration(most);
  option.facts = {std::move(name), "duration",         "\"" + show_duration(get(untouched)) + "\"",
                  allowed,         std::move(meaning), false};
  option.read = [get, least, most, allowed](const Value& value, const std::string& full, T& target,
                                            Scope& scope) {
    const std::string text = "a duration from " + allowed +
                             ", as a string with a unit: \"500ms\", \"30s\", \"5m\", \"72h\"";
    const std::string* const given = read_string(value, full, text, scope);
    if (given == nullptr) return;
    const auto parsed = parse_duration(*given);
    if (!parsed || *parsed < least || *parsed > most) return report_value(scope, full, value, text);
    get(target) = *parsed;
  };
  return option;
}

// Text that `accept` takes. `accept` gets the text and returns whether it is allowed.
template <class T, class Get, class Accept>
Option<T> text(std::string name, Get get, Accept accept, std::string allowed, std::string meaning) {
  T untouched{};
  const std::string initial(get(untouched));
  Option<T> option;
  option.facts = {std::move(name), "string",           initial.empty() ? "" : "\"" + initial + "\"",
                  allowed,         std::move(meaning), false};
  option.read = [get, accept, allowed](const Value& value, const std::string& full, T& target,
                                       Scope& scope) {
    const std::string* const given = read_string(value, full, allowed, scope);
    if (given == nullptr) return;
    if (!accept(*given)) return report_value(scope, full, value, allowed);
    get(target) = *given;
  };
  return option;
}

// One of a few words, each with what it stands for.
template <class T, class Get, class Meaning>
Option<T> choice(std::string name, Get get, std::vector<std::pair<std::string, Meaning>> words,
                 std::string meaning) {
  T untouched{};
  Option<T> option;
  std::string allowed;
  std::string initial;
  for (const auto& [word, stands_for] : words) {
    allowed.append(allowed.empty() ? "" : ", ").append("\"").append(word).append("\"");
    if (get(untouched) == stands_for) initial = "\"" + word + "\"";
  }
  option.facts = {std::move(name), "string", initial, allowed, std::move(meaning), false};
  option.read = [get, words = std::move(words), allowed](
                    const Value& value, const std::string& full, T& target, Scope& scope) {
    const std::string* const given = read_string(value, full, "one of " + allowed, scope);
    if (given == nullptr) return;
    for (const auto& [word, stands_for] : words) {
      if (word == *given) {
        get(target) = stands_for;
        return;
      }
    }
    report_value(scope, full, value, "one of " + allowed);
  };
  return option;
}

// A path, relative to the directory of the configuration.
template <class T, class Get>
Option<T> path(std::string name, Get get, std::string default_value, std::string meaning) {
  Option<T> option;
  option.facts = {std::move(name),    "path", std::move(default_value), "a path",
                  std::move(meaning), false};
  option.read = [get](const Value& value, const std::string& full, T& target, Scope& scope) {
    if (std::string found = read_path(value, full, scope); !found.empty())
      get(target) = std::move(found);
  };
  return option;
}

// The path of a file that is there.
template <class T, class Get>
Option<T> file(std::string name, Get get, std::string meaning) {
  Option<T> option;
  option.facts = {std::move(name),    "path", "", "a file that can be read and is not empty",
                  std::move(meaning), false};
  option.read = [get](const Value& value, const std::string& full, T& target, Scope& scope) {
    if (std::string found = read_file_path(value, full, scope); !found.empty()) {
      get(target) = std::move(found);
    }
  };
  return option;
}

// The path of a file with a secret: it must hold more than blanks.
template <class T, class Get>
Option<T> secret_file(std::string name, Get get, std::string meaning) {
  Option<T> option = file<T>(std::move(name), get, std::move(meaning));
  option.read = [read = std::move(option.read), get](const Value& value, const std::string& full,
                                                     T& target, Scope& scope) {
    read(value, full, target, scope);
    if (const std::string& path = get(target); !path.empty() && is_blank_file(path)) {
      scope.report(full, show(value), "holds only blanks: " + path);
    }
  };
  return option;
}

// An option that only its own reader understands.
template <class T, class Read>
Option<T> special(std::string name, std::string type, std::string default_value,
                  std::string allowed, std::string meaning, Read read) {
  Option<T> option;
  option.facts = {std::move(name),    std::move(type),    std::move(default_value),
                  std::move(allowed), std::move(meaning), false};
  option.read = std::move(read);
  return option;
}

// An array of tables, `[[name]]`: each element is read by `set`, appended to `get`'s vector, and
// given to `finish` with its full name. Elements are appended even when something in them is wrong,
// so that indexes agree with the configuration.
template <class T, class Element, class Get, class Finish>
Option<T> tables(std::string name, Get get, OptionSet<Element> set, std::size_t most,
                 std::string allowed, std::string meaning, Finish finish) {
  Option<T> option;
  option.elements = all_facts_of(set);
  option.facts = {std::move(name), "array of tables", "", allowed, std::move(meaning), false};
  option.read = [get, set = std::move(set), most, allowed, finish](
                    const Value& value, const std::string& full, T& target, Scope& scope) {
    const Array* const elements = value.array();
    if (elements == nullptr || elements->size() > most) {
      report_kind(scope, full, value, allowed);
    }
    if (const Table* const single = value.table()) {
      // [name] for [[name]]: what is wrong inside is wrong either way.
      Element element{};
      read_table(set, *single, full + ".", element, scope);
      finish(element, full, scope);
      get(target).push_back(std::move(element));
    }
    if (elements == nullptr) return;
    for (std::size_t i = 0; i < elements->size(); ++i) {
      const std::string element_name = full + "[" + std::to_string(i) + "]";
      Element element{};
      if (const Table* const table = (*elements)[i].table()) {
        read_table(set, *table, element_name + ".", element, scope);
        finish(element, element_name, scope);
      } else {
        report_value(scope, element_name, (*elements)[i], "a table");
      }
      get(target).push_back(std::move(element));
    }
  };
  return option;
}

}  // namespace innkeeper::config
