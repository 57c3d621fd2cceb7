#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/gateway/http/heap_bytes.hpp"
#include "tests/gateway/http/http_client.hpp"
#include "tests/gateway/http/test_server.hpp"

using namespace innkeeper::http;
using namespace innkeeper::http::test;
using innkeeper::config::GatewaySettings;
using std::chrono::milliseconds;

namespace {

// Puts the limit on descriptors back.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t soft) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit changed = before_;
    changed.rlim_cur = std::min(soft, before_.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &changed);
  }
  ~DescriptorLimit() { restore(); }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  void restore() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

constexpr milliseconds soon{150};

}  // namespace

TEST_CASE("headers that do not arrive in time get 408") {
  TestServer server([](GatewaySettings& settings) { settings.limits.header_timeout = soon; });
  Client client(server.port());
  client.send(get("/echo") + "GET /echo HT");
  CHECK(client.read_reply()->status == 200);
  const auto reply = client.read_reply();
  CHECK(reply->status == 408);
  CHECK(reply->headers.at("connection") == "close");
  CHECK_FALSE(client.read_reply());
  CHECK(server.counts().refused == std::vector<int>{408});
}

TEST_CASE("a header that comes byte by byte gets no more time") {
  TestServer server([](GatewaySettings& settings) { settings.limits.header_timeout = soon; });
  Client client(server.port());
  client.send("GET /echo HTTP/1.1\r\n");
  const auto begin = std::chrono::steady_clock::now();
  while (!client.readable(milliseconds(10))) {
    client.send("x");
    REQUIRE(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
  }
  CHECK(client.read_reply()->status == 408);
}

TEST_CASE("a body that does not arrive in time gets 408") {
  for (const char* framing :
       {"Content-Length: 100\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    TestServer server([](GatewaySettings& settings) { settings.limits.body_timeout = soon; });
    Client client(server.port());
    client.send(std::string("POST /echo HTTP/1.1\r\nHost: h\r\n") + framing);
    CHECK(client.read_reply()->status == 408);
    CHECK_FALSE(client.read_reply());
    CHECK(server.seen().empty());
  }
}

TEST_CASE("an idle connection is closed without a word, new or used") {
  TestServer server([](GatewaySettings& settings) { settings.limits.idle_timeout = soon; });
  Client fresh(server.port());
  Client used(server.port());
  used.send(get("/echo"));
  CHECK(used.read_reply()->status == 200);
  CHECK(fresh.read_all().empty());
  CHECK(used.read_all().empty());
  CHECK(server.counts().refused.empty());
}

TEST_CASE("no timeout runs while a handler has the request") {
  TestServer server([](GatewaySettings& settings) {
    settings.limits.idle_timeout = settings.limits.header_timeout = settings.limits.body_timeout =
        milliseconds(50);
  });
  Client client(server.port());
  Client witness(server.port());
  client.send(get("/hold"));
  server.wait_for_held(1);
  for (int round = 0; round < 3; ++round) {
    Client idle(server.port());
    CHECK(idle.closed());  // its idle time has passed
  }
  server.release({0});
  CHECK(client.read_reply()->status == 200);
}

TEST_CASE("the limits on header and body are exact on the wire") {
  TestServer server([](GatewaySettings& settings) {
    settings.limits.header_bytes = 500;
    settings.limits.body_bytes = 1000;
  });
  const auto status = [&server](const std::string& bytes) {
    Client client(server.port());
    client.send(bytes);
    return client.read_reply()->status;
  };
  const auto padded = [](std::size_t size) {
    std::string head = "GET /echo HTTP/1.1\r\nHost: h\r\nX: ";
    head.append(size - head.size() - 4, 'x');
    return head + "\r\n\r\n";
  };
  CHECK(status(padded(500)) == 200);
  CHECK(status(padded(501)) == 431);
  CHECK(status(get("/" + std::string(600, 'x'))) == 414);
  CHECK(status(post("/echo", std::string(1000, 'x'))) == 200);
  CHECK(status(post("/echo", std::string(1001, 'x'))) == 413);
}

TEST_CASE("one connection more than allowed is told to come back later") {
  TestServer server([](GatewaySettings& settings) { settings.limits.connections = 3; });
  std::vector<Client> clients;
  for (int index = 0; index < 3; ++index) clients.emplace_back(server.port());
  REQUIRE(server.wait([](const auto& counts) { return counts.opened == 3; }));
  Client refused(server.port());
  refused.send(get("/echo"));
  const auto reply = refused.read_reply();
  REQUIRE(reply);
  CHECK(reply->status == 429);
  CHECK(reply->headers.at("retry-after") == "1");
  CHECK(reply->headers.at("content-type") == "application/json");
  CHECK_FALSE(refused.read_reply());
  CHECK(server.counts().turned_away == std::vector<std::string>{"limit"});
  clients.front().close();
  REQUIRE(server.wait([](const auto& counts) { return counts.closed == 1; }));
  Client next(server.port());
  next.send(get("/echo"));
  CHECK(next.read_reply()->status == 200);
  CHECK(server.seen().size() == 1);
}

TEST_CASE("a crowd over the limit on connections is closed") {
  TestServer server([](GatewaySettings& settings) { settings.limits.connections = 1; });
  Client first(server.port());
  std::vector<Client> crowd;
  for (int index = 0; index < 200; ++index) crowd.emplace_back(server.port());
  for (Client& client : crowd) CHECK(client.closed());
  first.send(get("/echo"));
  CHECK(first.read_reply()->status == 200);
}

TEST_CASE("more requests in flight than allowed get 429 and the connection lives on") {
  TestServer server([](GatewaySettings& settings) { settings.limits.in_flight = 2; });
  Client first(server.port());
  Client second(server.port());
  first.send(get("/hold/a") + get("/hold/b"));
  server.wait_for_held(2);
  second.send(get("/echo"));
  const auto refused = second.read_reply();
  CHECK(refused->status == 429);
  CHECK(refused->headers.at("retry-after") == "1");
  server.release({0, 1});
  CHECK(first.read_reply()->status == 200);
  CHECK(first.read_reply()->status == 200);
  second.send(get("/echo"));
  CHECK(second.read_reply()->status == 200);
  CHECK(server.counts().refused == std::vector<int>{429});
}

TEST_CASE("requests of clients that are gone count as in flight until they are answered") {
  TestServer server([](GatewaySettings& settings) { settings.limits.in_flight = 1; });
  Client gone(server.port());
  gone.send(get("/hold"));
  server.wait_for_held(1);
  gone.reset();
  REQUIRE(server.wait([](const auto& counts) { return counts.closed == 1; }));
  Client client(server.port());
  client.send(get("/echo"));
  CHECK(client.read_reply()->status == 429);
  server.release({0});
  client.send(get("/echo"));
  CHECK(client.read_reply()->status == 200);
}

TEST_CASE("a slow reader stops being read, and is closed when it takes too long") {
  TestServer server(
      [](GatewaySettings& settings) { settings.limits.body_timeout = milliseconds(500); });
  Client client(server.port(), 4096);
  std::string requests;
  for (int index = 0; index < 200; ++index) requests += get("/big");
  client.send(requests);
  REQUIRE(server.wait([](const auto& counts) { return counts.closed == 1; }));
  // What the kernel's buffers took, and the few more that make the high water.
  CHECK(server.seen().size() < 20);
}

TEST_CASE("a reader that is slow but comes to it gets everything") {
  TestServer server;
  Client client(server.port(), 4096);
  std::string requests;
  for (int index = 0; index < 40; ++index) requests += get("/big");
  client.send(requests + get("/echo"));
  for (int index = 0; index < 40; ++index) {
    const auto reply = client.read_reply();
    REQUIRE(reply);
    REQUIRE(reply->body.size() == 1024 * 1024);
  }
  CHECK(client.read_reply()->body == "GET /echo  ");
}

TEST_CASE("two thousand idle connections take little memory, and a new request is served at once") {
  DescriptorLimit enough(8192);
  TestServer server;
  constexpr int count = 2000;
  std::vector<Client> clients;
  clients.reserve(count);
  {
    Client warm(server.port());
    warm.send(get("/echo"));
    REQUIRE(warm.read_reply());
  }
  const std::size_t before = heap_bytes();
  for (int index = 0; index < count; ++index) {
    clients.emplace_back(server.port());
    // A used connection that has become idle, which is what keep-alive leaves behind.
    clients.back().send(get("/echo", "X-Filler: " + std::string(2000, 'x') + "\r\n"));
    REQUIRE(clients.back().read_reply()->status == 200);
  }
  server.settle();
  const std::size_t after = heap_bytes();
  const std::size_t each = (after - before) / count;
  WARN("bytes per idle connection, the test's own record included: " << each);
  CHECK(each < 6 * 1024);
  Client fresh(server.port());
  const auto begin = std::chrono::steady_clock::now();
  fresh.send(get("/echo"));
  CHECK(fresh.read_reply()->status == 200);
  CHECK(std::chrono::steady_clock::now() - begin < milliseconds(500));
}

// The undefined behaviour sanitizer needs a descriptor of its own to look at a type for the first time, so this
// runs in the other builds.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE(
    "a server without descriptors turns a client away, rests, and goes on when there are some") {
  TestServer server;
  {
    // Everything that the server does for a client has been done once: the undefined behaviour sanitizer
    // needs a descriptor to look at a type for the first time.
    Client first(server.port());
    first.send(get("/echo"));
    CHECK(first.read_reply()->status == 200);
  }
  REQUIRE(server.wait([](const auto& counts) { return counts.closed == counts.opened; }));
  const int lowest_free = ::dup(0);
  REQUIRE(lowest_free >= 0);
  ::close(lowest_free);
  // One more descriptor can be had: the next client takes it, and the server's end of it gets none.
  DescriptorLimit none(static_cast<rlim_t>(lowest_free) + 1);
  Client crowded(server.port());
  REQUIRE(server.wait([](const auto& counts) { return !counts.turned_away.empty(); }));
  CHECK(server.counts().turned_away.front() == "descriptors");
  CHECK(crowded.closed());
  CHECK(server.counts().turned_away.size() == 1);
  none.restore();
  Client next(server.port());
  next.send(get("/echo"));
  CHECK(next.read_reply()->status == 200);
  CHECK(server.server().serving());
}
#endif
