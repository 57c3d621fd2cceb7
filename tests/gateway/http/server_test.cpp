#include <catch2/catch.hpp>

#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/gateway/http/http_client.hpp"
#include "tests/gateway/http/test_server.hpp"

using namespace innkeeper::http;
using namespace innkeeper::http::test;
using innkeeper::config::GatewaySettings;
using std::chrono::milliseconds;

TEST_CASE("a server that is shut down finishes what is in flight and says so") {
  TestServer server;
  CHECK(server.server().serving());
  Client busy(server.port());
  Client idle(server.port());
  Client partial(server.port());
  busy.send(get("/hold/a") + get("/hold/b"));
  partial.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
  server.wait_for_held(2);
  REQUIRE(server.wait([](const auto& counts) { return counts.opened == 3; }));
  server.settle();
  auto down =
      std::async(std::launch::async, [&] { return server.server().shutdown(milliseconds(10'000)); });
  CHECK_FALSE(idle.read_reply());  // at once
  CHECK_FALSE(server.server().serving());
  CHECK_THROWS(Client(server.port()));
  server.release({1, 0});
  CHECK(busy.read_reply()->headers.count("connection") == 0);
  CHECK(busy.read_reply()->headers.at("connection") == "close");
  CHECK_FALSE(busy.read_reply());
  partial.send("dy");
  const auto reply = partial.read_reply();
  CHECK(reply->body == "POST /echo  body");
  CHECK(reply->headers.at("connection") == "close");
  busy.close();
  partial.close();
  CHECK(down.get());
  CHECK(server.counts().closed == 3);
}

TEST_CASE("a request that was sent before the shutdown is answered") {
  for (int round = 0; round < 20; ++round) {
    TestServer server;
    Client client(server.port());
    client.send(get("/echo"));
    REQUIRE(client.read_reply());
    client.send(get("/echo"));
    auto down =
        std::async(std::launch::async, [&] { server.server().shutdown(milliseconds(10'000)); });
    REQUIRE(client.read_reply());
    CHECK_FALSE(client.read_reply());
    client.close();
    down.get();
  }
}

TEST_CASE("after the grace a shutdown closes what is left") {
  TestServer server;
  Client client(server.port());
  client.send(get("/hold"));
  server.wait_for_held(1);
  CHECK_FALSE(server.server().shutdown(milliseconds(50)));
  CHECK_FALSE(client.read_reply());
  CHECK(server.gone(0));  // the worker still runs
  server.release({0});
  server.settle();
}

TEST_CASE("an address that is taken is an error that names it") {
  TestServer first;
  GatewaySettings settings;
  settings.listen = {"127.0.0.1", first.port()};
  settings.threads = 2;
  Server second(settings, {});
  const auto started = second.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code == innkeeper::domain::ErrorCode::unavailable);
  CHECK(started.error().message.find("127.0.0.1:" + std::to_string(first.port())) !=
        std::string::npos);
  CHECK_FALSE(second.serving());
}

TEST_CASE("an address that is none is an error that names it") {
  GatewaySettings settings;
  settings.listen = {"999.1.1.1", 0};
  Server server(settings, {});
  const auto started = server.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().message.find("999.1.1.1") != std::string::npos);
}

TEST_CASE("workers share one port and each serves") {
  TestServer server([](GatewaySettings& settings) { settings.threads = 3; });
  CHECK(server.server().worker_count() == 3);
  std::vector<Client> clients;
  for (int index = 0; index < 60; ++index) clients.emplace_back(server.port());
  for (Client& client : clients) client.send(get("/echo"));
  for (Client& client : clients) CHECK(client.read_reply()->status == 200);
  CHECK(server.counts().opened == 60);
}

TEST_CASE("the peer's address and the arrival are told") {
  GatewaySettings settings;
  settings.listen = {"::", 0};
  settings.threads = 1;
  Server server(settings, {});
  std::promise<Request> arrived;
  server.set_handler(0, [&](Request&& request, Responder respond) {
    arrived.set_value(std::move(request));
    respond({});
  });
  REQUIRE(server.start());
  const auto before = std::chrono::steady_clock::now();
  Client client(server.port());
  client.send(get("/"));
  const Request request = arrived.get_future().get();
  CHECK(request.peer == "127.0.0.1");
  CHECK(request.received >= before);
  CHECK(request.received <= std::chrono::steady_clock::now());
  CHECK(client.read_reply()->status == 200);
  server.shutdown(milliseconds(0));
}

TEST_CASE("many clients at once, some of which leave, get what they asked for") {
  TestServer server([](GatewaySettings& settings) { settings.threads = 2; });
  std::vector<std::thread> threads;
  std::atomic<int> answered{0};
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int round = 0; round < 50; ++round) {
        Client client(server.port());
        const std::string path = "/echo/" + std::to_string(thread) + "/" + std::to_string(round);
        client.send(get(path) + get("/big") + get(path));
        if (round % 3 == 0) {
          client.reset();
          continue;
        }
        if (client.read_reply()->body != "GET " + path + "  ") return;
        if (client.read_reply()->body.size() != 1024 * 1024) return;
        if (client.read_reply()->body != "GET " + path + "  ") return;
        ++answered;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(answered == 4 * 33);
  CHECK(server.wait([](const auto& counts) { return counts.closed == counts.opened; }));
}
