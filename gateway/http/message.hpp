#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// HTTP as plain values: what routes see. No Beast here.
namespace innkeeper::http {

enum class Method : std::uint8_t { get, head, post, put, patch, del, options, other };
[[nodiscard]] const char* to_string(Method method) noexcept;

struct Request {
  Method method = Method::get;
  std::string path;   // still percent-encoded, without query
  std::string query;  // without '?'
  std::string body;
  std::vector<std::pair<std::string, std::string>>
      headers;       // names lower-case, in the order of arrival
  std::string peer;  // address of the client
  std::chrono::steady_clock::time_point received;

  // The first header of that (lower-case) name; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
};

struct Response {
  int status = 200;
  std::string body;
  std::string_view content_type =
      "application/json";  // static text; not sent when the status is 204
  std::vector<std::pair<std::string_view, std::string>> headers;  // static names
  bool close = false;  // end the connection after this response
};

// {"message": …} with `application/json`: the only error shape there is (contract/hathora.md 1.5).
[[nodiscard]] Response error_response(int status, std::string_view message);

// Answers one request. Movable, not copyable. Call it exactly once, at any later time, on the
// thread of the worker that made it; destroying it uncalled answers 500, so that no request is ever
// left open. Once the client has gone it does nothing.
class Responder {
 public:
  // Implemented by the session; also by tests.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void respond(std::uint64_t request, Response response) = 0;
    // The request waits for something to happen and does no work meanwhile.
    virtual void park(std::uint64_t request) { static_cast<void>(request); }
    [[nodiscard]] virtual bool client_gone() const noexcept = 0;
  };
  Responder() = default;
  Responder(std::shared_ptr<Sink> sink, std::uint64_t request);
  Responder(Responder&& other) noexcept;
  Responder& operator=(Responder&& other) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();
  void operator()(Response response);
  // Takes the request out of the number of those that are in progress (`in_flight`), which bounds work. For
  // requests that wait; they are bounded by the connections.
  void park();
  [[nodiscard]] bool client_gone() const noexcept;

 private:
  std::shared_ptr<Sink> sink_;
  std::uint64_t request_ = 0;
};

// What a worker calls for each request, on its thread. Must not block or throw.
using Handler = std::function<void(Request&&, Responder)>;

}  // namespace innkeeper::http
