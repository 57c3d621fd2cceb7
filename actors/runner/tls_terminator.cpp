#include "actors/runner/tls_terminator.hpp"

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>

#include <array>

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

namespace innkeeper::runner {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr std::size_t buffer_bytes = 16 * 1024;
// When no descriptor is left, accepting again at once would only burn CPU.
constexpr auto accept_pause = std::chrono::milliseconds(100);

domain::Error failure(domain::ErrorCode code, std::string what) {
  return domain::Error{.code = code, .message = std::move(what), .field = {}};
}

// One client. Everything runs on the terminator's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket client, ssl::context& context, const TlsTerminator::Limits& limits,
             std::uint16_t local_port, std::shared_ptr<std::size_t> count)
      : client_(std::move(client), context),
        server_(client_.get_executor()),
        timer_(client_.get_executor()),
        limits_(limits),
        local_port_(local_port),
        count_(std::move(count)) {
    ++*count_;
  }
  ~Connection() { --*count_; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void run() {
    expire_after(limits_.handshake);
    client_.async_handshake(ssl::stream_base::server, [self = shared_from_this()](ErrorCode error) {
      if (error) return self->close();
      self->connect();
    });
  }

  void close() {
    ErrorCode ignored;
    timer_.cancel(ignored);
    client_.lowest_layer().close(ignored);
    server_.close(ignored);
  }

 private:
  void connect() {
    server_.async_connect({asio::ip::address_v4::loopback(), local_port_},
                          [self = shared_from_this()](ErrorCode error) {
                            if (error) return self->close();
                            ErrorCode ignored;
                            self->server_.set_option(tcp::no_delay(true), ignored);
                            self->client_.lowest_layer().set_option(tcp::no_delay(true), ignored);
                            self->expire_after(self->limits_.idle);
                            self->read_client();
                            self->read_server();
                          });
  }

  void read_client() {
    client_.async_read_some(
        asio::buffer(from_client_), [self = shared_from_this()](ErrorCode error, std::size_t n) {
          if (error == asio::error::eof) {
            ErrorCode ignored;
            self->server_.shutdown(tcp::socket::shutdown_send, ignored);
            return;
          }
          // A client that is cut off without close_notify must not look like one that has said all.
          if (error) return self->closing_ ? void() : self->close();
          self->expire_after(self->limits_.idle);
          asio::async_write(self->server_, asio::buffer(self->from_client_.data(), n),
                            [self](ErrorCode failed, std::size_t) {
                              if (failed) return self->closing_ ? void() : self->close();
                              self->read_client();
                            });
        });
  }

  void read_server() {
    server_.async_read_some(
        asio::buffer(from_server_), [self = shared_from_this()](ErrorCode error, std::size_t n) {
          if (error == asio::error::eof) return self->say_goodbye();
          if (error) return self->close();
          self->expire_after(self->limits_.idle);
          asio::async_write(self->client_, asio::buffer(self->from_server_.data(), n),
                            [self](ErrorCode failed, std::size_t) {
                              if (failed) return self->close();
                              self->read_server();
                            });
        });
  }

  void say_goodbye() {
    closing_ = true;
    expire_after(limits_.closing);
    client_.async_shutdown([self = shared_from_this()](ErrorCode) { self->close(); });
  }

  void expire_after(domain::Duration duration) {
    timer_.expires_after(duration);
    timer_.async_wait([weak = weak_from_this()](ErrorCode error) {
      if (error) return;
      if (const auto self = weak.lock()) self->close();
    });
  }

  ssl::stream<tcp::socket> client_;
  tcp::socket server_;
  asio::steady_timer timer_;
  const TlsTerminator::Limits& limits_;
  std::uint16_t local_port_;
  std::shared_ptr<std::size_t> count_;
  bool closing_ = false;
  std::array<char, buffer_bytes> from_client_{};
  std::array<char, buffer_bytes> from_server_{};
};

}  // namespace

struct TlsTerminator::State {
  struct Port {
    explicit Port(asio::io_context& io) : acceptor(io), pause(io) {}
    tcp::acceptor acceptor;
    asio::steady_timer pause;
    std::uint16_t local_port = 0;
    std::list<std::weak_ptr<Connection>> connections;
  };

  explicit State(const Limits& its_limits)
      : limits(its_limits), context(ssl::context::tls_server), work(asio::make_work_guard(io)) {}

  void accept(const std::shared_ptr<Port>& port) {
    port->acceptor.async_accept([this, port](ErrorCode error, tcp::socket socket) {
      if (error == asio::error::operation_aborted || !port->acceptor.is_open()) return;
      if (error) {
        port->pause.expires_after(accept_pause);
        port->pause.async_wait([this, port](ErrorCode failed) {
          if (!failed && port->acceptor.is_open()) accept(port);
        });
        return;
      }
      port->connections.remove_if([](const auto& weak) { return weak.expired(); });
      if (*count < limits.connections) {
        const auto connection = std::make_shared<Connection>(std::move(socket), context, limits,
                                                             port->local_port, count);
        port->connections.push_back(connection);
        connection->run();
      }
      accept(port);
    });
  }

  static void shut(Port& port) {
    ErrorCode ignored;
    port.acceptor.close(ignored);
    port.pause.cancel(ignored);
    for (const auto& weak : port.connections) {
      if (const auto connection = weak.lock()) connection->close();
    }
  }

  Limits limits;
  asio::io_context io{1};
  ssl::context context;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  std::shared_ptr<std::size_t> count = std::make_shared<std::size_t>(0);
  std::mutex mutex;  // guards ports
  std::unordered_map<std::uint16_t, std::shared_ptr<Port>> ports;
  std::thread thread;
};

TlsTerminator::TlsTerminator(std::shared_ptr<State> state) : state_(std::move(state)) {}

domain::Result<std::unique_ptr<TlsTerminator>> TlsTerminator::open(const TlsFiles& files,
                                                                   const Limits& limits) {
  auto state = std::make_shared<State>(limits);
  ErrorCode error;
  state->context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                                 ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                                 ssl::context::no_tlsv1_1 | ssl::context::single_dh_use,
                             error);
  if (!error) state->context.use_certificate_chain_file(files.cert_file, error);
  if (error) {
    return failure(domain::ErrorCode::invalid, files.cert_file + ": " + error.message());
  }
  state->context.use_private_key_file(files.key_file, ssl::context::pem, error);
  if (error) return failure(domain::ErrorCode::invalid, files.key_file + ": " + error.message());
  state->thread = std::thread([raw = state.get()] { raw->io.run(); });
  return std::unique_ptr<TlsTerminator>(new TlsTerminator(std::move(state)));
}

TlsTerminator::~TlsTerminator() {
  asio::post(state_->io, [state = state_] {
    const std::lock_guard lock(state->mutex);
    for (const auto& [number, port] : state->ports) State::shut(*port);
    state->ports.clear();
    state->work.reset();
  });
  state_->thread.join();
}

domain::Result<void> TlsTerminator::add(std::uint16_t public_port, std::uint16_t local_port) {
  auto port = std::make_shared<State::Port>(state_->io);
  port->local_port = local_port;
  ErrorCode error;
  // One socket for both address families, or IPv4 alone where there is no IPv6.
  tcp::endpoint endpoint(tcp::v6(), public_port);
  port->acceptor.open(endpoint.protocol(), error);
  if (error) {
    endpoint = tcp::endpoint(tcp::v4(), public_port);
    error.clear();
    port->acceptor.open(endpoint.protocol(), error);
  } else {
    port->acceptor.set_option(asio::ip::v6_only(false), error);
  }
  if (!error) port->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) port->acceptor.bind(endpoint, error);
  if (!error) port->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return failure(
        domain::ErrorCode::refused,
        "could not listen on port " + std::to_string(public_port) + " for TLS: " + error.message());
  }
  {
    const std::lock_guard lock(state_->mutex);
    state_->ports[public_port] = port;
  }
  asio::post(state_->io, [state = state_, port] { state->accept(port); });
  return {};
}

void TlsTerminator::remove(std::uint16_t public_port) {
  asio::post(state_->io, [state = state_, public_port] {
    const std::lock_guard lock(state->mutex);
    const auto found = state->ports.find(public_port);
    if (found == state->ports.end()) return;
    State::shut(*found->second);
    state->ports.erase(found);
  });
}

}  // namespace innkeeper::runner
