#include <cstdlib>
#include <memory>
#include <string>

#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "actors/runner/files.hpp"
#include "tests/runner/world.hpp"

namespace innkeeper::runner::testing {
namespace {

// A certificate of our own for "localhost".
TlsFiles make_certificate(const std::string& folder) {
  const TlsFiles files{folder + "/cert.pem", folder + "/key.pem"};
  const auto command =
      "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout " +
      files.key_file + " -out " + files.cert_file + " 2>/dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
  return files;
}

// A client that trusts that certificate alone. OpenSSL itself, because it can close one direction.
class Client {
 public:
  Client(const TlsFiles& files, std::uint16_t port)
      : context_(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free) {
    REQUIRE(::SSL_CTX_load_verify_locations(context_.get(), files.cert_file.c_str(), nullptr) == 1);
    ::SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    socket_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    ssl_.reset(::SSL_new(context_.get()));
    ::SSL_set_fd(ssl_.get(), socket_.get());
    REQUIRE(::SSL_connect(ssl_.get()) == 1);
  }
  void send(const std::string& text) {
    CHECK(::SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) ==
          static_cast<int>(text.size()));
  }
  void close_sending() { ::SSL_shutdown(ssl_.get()); }
  // What comes until the line (or the connection) ends.
  std::string receive_line() {
    std::string line;
    char c = 0;
    int n = 0;
    while ((n = ::SSL_read(ssl_.get(), &c, 1)) == 1) {
      line.push_back(c);
      if (c == '\n') return line;
    }
    ended_in_order_ = ::SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN;
    return line;
  }
  [[nodiscard]] bool ended_in_order() const { return ended_in_order_; }

 private:
  std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context_;
  UniqueFd socket_;
  std::unique_ptr<SSL, decltype(&::SSL_free)> ssl_{nullptr, ::SSL_free};
  bool ended_in_order_ = false;
};

Order tls_order(std::uint64_t number) {
  auto order = echo_order(number);
  order.spec.default_port.transport = domain::Transport::tls;
  return order;
}

}  // namespace

TEST_CASE("the host terminates TLS in front of a process, also after it was adopted") {
  TemporaryFolder folder;
  const auto files = make_certificate(folder.path());
  World world([&](RunnerOptions& options) { options.tls = files; });
  world.start(tls_order(1));
  const auto running = world.wait_phase(process_id(1), Phase::running);
  REQUIRE(running);
  CHECK(running->ports.at(0).transport == domain::Transport::tls);
  const auto port = running->ports[0].port;
  for (int i = 0; i < 2; ++i) {
    Client client(files, port);
    client.send("hello\n");
    CHECK(client.receive_line() == "hello\n");
    client.send("env PORT\n");
    const auto local = client.receive_line();
    CHECK(local != std::to_string(port) + "\n");
    client.send("env HATHORA_DEFAULT_PORT\n");
    CHECK(client.receive_line() == std::to_string(port) + "\n");
    const std::string large(50'000, 'x');
    client.send(large + "\n");
    CHECK(client.receive_line() == large + "\n");
    if (i == 0) world.reopen();
  }
  world.watch(process_id(1));
  Client client(files, port);
  client.send("quit\n");
  CHECK(client.receive_line().empty());
  CHECK(client.ended_in_order());
  CHECK(world.wait_phase(process_id(1), Phase::ended));
  CHECK(eventually([&] { return ask_tcp(port, "hello").empty(); }));
}

TEST_CASE("a TLS client that has said all still gets its answer") {
  TemporaryFolder folder;
  const auto files = make_certificate(folder.path());
  World world([&](RunnerOptions& options) { options.tls = files; });
  auto order = tls_order(1);
  // Answers only when the client has closed its direction.
  order.spec.command = {"python3", "-c",
                        "import os, socket\n"
                        "s = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))\n"
                        "while True:\n"
                        "  c, _ = s.accept()\n"
                        "  n = 0\n"
                        "  while data := c.recv(4096): n += len(data)\n"
                        "  c.sendall(b'%d\\n' % n)\n"
                        "  c.close()\n"};
  if (const char* path = std::getenv("PATH")) order.spec.env["PATH"] = path;
  world.start(order);
  const auto running = world.wait_phase(process_id(1), Phase::running);
  REQUIRE(running);
  Client client(files, running->ports.at(0).port);
  client.send("12345");
  client.close_sending();
  CHECK(client.receive_line() == "5\n");
}

TEST_CASE("whoever does not speak TLS is sent away, and the port goes on serving") {
  TemporaryFolder folder;
  const auto files = make_certificate(folder.path());
  World world([&](RunnerOptions& options) { options.tls = files; });
  world.start(tls_order(1));
  const auto running = world.wait_phase(process_id(1), Phase::running);
  REQUIRE(running);
  CHECK(ask_tcp(running->ports[0].port, "GET / HTTP/1.1").find("HTTP") == std::string::npos);
  Client client(files, running->ports[0].port);
  client.send("hello\n");
  CHECK(client.receive_line() == "hello\n");
}

TEST_CASE("without certificate there is no TLS, and a bad one is refused by its name") {
  World world;
  world.start(tls_order(1));
  const auto ended = world.wait_phase(process_id(1), Phase::ended);
  REQUIRE(ended);
  CHECK(ended->exit_reason == domain::ExitReason::start_failed);
  CHECK(ended->exit_summary ==
        "transport \"tls\" needs [host.tls] cert_file and key_file on this host");

  TemporaryFolder folder;
  auto options = options_in(folder.path());
  options.tls = TlsFiles{"/nowhere/cert.pem", "/nowhere/key.pem"};
  const auto opened = Runner::open(options);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().message.rfind("/nowhere/cert.pem: ", 0) == 0);
}

}  // namespace innkeeper::runner::testing
