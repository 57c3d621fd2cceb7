#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/domain/result.hpp"

namespace innkeeper::routes {

// The parameters of a query string. Arrays are repeated keys; keys that nobody asks for are
// ignored.
class Query {
 public:
  // Fails with `refused` (400) on broken percent-encoding, with `invalid` on more than
  // limits::query_parameters parameters.
  [[nodiscard]] static domain::Result<Query> parse(std::string_view raw);

  // The value of a parameter that may be given once; nothing when it is absent or empty, `invalid`
  // when it is given twice.
  [[nodiscard]] domain::Result<std::optional<std::string>> single(std::string_view name) const;
  // Every value of a parameter, in the order given, each once.
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace innkeeper::routes
