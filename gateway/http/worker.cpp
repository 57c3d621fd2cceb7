#include "gateway/http/worker.hpp"

#include "gateway/http/session.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include <boost/asio/post.hpp>

namespace innkeeper::http {
namespace {

// Connections over the limit that are told so; beyond these they are just closed.
constexpr std::size_t refused_sessions_max = 64;

Worker::Clock::duration sweep_interval(const config::GatewayLimits& limits) {
  const auto shortest = std::min({limits.header_timeout, limits.body_timeout, limits.idle_timeout});
  return std::clamp<domain::Duration>(shortest / 4, std::chrono::milliseconds(10),
                                      std::chrono::milliseconds(250));
}

}  // namespace

Worker::Worker(std::shared_ptr<ServerShared> shared)
    : shared_(std::move(shared)),
      context_(1),
      work_(context_.get_executor()),
      listener_(
          context_, [this](AcceptedSocket accepted) { accept(std::move(accepted)); },
          [this](std::string_view reason) {
            if (shared_->hooks.connection_refused) shared_->hooks.connection_refused(reason);
          }),
      sweep_timer_(context_),
      sweep_interval_(sweep_interval(shared_->settings.limits)) {}

Worker::~Worker() = default;

void Worker::listen(int socket, bool ipv6) { listener_.start(UniqueFd(socket), ipv6); }

void Worker::run() { context_.run(); }

void Worker::stop() { context_.stop(); }

std::string_view Worker::date_line() { return date_.at(std::time(nullptr)); }

void Worker::accept(AcceptedSocket accepted) {
  using boost::asio::ip::tcp;
  tick();
  const int on = 1;
  ::setsockopt(accepted.socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::size_t limit = shared_->settings.limits.connections;
  const bool counted = shared_->connections.fetch_add(1, std::memory_order_relaxed) < limit;
  if (!counted) {
    shared_->connections.fetch_sub(1, std::memory_order_relaxed);
    if (shared_->hooks.connection_refused) shared_->hooks.connection_refused("limit");
    // Over TLS nothing can be said before a handshake, which is too much effort here.
    if (shared_->tls || refused_ >= refused_sessions_max) return;
    ++refused_;
  }
  tcp::socket socket(context_);
  boost::system::error_code error;
  socket.assign(accepted.ipv6 ? tcp::v6() : tcp::v4(), accepted.socket.get(), error);
  if (error) {
    counted ? shared_->connections.fetch_sub(1, std::memory_order_relaxed) : --refused_;
    return;
  }
  (void)accepted.socket.release();
  const auto session =
      std::make_shared<Session>(*this, std::move(socket), std::move(accepted.peer), counted);
  add(*session);
  if (counted) {
    if (shared_->hooks.connection_opened) shared_->hooks.connection_opened();
    session->start();
  } else {
    session->refuse();
  }
}

void Worker::add(Session& session) {
  session.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &session;
  first_ = &session;
  if (!sweeping_) arm_sweep();
}

void Worker::remove(Session& session, bool counted) {
  (session.previous_ != nullptr ? session.previous_->next_ : first_) = session.next_;
  if (session.next_ != nullptr) session.next_->previous_ = session.previous_;
  session.previous_ = session.next_ = nullptr;
  if (counted) {
    shared_->connections.fetch_sub(1, std::memory_order_relaxed);
    if (shared_->hooks.connection_closed) shared_->hooks.connection_closed();
  } else {
    --refused_;
  }
  report_drained();
}

void Worker::arm_sweep() {
  sweeping_ = true;
  sweep_timer_.expires_after(sweep_interval_);
  sweep_timer_.async_wait([this](const boost::system::error_code& error) {
    sweeping_ = false;
    if (!error) sweep();
  });
}

void Worker::sweep() {
  tick();
  for (Session* session = first_; session != nullptr;) {
    Session* next = session->next_;
    session->expire(now_);  // may close it, and no other
    session = next;
  }
  if (first_ != nullptr) arm_sweep();
}

void Worker::settle_later(std::shared_ptr<Session> session) {
  unsettled_.push_back(std::move(session));
  if (settle_posted_) return;
  settle_posted_ = true;
  boost::asio::post(context_, [this] { settle_queued(); });
}

void Worker::settle_queued() {
  settle_posted_ = false;
  tick();
  settling_.swap(unsettled_);
  for (const auto& session : settling_) {
    session->settle_queued_ = false;
    session->settle();
  }
  settling_.clear();
}

void Worker::drain() {
  listener_.stop();
  draining_ = true;
  tick();
  for (Session* session = first_; session != nullptr;) {
    Session* next = session->next_;
    session->drain();
    session = next;
  }
  report_drained();
}

void Worker::close_all() {
  while (first_ != nullptr) first_->close();
}

void Worker::report_drained() {
  if (!draining_ || drained_ || first_ != nullptr) return;
  drained_ = true;
  const std::lock_guard lock(shared_->drain_mutex);
  --shared_->workers_open;
  shared_->drained.notify_all();
}

}  // namespace innkeeper::http
