#include "gateway/http/message.hpp"

#include <cstdio>

namespace innkeeper::http {
namespace {

// Appends `text` as the inside of a JSON string (RFC 8259 section 7). Bytes that are not ASCII are
// passed on: messages are UTF-8 by construction.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(byte));
      out += code;
    } else {
      out += c;
    }
  }
}

}  // namespace

const char* to_string(Method method) noexcept {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::other:
      return "other";
  }
  return "other";
}

std::string_view Request::header(std::string_view name) const noexcept {
  for (const auto& field : headers) {
    if (field.first == name) return field.second;
  }
  return {};
}

Response error_response(int status, std::string_view message) {
  Response response;
  response.status = status;
  response.body.reserve(message.size() + 14);
  response.body += R"({"message":")";
  append_escaped(response.body, message);
  response.body += "\"}";
  return response;
}

Responder::Responder(std::shared_ptr<Sink> sink, std::uint64_t request)
    : sink_(std::move(sink)), request_(request) {}

Responder::Responder(Responder&& other) noexcept
    : sink_(std::move(other.sink_)), request_(other.request_) {}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    Responder dropped(std::move(*this));  // answers the request that this one held
    sink_ = std::move(other.sink_);
    request_ = other.request_;
  }
  return *this;
}

Responder::~Responder() {
  if (!sink_) return;
  try {
    (*this)(error_response(500, "the request was dropped without an answer"));
  } catch (...) {
    // Out of memory while giving up: the session's own limits end the connection.
  }
}

void Responder::operator()(Response response) {
  if (!sink_) return;
  const std::shared_ptr<Sink> sink = std::move(sink_);
  sink_.reset();
  sink->respond(request_, std::move(response));
}

void Responder::park() {
  if (sink_) sink_->park(request_);
}

bool Responder::client_gone() const noexcept { return !sink_ || sink_->client_gone(); }

}  // namespace innkeeper::http
