#include "gateway/http/session.hpp"

#include "gateway/http/worker.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace innkeeper::http {

using boost::asio::ip::tcp;

Session::Session(Worker& worker, tcp::socket socket, std::string peer, bool counted)
    : shared_(worker.shared()),
      worker_(&worker),
      socket_(std::move(socket)),
      parser_(
          ParseLimits{shared_->settings.limits.header_bytes, shared_->settings.limits.body_bytes}),
      peer_(std::move(peer)),
      since_(worker.now()),
      counted_(counted) {
  if (shared_->tls) tls_ = std::make_unique<TlsFilter>(*shared_->tls);
}

void Session::start() { arm_read(); }

void Session::refuse() {
  input_done_ = true;
  Response response = error_response(429, "too many connections");
  response.headers.emplace_back("Retry-After", "1");
  write(RequestFacts{false, false, false}, response);
  settle();
}

bool Session::may_parse() const noexcept { return !queue_.full() && backlog() < output_high_water; }

bool Session::between_requests() const noexcept {
  return parser_.state() == RequestParser::State::idle && in_.empty();
}

void Session::arm_read() {
  if (read_armed_) return;
  read_armed_ = true;
  socket_->async_wait(tcp::socket::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        self->read_armed_ = false;
                        if (self->closed_) return;
                        if (error) return self->close();
                        self->receive();
                      });
}

// While nothing is read, only an error tells that the client is gone.
void Session::arm_error_watch() {
  if (error_armed_) return;
  error_armed_ = true;  // and stays: one event is all that is wanted
  socket_->async_wait(
      tcp::socket::wait_error, [self = shared_from_this()](const boost::system::error_code& error) {
        if (self->closed_) return;
        int pending = 0;
        socklen_t size = sizeof pending;
        ::getsockopt(self->socket_->native_handle(), SOL_SOCKET, SO_ERROR, &pending, &size);
        if (error || pending != 0) self->close();
      });
}

void Session::receive() {
  auto& scratch = worker_->scratch();
  ssize_t count = 0;
  do {
    count = ::recv(socket_->native_handle(), scratch.data(), scratch.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno != EAGAIN) return close();
  worker_->tick();
  if (count == 0) {
    if (lingering_) return close();
    peer_ended_ = true;
  } else if (count > 0) {
    on_bytes({scratch.data(), static_cast<std::size_t>(count)});
    if (closed_) return;
  }
  settle();
}

void Session::on_bytes(std::string_view bytes) {
  if (lingering_) {
    lingered_ += bytes.size();
    if (lingered_ > linger_bytes_max) close();
    return;
  }
  if (tls_) {
    worker_->buffers().lend(in_);
    const TlsFilter::Status status = tls_->open(bytes, in_, wire_);
    if (status == TlsFilter::Status::failed) {
      if (flush()) close();  // the alert, if it fits
      return;
    }
    if (status == TlsFilter::Status::closed_by_peer) peer_ended_ = true;
    return process_held();
  }
  if (!in_.empty()) {
    in_.append(bytes);
    return process_held();
  }
  const std::size_t used = process(bytes);
  if (used < bytes.size() && !input_done_) {
    worker_->buffers().lend(in_);
    in_.append(bytes.substr(used));
  }
}

void Session::process_held() {
  const std::size_t used = process(in_);
  if (input_done_) {
    in_.clear();
  } else {
    in_.erase(0, used);
  }
  if (in_.empty()) worker_->buffers().take_back(in_);
}

std::size_t Session::process(std::string_view bytes) {
  using State = RequestParser::State;
  stalled_ = false;
  corked_ = true;
  std::size_t used = 0;
  while (!input_done_ && used < bytes.size()) {
    const State before = parser_.state();
    if (before == State::idle) {
      if (!may_parse()) {
        stalled_ = true;
        break;
      }
      first_byte_ = worker_->now();
    }
    used += parser_.feed(bytes.substr(used));
    const State after = parser_.state();
    if (after == State::complete) {
      dispatch();
      continue;
    }
    if (after == State::failed) {
      fail(parser_.error().status, parser_.error().message);
    } else if (after == State::body && before != State::body) {
      body_since_ = worker_->now();
      continued_ = false;
    }
    break;
  }
  corked_ = false;
  return used;
}

void Session::dispatch() {
  const RequestFacts facts = parser_.facts();
  Request request = parser_.take();
  request.peer = peer_;
  request.received = first_byte_;
  const std::uint64_t number = queue_.push(facts);
  if (!facts.keep_alive || draining_) input_done_ = true;
  const bool full = shared_->in_flight.fetch_add(1, std::memory_order_relaxed) >=
                    shared_->settings.limits.in_flight;
  if (full && !(shared_->hooks.always_served && shared_->hooks.always_served(request))) {
    shared_->in_flight.fetch_sub(1, std::memory_order_relaxed);
    refused_request(429);
    Response response = error_response(429, "too many requests are in progress");
    response.headers.emplace_back("Retry-After", "1");
    return answer(number, std::move(response));
  }
  try {
    worker_->handler()(std::move(request), Responder(shared_from_this(), number));
  } catch (...) {
    // The handler broke its contract; its Responder has answered 500 while it was unwound.
  }
}

void Session::refused_request(int status) const {
  if (!shared_->hooks.refused_request) return;
  const std::chrono::duration<double> taken = worker_->now() - first_byte_;
  shared_->hooks.refused_request(status, taken.count());
}

void Session::fail(int status, std::string_view message) {
  input_done_ = true;
  refused_request(status);
  if (queue_.full()) return;  // then the responses before it say Connection: close
  answer(queue_.push(RequestFacts{false, false, false}), error_response(status, message));
}

// The peer has sent its last byte, and all of them have been parsed.
void Session::end_input() {
  if (!between_requests()) fail(400, "the connection ended inside of a request");
  input_done_ = true;
}

void Session::drain() {
  if (closed_) return;
  draining_ = true;
  if (lingering_ || input_done_) return;
  if (tls_ && !tls_->established()) return close();
  if (!between_requests()) return;
  if (queue_.empty() && backlog() == 0 && !peer_ended_) {
    // A request that has arrived but was not read yet is in flight, too.
    receive();
    if (closed_ || lingering_) return;
    if (between_requests() && queue_.empty() && backlog() == 0) {
      if (tls_) {
        tls_->finish(wire_);
        if (!flush()) return;
      }
      return close();
    }
  }
  if (between_requests()) input_done_ = true;
  settle();
}

void Session::expire(Clock::time_point now) {
  const config::GatewayLimits& limits = shared_->settings.limits;
  if (lingering_) {
    if (now - since_ >= linger_time) close();
    return;
  }
  if (write_armed_) {
    if (now - blocked_since_ >= limits.body_timeout) close();
    return;
  }
  if (tls_ && !tls_->established()) {
    if (now - since_ >= limits.header_timeout) close();
    return;
  }
  if (input_done_ || stalled_ || paused_) return;
  if (between_requests()) {
    if (queue_.empty() && now - since_ >= limits.idle_timeout) close();
    return;
  }
  if (parser_.state() == RequestParser::State::body) {
    // Who waits for 100 Continue behind a slow handler is not slow itself.
    if (parser_.expects_continue() && !continued_) return;
    if (now - body_since_ < limits.body_timeout) return;
    fail(408, "the body did not arrive in time");
  } else {
    if (now - first_byte_ < limits.header_timeout) return;
    fail(408, "the headers did not arrive in time");
  }
  settle();
}

void Session::close() {
  if (closed_) return;
  closed_ = true;
  const auto self = shared_from_this();  // the list of the worker does not own
  socket_.reset();
  tls_.reset();
  queue_.clear();
  queue_.shrink();
  BufferPool& buffers = worker_->buffers();
  buffers.take_back(in_);
  buffers.take_back(out_);
  buffers.take_back(wire_);
  Worker& worker = *std::exchange(worker_, nullptr);
  worker.remove(*this, counted_);
}

}  // namespace innkeeper::http
