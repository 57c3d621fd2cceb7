#include <catch2/catch.hpp>

#include <fcntl.h>

#include <dirent.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <string>
#include <vector>

#include "tests/gateway/http/bad_requests.hpp"
#include "tests/gateway/http/http_client.hpp"
#include "tests/gateway/http/test_server.hpp"

using namespace innkeeper::http;
using namespace innkeeper::http::test;
using std::chrono::milliseconds;

TEST_CASE("a connection is kept alive for many requests") {
  TestServer server;
  Client client(server.port());
  for (int round = 0; round < 3; ++round) {
    client.send(post("/echo?q", "body"));
    const auto reply = client.read_reply();
    REQUIRE(reply);
    CHECK(reply->status == 200);
    CHECK(reply->body == "POST /echo q body");
    CHECK(reply->headers.count("connection") == 0);
    CHECK(reply->headers.count("date") == 1);
  }
  CHECK(server.counts().opened == 1);
}

TEST_CASE("pipelined requests are answered in their order although handlers answer in reverse") {
  TestServer server;
  Client client(server.port());
  std::string bytes;
  std::vector<std::size_t> reverse;
  for (std::size_t index = 0; index < 20; ++index) {
    bytes += get("/hold/" + std::to_string(index));
    reverse.insert(reverse.begin(), index);
  }
  client.send(bytes + get("/echo"));
  server.release(reverse);
  for (std::size_t index = 0; index < 20; ++index) {
    const auto reply = client.read_reply();
    REQUIRE(reply);
    CHECK(reply->body == "/hold/" + std::to_string(index));
  }
  CHECK(client.read_reply()->body == "GET /echo  ");
}

TEST_CASE("no more than a queue's worth of pipelined requests is under way") {
  TestServer server;
  Client client(server.port());
  std::string bytes;
  for (std::size_t index = 0; index < 100; ++index) bytes += get("/hold/" + std::to_string(index));
  client.send(bytes);
  server.wait_for_held(32);
  server.settle();
  CHECK(server.seen().size() == 32);
  server.release({5, 0});
  for (int expected : {0}) CHECK(client.read_reply()->body == "/hold/" + std::to_string(expected));
  server.wait_for_held(33);
  server.settle();
  CHECK(server.seen().size() == 33);
  std::vector<std::size_t> rest;
  for (std::size_t index = 1; index < 33; ++index) rest.push_back(index);
  server.release(rest);
  server.wait_for_held(65);
  rest.clear();
  for (std::size_t index = 33; index < 65; ++index) rest.push_back(index);
  server.release(rest);
  server.wait_for_held(97);
  rest.clear();
  for (std::size_t index = 65; index < 97; ++index) rest.push_back(index);
  server.release(rest);
  server.wait_for_held(100);
  server.release({97, 98, 99});
  for (std::size_t index = 1; index < 100; ++index) {
    CHECK(client.read_reply()->body == "/hold/" + std::to_string(index));
  }
}

TEST_CASE("HEAD is answered without a body, 204 without a type") {
  TestServer server;
  Client client(server.port());
  client.send("HEAD /echo HTTP/1.1\r\nHost: h\r\n\r\n" + get("/empty") + get("/echo"));
  const auto head = client.read_reply(true);
  CHECK(head->headers.at("content-length") == "12");
  const auto empty = client.read_reply();
  CHECK(empty->status == 204);
  CHECK(empty->headers.count("content-type") == 0);
  CHECK(empty->headers.count("content-length") == 0);
  CHECK(client.read_reply()->body == "GET /echo  ");
}

TEST_CASE("Connection: close ends the connection, and what follows is not read") {
  TestServer server;
  Client client(server.port());
  client.send(get("/echo", "Connection: close\r\n") + get("/after"));
  const auto reply = client.read_reply();
  CHECK(reply->headers.at("connection") == "close");
  CHECK_FALSE(client.read_reply());
  CHECK(server.seen() == std::vector<std::string>{"/echo"});
}

TEST_CASE("HTTP/1.0 closes unless the client asks to be kept") {
  TestServer server;
  {
    Client client(server.port());
    client.send("GET /echo HTTP/1.0\r\n\r\n");
    CHECK(client.read_reply()->headers.at("connection") == "close");
    CHECK_FALSE(client.read_reply());
  }
  Client client(server.port());
  for (int round = 0; round < 2; ++round) {
    client.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(client.read_reply()->headers.at("connection") == "keep-alive");
  }
}

TEST_CASE("a client that half-closes still gets its answers") {
  TestServer server;
  Client client(server.port());
  client.send(get("/hold/a") + get("/hold/b"));
  client.shutdown_write();
  server.wait_for_held(2);
  server.release({1, 0});
  CHECK(client.read_reply()->body == "/hold/a");
  CHECK(client.read_reply()->body == "/hold/b");
  CHECK_FALSE(client.read_reply());
  CHECK(server.wait([](const auto& counts) { return counts.closed == 1; }));
}

TEST_CASE("a client that ends inside of a request is told so") {
  for (const std::string& bytes :
       {std::string("GET /echo HT"),
        std::string("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")}) {
    TestServer server;
    Client client(server.port());
    client.send(bytes);
    client.shutdown_write();
    CHECK(client.read_reply()->status == 400);
    CHECK_FALSE(client.read_reply());
    CHECK(server.seen().empty());
  }
}

TEST_CASE("a client that is gone is known to be, and answering it does nothing") {
  TestServer server;
  Client client(server.port());
  client.send(get("/hold/a") + get("/hold/b"));
  server.wait_for_held(2);
  CHECK_FALSE(server.gone(0));
  client.reset();
  REQUIRE(server.wait([](const auto& counts) { return counts.closed == 1; }));
  CHECK(server.gone(0));
  server.release({1, 0});
  server.settle();
}

TEST_CASE("a client that is gone is noticed also after its last request") {
  TestServer server;
  Client client(server.port());
  client.send(get("/hold", "Connection: close\r\n"));
  server.wait_for_held(1);
  client.reset();
  REQUIRE(server.wait([](const auto& counts) { return counts.closed == 1; }));
  CHECK(server.gone(0));
}

TEST_CASE("a handler that drops its responder or throws answers 500") {
  TestServer server;
  Client client(server.port());
  client.send(get("/drop") + get("/throw") + get("/echo"));
  CHECK(client.read_reply()->status == 500);
  CHECK(client.read_reply()->status == 500);
  CHECK(client.read_reply()->status == 200);
}

TEST_CASE("a responder may outlive the server") {
  std::vector<Responder> kept;
  innkeeper::config::GatewaySettings settings;
  settings.listen.port = 0;
  settings.threads = 1;
  {
    Server server(settings, {});
    std::promise<void> arrived;
    server.set_handler(0, [&](Request&&, Responder respond) {
      kept.push_back(std::move(respond));
      arrived.set_value();
    });
    REQUIRE(server.start());
    Client client(server.port());
    client.send(get("/"));
    arrived.get_future().get();
    server.shutdown(milliseconds(0));
    CHECK(client.closed());
  }
  CHECK(kept.front().client_gone());
  kept.front()({});
}

TEST_CASE("100 Continue is sent once, behind the answers to earlier requests") {
  TestServer server;
  Client client(server.port());
  client.send(
      get("/hold") +
      "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n");
  server.wait_for_held(1);
  server.release({0});
  CHECK(client.read_reply()->body == "/hold");
  CHECK(client.read_reply()->status == 100);
  client.send("bo");
  client.send("dy");
  CHECK(client.read_reply()->body == "POST /echo  body");
  // Who sends the body at once does not need it.
  client.send(
      "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody");
  CHECK(client.read_reply()->status == 200);
  // Nor is a body invited that would be refused.
  client.send(
      "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: "
      "999999999\r\n\r\n");
  CHECK(client.read_reply()->status == 413);
  CHECK_FALSE(client.read_reply());
}

TEST_CASE(
    "every malformed request gets the JSON error and a closed connection, and nothing is "
    "smuggled") {
  TestServer server;
  for (const BadRequest& bad : bad_requests()) {
    INFO(bad.name);
    Client client(server.port());
    client.send(get("/echo") + bad.bytes + get("/smuggled"));
    CHECK(client.read_reply()->status == 200);
    const auto reply = client.read_reply();
    REQUIRE(reply);
    CHECK(reply->status == bad.status);
    CHECK(reply->headers.at("content-type") == "application/json");
    CHECK(reply->headers.at("connection") == "close");
    CHECK(reply->body.compare(0, 12, "{\"message\":\"") == 0);
    CHECK_FALSE(client.read_reply());
  }
  CHECK(server.counts().refused.size() == bad_requests().size());
  for (const std::string& path : server.seen()) CHECK(path == "/echo");
}

TEST_CASE("an error waits its turn behind earlier requests") {
  TestServer server;
  Client client(server.port());
  client.send(get("/hold") + "BAD\r\n\r\n");
  REQUIRE(server.wait([](const auto& counts) { return counts.refused.size() == 1; }));
  server.release({0});
  CHECK(client.read_reply()->body == "/hold");
  CHECK(client.read_reply()->status == 400);
  CHECK_FALSE(client.read_reply());
}

TEST_CASE("an answer to a request that is too large arrives although the client is still sending") {
  TestServer server;
  Client client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 600000\r\n\r\n");
  client.send(std::string(600'000, 'x'));
  CHECK(client.read_reply()->status == 413);
  CHECK_FALSE(client.read_reply());
}

TEST_CASE("sockets are closed in programs that the process starts") {
  TestServer server;
  Client client(server.port());
  client.send(get("/echo"));
  REQUIRE(client.read_reply());
  // Every descriptor of this process that is a socket, an epoll or a timer.
  DIR* directory = ::opendir("/proc/self/fd");
  REQUIRE(directory != nullptr);
  int sockets = 0;
  while (const dirent* entry = ::readdir(directory)) {
    const int fd = std::atoi(entry->d_name);
    std::string target(64, '\0');
    const ssize_t size = ::readlink((std::string("/proc/self/fd/") + entry->d_name).c_str(),
                                    target.data(), target.size());
    if (size <= 0 || fd <= 2) continue;
    target.resize(static_cast<std::size_t>(size));
    if (target.find("socket:") == std::string::npos &&
        target.find("anon_inode:") == std::string::npos)
      continue;
    INFO(target);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    ++sockets;
  }
  ::closedir(directory);
  CHECK(sockets >= 4);
}
