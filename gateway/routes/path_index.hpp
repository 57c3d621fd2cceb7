#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

namespace innkeeper::routes {

// The values of a pattern's parameters, decoded. Not movable: they may point into `decoded`.
struct PathParameters {
  static constexpr std::size_t max = 4;
  PathParameters() = default;
  PathParameters(const PathParameters&) = delete;
  PathParameters& operator=(const PathParameters&) = delete;
  [[nodiscard]] std::string_view operator[](std::size_t index) const { return values[index]; }

  std::array<std::string_view, max> values{};
  std::size_t count = 0;
  std::forward_list<std::string> decoded;  // of segments with percent-encoding
};

// Finds the pattern of a path, segment by segment. Literals win over parameters; a parameter takes
// one segment that is not empty, so that `a%2Fb` is one value and a trailing slash matches nothing.
class PathIndex {
 public:
  static constexpr std::size_t max_segments = 12;
  enum class Outcome : std::uint8_t { found, unknown, bad_encoding };
  struct Match {
    Outcome outcome = Outcome::unknown;
    std::size_t pattern = 0;  // as add() numbered it
  };

  // Registers a pattern and returns its number; the number it already has when it is there.
  // Patterns are static text.
  std::size_t add(std::string_view pattern);
  [[nodiscard]] std::size_t size() const noexcept { return patterns_.size(); }
  [[nodiscard]] std::string_view pattern(std::size_t number) const { return patterns_[number]; }

  // `path` must outlive `parameters`.
  [[nodiscard]] Match find(std::string_view path, PathParameters& parameters) const;

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  struct Node {
    std::vector<std::pair<std::string_view, std::size_t>> literals;  // segment, node
    std::size_t parameter = none;                                    // node
    std::size_t pattern = none;
  };
  struct Segments;
  [[nodiscard]] std::size_t walk(std::size_t node, const Segments& segments, std::size_t at,
                                 PathParameters& parameters) const;
  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::vector<std::string_view> patterns_;
};

}  // namespace innkeeper::routes
