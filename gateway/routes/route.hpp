#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "actors/domain/time.hpp"
#include "gateway/http/message.hpp"
#include "gateway/port/core.hpp"
#include "gateway/routes/exchange.hpp"
#include "gateway/routes/path_index.hpp"

namespace innkeeper::routes {

// Who may call a route.
enum class Access : std::uint8_t {
  open,     // everybody; an Authorization header is not looked at (contract/hathora.md 1.2)
  token,    // a bearer token
  metrics,  // everybody, or the metrics token when one is configured
};

// What a handler has. All of it but `exchange` ends with the handler's return.
struct Call {
  const http::Request& request;
  const PathParameters& parameters;  // decoded, in the order of the pattern
  port::Core& core;
  const std::function<domain::Timestamp()>& now;
  ExchangePtr exchange;
};

// One operation. `pattern` is also the metrics label. Handlers answer through the exchange, now or
// later.
struct Route {
  http::Method method;
  std::string_view pattern;  // "/rooms/v2/{appId}/create"; a parameter is a whole segment
  Access access;
  std::string_view operation;  // operationId of the API description
  std::string_view summary;
  void (*handler)(Call& call);
};

// Every operation of the API, by resource.
[[nodiscard]] std::span<const Route> route_table() noexcept;

// The table as Markdown (`innkeeper describe routes`).
[[nodiscard]] std::string describe_routes();

}  // namespace innkeeper::routes
