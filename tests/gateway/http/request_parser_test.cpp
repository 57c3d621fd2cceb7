#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "gateway/http/request_parser.hpp"
#include "tests/gateway/http/bad_requests.hpp"

using namespace innkeeper::http;

namespace {

constexpr std::size_t pieces[] = {0, 1, 2, 3, 7, 64};
const ParseLimits limits{2048, 1000};

// One request, however it arrives.
Request parse_one(const std::string& bytes) {
  Request request;
  for (const std::size_t piece : pieces) {
    INFO("pieces of " << piece);
    ParseOutcome outcome = parse_requests(bytes, limits, piece);
    if (outcome.error) FAIL(outcome.error->status << " " << outcome.error->message);
    REQUIRE(outcome.requests.size() == 1);
    CHECK_FALSE(outcome.partial);
    request = std::move(outcome.requests.front());
  }
  return request;
}

int refusal(const std::string& bytes) {
  int status = 0;
  for (const std::size_t piece : pieces) {
    const ParseOutcome outcome = parse_requests(bytes, limits, piece);
    const int found = outcome.error ? outcome.error->status : 0;
    INFO("pieces of " << piece);
    if (piece != 0) CHECK(found == status);
    if (outcome.error) CHECK_FALSE(outcome.error->message.empty());
    status = found;
  }
  return status;
}

std::string head_of(std::size_t size) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  head.append(size - head.size() - 4, 'x');
  return head + "\r\n\r\n";
}

}  // namespace

TEST_CASE("a request is read with its headers in lower case and its path as it came") {
  const Request request = parse_one(
      "POST /rooms/a%2Fb%3f?x=1&y=%20?z HTTP/1.1\r\nHost: test:80\r\nX-Mixed-CASE:  Value "
      "\t\r\nCookie:\r\n"
      "Content-Length: 5\r\n\r\nhello");
  CHECK(request.method == Method::post);
  CHECK(request.path == "/rooms/a%2Fb%3f");
  CHECK(request.query == "x=1&y=%20?z");
  CHECK(request.body == "hello");
  CHECK(request.header("x-mixed-case") == "Value");
  CHECK(request.header("cookie").empty());
  CHECK(request.headers.size() == 4);
}

TEST_CASE("targets are read in the forms that a server must accept") {
  struct Row {
    std::string line, path, query;
  };
  const std::vector<Row> rows = {
      {"GET /", "/", ""},
      {"GET /?", "/", ""},
      {"GET /a?b?c", "/a", "b?c"},
      {"GET http://host/a?b", "/a", "b"},
      {"GET HTTPS://host:8443/a", "/a", ""},
      {"GET http://host", "/", ""},
      {"GET http://host?b", "/", "b"},
      {"GET http://[::1]:80/a", "/a", ""},
      {"OPTIONS *", "*", ""},
      {"OPTIONS /a", "/a", ""},
      {"GET //a/../b", "//a/../b", ""},
  };
  for (const Row& row : rows) {
    INFO(row.line);
    const Request request = parse_one(row.line + " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(request.path == row.path);
    CHECK(request.query == row.query);
  }
}

TEST_CASE("methods that no route can have are one to us") {
  for (const char* method : {"TRACE", "PROPFIND", "BREW", "get"}) {
    CHECK(parse_one(std::string(method) + " / HTTP/1.1\r\nHost: h\r\n\r\n").method ==
          Method::other);
  }
  CHECK(parse_one("DELETE / HTTP/1.1\r\nHost: h\r\n\r\n").method == Method::del);
  CHECK(parse_one("PATCH / HTTP/1.1\r\nHost: h\r\n\r\n").method == Method::patch);
}

TEST_CASE("chunks are joined, extensions and trailers are read over") {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n";
  CHECK(parse_one(head + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n").body == "hello world");
  CHECK(parse_one(head + "5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n").body == "hello");
  CHECK(parse_one(head + "0005\r\nhello\r\n000\r\n\r\n").body == "hello");
  CHECK(parse_one(head + "A\r\n0123456789\r\n0\r\n\r\n").body == "0123456789");
  CHECK(parse_one(head + "0\r\n\r\n").body.empty());
  const Request request =
      parse_one(head + "1\r\nx\r\n0\r\nHost: evil\r\nAuthorization: evil\r\n\r\n");
  CHECK(request.header("authorization").empty());
  CHECK(request.header("host") == "h");
}

TEST_CASE("requests that follow each other are read one by one") {
  std::string bytes;
  for (int index = 0; index < 20; ++index) {
    bytes +=
        "POST /" + std::to_string(index) + " HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    bytes += "\r\nPOST /" + std::to_string(index) +
             " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
  }
  for (const std::size_t piece : pieces) {
    const ParseOutcome outcome = parse_requests(bytes, limits, piece);
    REQUIRE_FALSE(outcome.error);
    CHECK(outcome.requests.size() == 40);
    CHECK_FALSE(outcome.partial);
  }
}

TEST_CASE("every malformed request is refused, however it arrives, and nothing after it is read") {
  for (const test::BadRequest& bad : test::bad_requests()) {
    INFO(bad.name);
    CHECK(refusal(bad.bytes + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n") == bad.status);
    for (const std::size_t piece : pieces) {
      const ParseOutcome outcome =
          parse_requests(bad.bytes + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", limits, piece);
      CHECK(outcome.requests.empty());
    }
  }
}

TEST_CASE("the limit on headers is exact") {
  CHECK(refusal(head_of(2048)) == 0);
  CHECK(refusal(head_of(2049)) == 431);
  const std::string line = "GET /" + std::string(3000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  CHECK(refusal(line) == 414);
}

TEST_CASE("the limit on the number of headers is exact") {
  const auto request = [](std::size_t count) {
    std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (std::size_t index = 1; index < count; ++index) head += "X: y\r\n";
    return head + "\r\n";
  };
  CHECK(refusal(request(header_count_max)) == 0);
  CHECK(refusal(request(header_count_max + 1)) == 431);
}

TEST_CASE("the limit on the body is exact, told or chunked") {
  const auto told = [](std::size_t size) {
    return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
           std::string(size, 'x');
  };
  const auto chunks = [](std::size_t size) {
    std::string bytes = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t index = 0; index < size; ++index) bytes += "1\r\nx\r\n";
    return bytes + "0\r\n\r\n";
  };
  CHECK(refusal(told(1000)) == 0);
  CHECK(refusal(told(1001)) == 413);
  CHECK(refusal(chunks(1000)) == 0);
  CHECK(refusal(chunks(1001)) == 413);
}

TEST_CASE("trailers and chunk lines are limited like headers") {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(refusal(head + "0\r\nX: " + std::string(4000, 'x') + "\r\n\r\n") == 431);
  std::string many = head + "0\r\n";
  for (int index = 0; index < 150; ++index) many += "X: y\r\n";
  CHECK(refusal(many + "\r\n") == 431);
  std::string extensions = head;
  for (int index = 0; index < 300; ++index) extensions += "1;abcd\r\nx\r\n";
  CHECK(refusal(extensions) == 400);
  CHECK(refusal(head + std::string(4000, '0')) == 400);
}

TEST_CASE("a request that is cut off is partial at each byte, and no error") {
  const std::string bytes =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\nX: "
      "y\r\n\r\n";
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    const ParseOutcome outcome = parse_requests(bytes.substr(0, size), limits);
    CHECK_FALSE(outcome.error);
    CHECK(outcome.partial);
    CHECK(outcome.requests.empty());
  }
}
