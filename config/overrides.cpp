#include "config/overrides.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "config/toml_reader.hpp"

namespace innkeeper::config {
namespace {

struct Step {
  std::string name;
  std::vector<std::size_t> indexes;
};

bool is_key_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// One part of a key: a bare TOML key and any number of [index].
std::optional<Step> parse_step(std::string_view part) {
  Step step;
  const std::size_t bracket = std::min(part.find('['), part.size());
  step.name = std::string(part.substr(0, bracket));
  if (step.name.empty() || !std::all_of(step.name.begin(), step.name.end(), is_key_character)) {
    return std::nullopt;
  }
  part.remove_prefix(bracket);
  while (!part.empty()) {
    const std::size_t close = part.find(']');
    if (part.front() != '[' || close == std::string_view::npos) return std::nullopt;
    std::size_t index = 0;
    const char* const begin = part.data() + 1;
    const char* const end = part.data() + close;
    const auto parsed = std::from_chars(begin, end, index);
    if (begin == end || parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    step.indexes.push_back(index);
    if (step.indexes.size() > nesting_max) return std::nullopt;
    part.remove_prefix(close + 1);
  }
  return step;
}

std::optional<std::vector<Step>> parse_key(std::string_view key) {
  std::vector<Step> steps;
  while (true) {
    const std::size_t dot = key.find('.');
    auto step = parse_step(key.substr(0, dot));
    if (!step || steps.size() >= key_parts_max) return std::nullopt;
    steps.push_back(std::move(*step));
    if (dot == std::string_view::npos) return steps;
    key.remove_prefix(dot + 1);
  }
}

}  // namespace

void apply_override(Table& root, const std::string& key, const std::string& value, Scope& scope) {
  const auto steps = parse_key(key);
  if (!steps) {
    return scope.report(
        key.substr(0, 200), "",
        "is not the name of an option; allowed: --set name.of.option=VALUE, elements of "
        "arrays as name[index]");
  }
  Value made;
  if (auto parsed = read_toml_value(value)) {
    made = std::move(*parsed);
  } else {
    made.data = value;
  }
  made.given = value;

  Table* table = &root;
  std::string path;
  for (std::size_t i = 0; i < steps->size(); ++i) {
    const Step& step = (*steps)[i];
    path += (i == 0 ? "" : ".") + step.name;
    const bool is_new = !table->contains(step.name);
    Value* at = &(*table)[step.name];
    if (is_new && !step.indexes.empty()) at->data = Array{};
    for (const std::size_t index : step.indexes) {
      Array* const array = at->array();
      if (array == nullptr) {
        return scope.report(key, show(*at), path + " is not an array");
      }
      if (index > array->size()) {
        return scope.report(key, value,
                            path + " has " + std::to_string(array->size()) +
                                " elements; allowed: an index up to that number");
      }
      path += "[" + std::to_string(index) + "]";
      if (index == array->size()) array->emplace_back();
      at = &(*array)[index];
    }
    if (i + 1 == steps->size()) {
      *at = std::move(made);
      return;
    }
    table = at->table();
    if (table == nullptr) {
      return scope.report(key, show(*at), path + " is not a table");
    }
  }
}

}  // namespace innkeeper::config
