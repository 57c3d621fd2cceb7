#include "gateway/routes/query.hpp"

#include <algorithm>

#include "actors/domain/limits.hpp"
#include "gateway/routes/percent.hpp"

namespace innkeeper::routes {

using domain::Error;
using domain::ErrorCode;

domain::Result<Query> Query::parse(std::string_view raw) {
  Query query;
  while (!raw.empty()) {
    const std::string_view part = raw.substr(0, raw.find('&'));
    raw.remove_prefix(std::min(raw.size(), part.size() + 1));
    if (part.empty()) continue;
    if (query.parameters_.size() == domain::limits::query_parameters) {
      return Error{.code = ErrorCode::invalid,
                   .message = "must have at most " +
                              std::to_string(domain::limits::query_parameters) + " parameters",
                   .field = "query"};
    }
    const std::size_t equals = part.find('=');
    auto name = percent_decode(part.substr(0, equals), true);
    auto value = percent_decode(
        equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1), true);
    if (!name || !value) {
      return Error{
          .code = ErrorCode::refused, .message = "has broken percent-encoding", .field = "query"};
    }
    query.parameters_.emplace_back(*std::move(name), *std::move(value));
  }
  return query;
}

domain::Result<std::optional<std::string>> Query::single(std::string_view name) const {
  std::optional<std::string> found;
  bool seen = false;
  for (const auto& [key, value] : parameters_) {
    if (key != name) continue;
    if (seen) {
      return Error{.code = ErrorCode::invalid,
                   .message = "is given more than once",
                   .field = std::string{name}};
    }
    seen = true;
    if (!value.empty()) found = value;
  }
  return found;
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : parameters_) {
    if (key == name && std::find(values.begin(), values.end(), value) == values.end()) {
      values.push_back(value);
    }
  }
  return values;
}

}  // namespace innkeeper::routes
