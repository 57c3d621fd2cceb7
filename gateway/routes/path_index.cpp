#include "gateway/routes/path_index.hpp"

#include <algorithm>
#include <utility>

#include "gateway/routes/percent.hpp"

namespace innkeeper::routes {

struct PathIndex::Segments {
  std::array<std::string_view, max_segments> items;
  std::size_t count = 0;
};

std::size_t PathIndex::add(std::string_view pattern) {
  std::size_t node = 0;
  for (std::string_view rest = pattern; !rest.empty();) {
    rest.remove_prefix(1);  // the slash
    const std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    std::size_t next = none;
    if (segment.front() == '{') {
      next = nodes_[node].parameter;
    } else {
      for (const auto& [literal, child] : nodes_[node].literals) {
        if (literal == segment) next = child;
      }
    }
    if (next == none) {
      next = nodes_.size();
      nodes_.emplace_back();
      if (segment.front() == '{') {
        nodes_[node].parameter = next;
      } else {
        nodes_[node].literals.emplace_back(segment, next);
      }
    }
    node = next;
  }
  if (nodes_[node].pattern == none) {
    nodes_[node].pattern = patterns_.size();
    patterns_.push_back(pattern);
  }
  return nodes_[node].pattern;
}

std::size_t PathIndex::walk(std::size_t node, const Segments& segments, std::size_t at,
                            PathParameters& parameters) const {
  const Node& here = nodes_[node];
  if (at == segments.count) return here.pattern;
  const std::string_view segment = segments.items[at];
  for (const auto& [literal, child] : here.literals) {
    if (literal == segment) {
      const std::size_t found = walk(child, segments, at + 1, parameters);
      if (found != none) return found;
    }
  }
  if (here.parameter == none || segment.empty() || parameters.count == PathParameters::max) {
    return none;
  }
  parameters.values[parameters.count++] = segment;
  const std::size_t found = walk(here.parameter, segments, at + 1, parameters);
  if (found == none) --parameters.count;
  return found;
}

PathIndex::Match PathIndex::find(std::string_view path, PathParameters& parameters) const {
  Segments segments;
  if (path.empty() || path.front() != '/') return {};
  for (std::string_view rest = path; !rest.empty();) {
    if (segments.count == max_segments) return {};
    rest.remove_prefix(1);
    std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    if (segment.find('%') != std::string_view::npos) {
      auto decoded = percent_decode(segment, false);
      if (!decoded) return {.outcome = Outcome::bad_encoding};
      parameters.decoded.push_front(*std::move(decoded));
      segment = parameters.decoded.front();
    }
    segments.items[segments.count++] = segment;
  }
  const std::size_t pattern = walk(0, segments, 0, parameters);
  if (pattern == none) return {};
  return {.outcome = Outcome::found, .pattern = pattern};
}

}  // namespace innkeeper::routes
