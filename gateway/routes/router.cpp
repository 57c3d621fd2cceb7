#include "gateway/routes/router.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <utility>

#include "gateway/routes/error_response.hpp"

namespace innkeeper::routes {
namespace {

using domain::Error;
using domain::ErrorCode;
using http::Method;

std::size_t index_of(Method method) noexcept { return static_cast<std::size_t>(method); }

// The credentials of `Bearer x` (RFC 6750 2.1, scheme in any case); empty for anything else.
std::string_view bearer_token(std::string_view header) noexcept {
  constexpr std::string_view scheme = "bearer";
  if (header.size() <= scheme.size() || header[scheme.size()] != ' ') return {};
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(header[i])) != scheme[i]) return {};
  }
  header.remove_prefix(scheme.size());
  const std::size_t start = header.find_first_not_of(' ');
  return start == std::string_view::npos ? std::string_view{} : header.substr(start);
}

// Of the Authorization header. None when it is given twice: a proxy in front may have checked the
// other one.
std::string_view bearer_token(const http::Request& request) noexcept {
  constexpr std::string_view name = "authorization";
  const auto is_it = [](const auto& header) { return header.first == name; };
  if (std::count_if(request.headers.begin(), request.headers.end(), is_it) > 1) return {};
  return bearer_token(request.header(name));
}

// Takes the same time for every text of the same length.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |=
        static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return difference == 0;
}

// A list of header names that may be repeated to the browser as it is.
bool is_header_list(std::string_view text) noexcept {
  constexpr std::size_t longest = 1024;
  return !text.empty() && text.size() <= longest &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == ',' || c == ' ';
         });
}

Error no_token() {
  return {.code = ErrorCode::unauthenticated,
          .message = "a valid bearer token is required in the Authorization header"};
}

}  // namespace

Router::Router(port::Core& core, RouterOptions options)
    : core_(core),
      options_(std::move(options)),
      any_origin_(std::find(options_.cors_origins.begin(), options_.cors_origins.end(), "*") !=
                  options_.cors_origins.end()) {
  if (!options_.now) {
    options_.now = [] {
      return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    };
  }
  for (const Route& route : route_table()) {
    const std::size_t pattern = index_.add(route.pattern);
    if (pattern == patterns_.size()) patterns_.emplace_back();
    auto& routes = patterns_[pattern].routes;
    routes[index_of(route.method)] = &route;
    if (route.method == Method::get) routes[index_of(Method::head)] = &route;
  }
  for (const Pattern& pattern : patterns_) {
    for (std::size_t method = 0; method < methods; ++method) {
      if (pattern.routes[method] != nullptr) server_.routes[method] = pattern.routes[method];
    }
  }
  const auto set_allow = [](Pattern& pattern) {
    for (std::size_t method = 0; method < methods; ++method) {
      if (pattern.routes[method] == nullptr) continue;
      pattern.allow += http::to_string(static_cast<Method>(method));
      pattern.allow += ", ";
    }
    pattern.allow += "OPTIONS";
  };
  for (Pattern& pattern : patterns_) set_allow(pattern);
  set_allow(server_);
}

metrics::Metrics::Route* Router::metrics_of(Pattern& pattern, std::string_view label,
                                            Method method) {
  if (!options_.metrics) return nullptr;
  // Asked for with the first request, so that the page has no lines for routes that nobody uses.
  auto& route = pattern.metrics[index_of(method)];
  if (route == nullptr) route = &options_.metrics(label, http::to_string(method));
  return route;
}

std::string Router::allowed_origin(const http::Request& request) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return {};
  if (any_origin_) return "*";
  const bool listed = std::find(options_.cors_origins.begin(), options_.cors_origins.end(),
                                origin) != options_.cors_origins.end();
  return listed ? std::string{origin} : std::string{};
}

std::optional<Error> Router::check_access(const Route& route, const http::Request& request) const {
  switch (route.access) {
    case Access::open:
      return std::nullopt;
    case Access::metrics: {
      if (options_.metrics_token.empty()) return std::nullopt;
      const std::string_view token = bearer_token(request);
      if (equal_in_constant_time(token, options_.metrics_token)) return std::nullopt;
      return no_token();
    }
    case Access::token:
      break;
  }
  const std::string_view token = bearer_token(request);
  if (token.empty() || !core_.is_admin_token(token)) return no_token();
  if (options_.rate_limiter != nullptr) {
    const auto now = request.received == RateLimiter::Clock::time_point{}
                         ? RateLimiter::Clock::now()
                         : request.received;
    const auto wait = options_.rate_limiter->take(token, now);
    if (wait != RateLimiter::Clock::duration::zero()) {
      return Error{.code = ErrorCode::overloaded,
                   .message = "this token sends more requests per second than it may",
                   .retry_after_s = static_cast<std::uint32_t>(
                       std::chrono::ceil<std::chrono::seconds>(wait).count())};
    }
  }
  return std::nullopt;
}

http::Response Router::answer_options(const http::Request& request, const Pattern& pattern,
                                      bool cors) const {
  http::Response response;
  response.status = 204;
  response.headers.emplace_back("Allow", pattern.allow);
  if (cors && !request.header("access-control-request-method").empty()) {
    const std::string_view asked = request.header("access-control-request-headers");
    response.headers.emplace_back("Access-Control-Allow-Methods", pattern.allow);
    response.headers.emplace_back("Access-Control-Allow-Headers",
                                  is_header_list(asked)
                                      ? std::string{asked}
                                      : "Authorization, Content-Type, Idempotency-Key");
    response.headers.emplace_back("Access-Control-Max-Age", "7200");
  }
  return response;
}

void Router::operator()(http::Request&& request, http::Responder responder) {
  PathParameters parameters;
  const PathIndex::Match match = index_.find(request.path, parameters);
  const bool found = match.outcome == PathIndex::Outcome::found;
  // RFC 9110 section 9.3.7: the server as a whole. The parser lets `*` pass for OPTIONS only.
  const bool server = request.path == "*" && request.method == Method::options;
  Pattern& pattern = found ? patterns_[match.pattern] : server ? server_ : unmatched_;
  const std::string_view label = found    ? index_.pattern(match.pattern)
                                 : server ? std::string_view{"*"}
                                          : std::string_view{"unmatched"};

  const auto received = request.received == std::chrono::steady_clock::time_point{}
                            ? std::chrono::steady_clock::now()
                            : request.received;
  std::string origin = allowed_origin(request);
  const bool cors = !origin.empty();
  const auto exchange = std::make_shared<Exchange>(
      std::move(responder), http::to_string(request.method), label,
      metrics_of(pattern, label, request.method), received, std::move(origin),
      !any_origin_ && !options_.cors_origins.empty());
  if (match.outcome == PathIndex::Outcome::bad_encoding) {
    return exchange->send(error_response(400, "the path has broken percent-encoding"));
  }
  if (!found && !server) return exchange->send(error_response(404, "no such path"));
  if (request.method == Method::options) {
    return exchange->send(answer_options(request, pattern, cors));
  }
  const Route* route = pattern.routes[index_of(request.method)];
  if (route == nullptr) {
    http::Response response =
        error_response(405, "this path takes the methods " + pattern.allow + " only");
    response.headers.emplace_back("Allow", pattern.allow);
    return exchange->send(std::move(response));
  }
  if (const auto denied = check_access(*route, request)) return exchange->fail(*denied);
  Call call{.request = request,
            .parameters = parameters,
            .core = core_,
            .now = options_.now,
            .exchange = exchange};
  route->handler(call);
}

}  // namespace innkeeper::routes
