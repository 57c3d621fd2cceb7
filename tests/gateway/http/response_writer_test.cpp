#include <catch2/catch.hpp>

#include <string>

#include "gateway/http/message.hpp"
#include "gateway/http/request_queue.hpp"
#include "gateway/http/response_writer.hpp"

using namespace innkeeper::http;

namespace {

std::string written(const Response& response, ResponseShape shape = {},
                    std::string_view date = {}) {
  std::string out;
  append_response(out, response, shape, date);
  return out;
}

}  // namespace

TEST_CASE("a response is written with its length, and with the date when there is one") {
  Response response;
  response.status = 201;
  response.body = "{}";
  CHECK(written(response) ==
        "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  DateLine date;
  CHECK(date.at(784111777) == "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  CHECK(date.at(784111778) == "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
}

TEST_CASE("an empty body has no type") {
  CHECK(written({}) == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("204 and 304 have neither body nor type nor length") {
  Response response;
  response.status = 204;
  response.body = "ignored";
  CHECK(written(response) == "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST_CASE("an answer to HEAD tells the length and leaves out the body") {
  Response response;
  response.body = "{}";
  const std::string bytes = written(response, {true, false, false});
  CHECK(bytes.find("Content-Length: 2\r\n\r\n") == bytes.size() - 21);
}

TEST_CASE("connections are named where the default is another") {
  CHECK(written({}, {false, false, true}).find("Connection: close\r\n") != std::string::npos);
  CHECK(written({}, {false, true, false}).find("Connection: keep-alive\r\n") != std::string::npos);
  CHECK(written({}).find("Connection") == std::string::npos);
}

TEST_CASE("a header's value cannot end its line") {
  Response response;
  response.headers.emplace_back("Location", "/a\r\nSet-Cookie: x");
  CHECK(written(response).find("Location: /a  Set-Cookie: x\r\n") != std::string::npos);
}

TEST_CASE("a status that is none is sent as 500") {
  Response response;
  response.status = 42;
  CHECK(written(response).compare(0, 13, "HTTP/1.1 500 ") == 0);
}

TEST_CASE("an error's message is escaped") {
  const Response response = error_response(400, "a \"b\" \\ \n\x7f \xc3\xa4");
  CHECK(response.status == 400);
  CHECK(response.body == "{\"message\":\"a \\\"b\\\" \\\\ \\u000a\\u007f \xc3\xa4\"}");
  CHECK(response.content_type == "application/json");
}

TEST_CASE("a queue keeps the order of arrival, over its growth and its wrap") {
  RequestQueue queue;
  std::uint64_t pushed = 0;
  std::uint64_t popped = 0;
  for (int round = 0; round < 50; ++round) {
    const std::size_t size = 1 + static_cast<std::size_t>(round) % RequestQueue::size_max;
    while (queue.size() < size) CHECK(queue.push({}) == pushed++);
    for (std::uint64_t number = popped; number < pushed; ++number) {
      REQUIRE(queue.find(number) != nullptr);
    }
    CHECK(queue.find(pushed) == nullptr);
    if (popped > 0) CHECK(queue.find(popped - 1) == nullptr);
    CHECK(queue.find(popped) == &queue.front());
    while (queue.size() > size / 2) {
      queue.pop();
      ++popped;
    }
  }
  queue.clear();
  queue.shrink();
  CHECK(queue.push({}) == pushed);
}

namespace {

class Recorder final : public Responder::Sink {
 public:
  void respond(std::uint64_t request, Response response) override {
    answers.emplace_back(request, response.status);
  }
  [[nodiscard]] bool client_gone() const noexcept override { return false; }
  std::vector<std::pair<std::uint64_t, int>> answers;
};

}  // namespace

TEST_CASE("a responder answers once, and answers 500 when it is dropped") {
  const auto sink = std::make_shared<Recorder>();
  {
    Responder first(sink, 1);
    Responder second(sink, 2);
    first({});
    first({});
    CHECK(first.client_gone());
    Responder third(sink, 3);
    third = std::move(second);  // 3 is dropped by this
    Responder moved(std::move(third));
  }
  const std::vector<std::pair<std::uint64_t, int>> expected = {{1, 200}, {3, 500}, {2, 500}};
  CHECK(sink->answers == expected);
}
