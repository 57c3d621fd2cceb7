// The sending half of Session.

#include "gateway/http/session.hpp"

#include "gateway/http/worker.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace innkeeper::http {

using boost::asio::ip::tcp;

std::size_t Session::backlog() const noexcept { return out_.size() + wire_.size() - sent_; }

void Session::park(std::uint64_t request) {
  parked_.push_back(request);
  shared_->in_flight.fetch_sub(1, std::memory_order_relaxed);
}

void Session::respond(std::uint64_t request, Response response) {
  if (std::erase(parked_, request) == 0)
    shared_->in_flight.fetch_sub(1, std::memory_order_relaxed);
  if (closed_) return;
  answer(request, std::move(response));
  if (corked_ || settle_queued_) return;
  settle_queued_ = true;
  worker_->settle_later(shared_from_this());
}

void Session::answer(std::uint64_t request, Response&& response) {
  RequestQueue::Slot* slot = queue_.find(request);
  if (slot == nullptr) return;  // behind a response that ended the connection
  if (slot != &queue_.front()) {
    slot->response = std::move(response);
    return;
  }
  write(slot->facts, response);
  queue_.pop();
  while (!queue_.empty() && queue_.front().response && !ending_) {
    write(queue_.front().facts, *queue_.front().response);
    queue_.pop();
  }
  if (ending_) queue_.clear();
}

void Session::write(const RequestFacts& facts, const Response& response) {
  const bool last = input_done_ && queue_.size() <= 1;
  ResponseShape shape;
  shape.head = facts.head;
  shape.http10 = facts.http10;
  shape.close = last || !facts.keep_alive || response.close;
  worker_->buffers().lend(out_);
  append_response(out_, response, shape, worker_->date_line());
  if (shape.close) {
    ending_ = true;
    input_done_ = true;
  }
}

void Session::settle() {
  if (closed_) return;
  for (;;) {
    if (!flush()) return;
    if (parser_.expects_continue() && !continued_ && queue_.empty() && !input_done_) {
      // Only now: an interim response belongs behind the responses to earlier requests.
      continued_ = true;
      body_since_ = worker_->now();
      append_continue(out_);
      continue;
    }
    if (stalled_ && !input_done_ && may_parse()) {
      process_held();
      continue;
    }
    if (peer_ended_ && !stalled_ && !input_done_) {
      end_input();
      continue;
    }
    break;
  }
  if (input_done_ && queue_.empty() && backlog() == 0) return finish();
  if (queue_.empty()) queue_.shrink();

  const bool reading = !input_done_ && !peer_ended_ && may_parse();
  if (!reading) {
    paused_ = true;
    return arm_error_watch();
  }
  if (paused_) {
    // The client could not go on sending; its time begins anew.
    paused_ = false;
    first_byte_ = body_since_ = worker_->now();
  }
  arm_read();
}

bool Session::flush() {
  BufferPool& buffers = worker_->buffers();
  if (tls_ && !out_.empty()) {
    buffers.lend(wire_);
    if (!tls_->seal(out_, wire_)) {
      close();
      return false;
    }
    buffers.take_back(out_);
  }
  if (write_armed_) return true;
  std::string& pending = tls_ ? wire_ : out_;
  if (pending.empty()) return true;
  while (sent_ < pending.size()) {
    const ssize_t count = ::send(socket_->native_handle(), pending.data() + sent_,
                                 pending.size() - sent_, MSG_NOSIGNAL);
    if (count >= 0) {
      sent_ += static_cast<std::size_t>(count);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      close();
      return false;
    }
    blocked_since_ = worker_->now();
    arm_write();
    return true;
  }
  sent_ = 0;
  buffers.take_back(pending);
  since_ = worker_->now();
  return true;
}

void Session::arm_write() {
  write_armed_ = true;
  socket_->async_wait(tcp::socket::wait_write,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        if (self->closed_) return;
                        if (error) return self->close();
                        self->worker_->tick();
                        // The time for a reader runs until all that waits has gone, so that taking
                        // a byte now and then does not help.
                        const Clock::time_point since = self->blocked_since_;
                        self->write_armed_ = false;
                        if (!self->flush()) return;
                        if (self->write_armed_) {
                          self->blocked_since_ = since;
                          return;
                        }
                        self->settle();
                      });
}

// All is sent. Half-closes and waits for the client to close, for a while.
void Session::finish() {
  if (lingering_) return arm_read();
  if (tls_) {
    tls_->finish(wire_);
    if (!flush()) return;
  }
  if (peer_ended_) return close();
  lingering_ = true;
  since_ = worker_->now();
  ::shutdown(socket_->native_handle(), SHUT_WR);
  worker_->buffers().take_back(in_);
  arm_read();
}

}  // namespace innkeeper::http
