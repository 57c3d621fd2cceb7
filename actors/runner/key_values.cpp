#include "actors/runner/key_values.hpp"

#include <charconv>

namespace innkeeper::runner {

void KeyValues::add(std::string_view key, std::string_view value) {
  entries_.emplace_back(key, value);
}

void KeyValues::add(std::string_view key, std::int64_t value) { add(key, std::to_string(value)); }

const std::string* KeyValues::find(std::string_view key) const {
  for (const auto& [name, value] : entries_) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::string KeyValues::text(std::string_view key) const {
  const auto* value = find(key);
  return value ? *value : std::string{};
}

std::optional<std::int64_t> KeyValues::number(std::string_view key) const {
  const auto* value = find(key);
  if (!value) return std::nullopt;
  std::int64_t number = 0;
  const auto* last = value->data() + value->size();
  const auto [end, error] = std::from_chars(value->data(), last, number);
  if (error != std::errc{} || end != last) return std::nullopt;
  return number;
}

std::vector<std::string> KeyValues::all(std::string_view key) const {
  std::vector<std::string> values;
  for (const auto& [name, value] : entries_) {
    if (name == key) values.push_back(value);
  }
  return values;
}

std::string KeyValues::serialise() const {
  std::string out;
  for (const auto& [key, value] : entries_) {
    out.append(key).push_back('=');
    for (const char c : value) {
      if (c == '\\') {
        out.append("\\\\");
      } else if (c == '\n') {
        out.append("\\n");
      } else {
        out.push_back(c);
      }
    }
    out.push_back('\n');
  }
  return out.append("end=\n");
}

std::optional<KeyValues> KeyValues::parse(std::string_view content) {
  KeyValues result;
  while (!content.empty()) {
    const auto line_end = content.find('\n');
    if (line_end == std::string_view::npos) return std::nullopt;
    const auto line = content.substr(0, line_end);
    content.remove_prefix(line_end + 1);
    if (line == "end=") {
      if (!content.empty()) return std::nullopt;
      return result;
    }
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) return std::nullopt;
    std::string value;
    value.reserve(line.size() - equals);
    for (std::size_t i = equals + 1; i < line.size(); ++i) {
      if (line[i] != '\\') {
        value.push_back(line[i]);
        continue;
      }
      if (++i == line.size()) return std::nullopt;
      if (line[i] == 'n') {
        value.push_back('\n');
      } else if (line[i] == '\\') {
        value.push_back('\\');
      } else {
        return std::nullopt;
      }
    }
    result.entries_.emplace_back(line.substr(0, equals), std::move(value));
  }
  return std::nullopt;
}

}  // namespace innkeeper::runner
