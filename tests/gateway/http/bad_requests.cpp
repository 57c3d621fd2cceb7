#include "tests/gateway/http/bad_requests.hpp"

#include <string_view>

namespace innkeeper::http::test {
namespace {

using namespace std::string_literals;

// A POST with those header lines, then a body.
std::string with(const std::string& lines, const std::string& body = {}) {
  return "POST /echo HTTP/1.1\r\nHost: test\r\n" + lines + "\r\n" + body;
}

std::string chunked(const std::string& body) {
  return with("Transfer-Encoding: chunked\r\n", body);
}

}  // namespace

std::vector<BadRequest> bad_requests() {
  return {
      // Framing in two ways.
      {"length and chunked",
       with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"chunked and length",
       with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), 400},
      {"two lengths", with("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400},
      {"two equal lengths", with("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400},
      {"list of equal lengths", with("Content-Length: 5, 5\r\n", "hello"), 400},
      {"list of lengths", with("Content-Length: 5,6\r\n", "hello"), 400},
      {"length with plus", with("Content-Length: +5\r\n", "hello"), 400},
      {"length with minus", with("Content-Length: -5\r\n", "hello"), 400},
      {"hexadecimal length", with("Content-Length: 0x5\r\n", "hello"), 400},
      {"length with a blank inside", with("Content-Length: 5 0\r\n", "hello"), 400},
      {"length with letters", with("Content-Length: 5a\r\n", "hello"), 400},
      {"length with a comma", with("Content-Length: 5,\r\n", "hello"), 400},
      {"quoted length", with("Content-Length: \"5\"\r\n", "hello"), 400},
      {"empty length", with("Content-Length:\r\n", "hello"), 400},
      {"decimal length", with("Content-Length: 5.0\r\n", "hello"), 400},
      {"length beyond 64 bits", with("Content-Length: 18446744073709551621\r\n", "hello"), 400},
      {"length beyond 64 bits by zeros",
       with("Content-Length: 00000000000000000000000005\r\n", "hello"), 400},
      {"two codings",
       with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"two codings, the first unknown",
       with("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n"), 501},
      {"chunked twice in a list", with("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
       501},
      {"coding after chunked", with("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 501},
      {"coding before chunked", with("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501},
      {"identity", with("Transfer-Encoding: identity\r\n"), 501},
      {"unknown coding", with("Transfer-Encoding: xchunked\r\n"), 501},
      {"coding with a parameter", with("Transfer-Encoding: chunked;a=b\r\n"), 501},
      {"quoted coding", with("Transfer-Encoding: \"chunked\"\r\n"), 501},
      {"empty coding", with("Transfer-Encoding:\r\n"), 501},
      {"coding with a comma", with("Transfer-Encoding: ,chunked\r\n"), 501},
      {"coding with a vertical tab", with("Transfer-Encoding: \vchunked\r\n"), 400},
      {"length and unknown coding", with("Content-Length: 5\r\nTransfer-Encoding: x\r\n", "hello"),
       400},
      {"chunked in HTTP/1.0",
       "POST /echo HTTP/1.0\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      // Lines.
      {"bare line feeds", "GET /echo HTTP/1.1\nHost: test\n\n", 400},
      {"bare line feed after a header", "GET /echo HTTP/1.1\r\nHost: test\nX: y\r\n\r\n", 400},
      {"bare line feed at the end of the head", "GET /echo HTTP/1.1\r\nHost: test\r\n\n", 400},
      {"bare carriage return in a value", with("X: a\rb\r\n"), 400},
      {"bare carriage return ends a line", with("X: a\rContent-Length: 5\r\n"), 400},
      {"two carriage returns", with("X: a\r\r\n"), 400},
      {"folded line", with("X: a\r\n b\r\n"), 400},
      {"folded line with a tab", with("X: a\r\n\tb\r\n"), 400},
      {"folded coding", with("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400},
      {"folded first line", "GET /echo HTTP/1.1\r\n Host: test\r\n\r\n", 400},
      {"NUL in a value", with("X: a\0b\r\n"s), 400},
      {"NUL in a name", with("X\0: a\r\n"s), 400},
      {"NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: test\r\n\r\n"s, 400},
      {"delete in a value", with("X: a\x7f\r\n"), 400},
      {"escape in a value", with("X: \x1b[2J\r\n"), 400},
      // Names.
      {"blank before the colon", with("Content-Length : 5\r\n", "hello"), 400},
      {"tab before the colon", with("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n"), 400},
      {"no colon", with("Header\r\n"), 400},
      {"no name", with(": value\r\n"), 400},
      {"name that is no token", with("X@Y: value\r\n"), 400},
      {"name that is not ASCII", with("X\xc3\xa4: value\r\n"), 400},
      // Host.
      {"no host", "GET /echo HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"two equal hosts", "GET /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"list of hosts", "GET /echo HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
      {"host with a path", "GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"host with a user", "GET /echo HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
      {"two hosts in HTTP/1.0", "GET /echo HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      // Chunks.
      {"chunk size with plus", chunked("+5\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size with minus", chunked("-5\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size with 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size after a blank", chunked(" 5\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size before a blank", chunked("5 \r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size with letters", chunked("5g\r\nhello\r\n0\r\n\r\n"), 400},
      {"empty chunk size", chunked("\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size beyond 64 bits", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size of all ones", chunked("ffffffffffffffff\r\nhello\r\n0\r\n\r\n"), 413},
      {"chunk line with a bare line feed", chunked("5\nhello\r\n0\r\n\r\n"), 400},
      {"chunk line with a bare carriage return", chunked("5\rhello\r\n0\r\n\r\n"), 400},
      {"chunk longer than its size", chunked("4\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk that ends in a line feed", chunked("5\r\nhello\n0\r\n\r\n"), 400},
      {"chunk that ends in two others", chunked("5\r\nhelloxx0\r\n\r\n"), 400},
      {"last chunk with a bare line feed", chunked("0\n\r\n\r\n"), 400},
      {"last chunk with garbage", chunked("0x\r\n\r\n"), 400},
      {"extension without a semicolon", chunked("5 a=b\r\nhello\r\n0\r\n\r\n"), 400},
      {"extension with a line feed", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n"), 400},
      {"quoted extension with a line feed", chunked("5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"), 400},
      {"quoted extension over lines", chunked("5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n"), 400},
      {"extension with an open quote", chunked("5;a=\"\r\nhello\r\n0\r\n\r\n"), 400},
      {"last extension with an open quote", chunked("0;a=\"\r\nX: \"\r\n\r\n"), 400},
      {"zero with another size behind", chunked("0 5\r\n\r\n"), 400},
      {"extension with NUL", chunked("5;a=\0\r\nhello\r\n0\r\n\r\n"s), 400},
      {"long extension", chunked("5;" + std::string(2000, 'a') + "\r\nhello\r\n0\r\n\r\n"), 400},
      {"malformed trailer", chunked("0\r\nbad trailer\r\n\r\n"), 400},
      {"folded trailer", chunked("0\r\nX: a\r\n b\r\n\r\n"), 400},
      {"trailer with a bare line feed", chunked("0\r\nX: a\nY: b\r\n\r\n"), 400},
      {"trailer that frames", chunked("0\r\nContent-Length: 5\r\n\r\n"), 400},
      // Request line.
      {"no version", "GET /echo\r\nHost: test\r\n\r\n", 400},
      {"request line cut short", "GET /echo HTTP\r\n\r\n", 400},
      {"only a method", "GET\r\n\r\n", 400},
      {"line that reaches beyond the head", "POST /echo HTTP/1Length: 6\r\n\r\n", 400},
      {"two blanks", "GET  /echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"blank before the method", " GET /echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"blank after the version", "GET /echo HTTP/1.1 \r\nHost: test\r\n\r\n", 400},
      {"blank in the target", "GET /ec ho HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"tab for a blank", "GET\t/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"method that is no token", "GE(T /echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"lower-case protocol", "GET /echo http/1.1\r\nHost: test\r\n\r\n", 400},
      {"version 2", "GET /echo HTTP/2.0\r\nHost: test\r\n\r\n", 505},
      {"version 1.2", "GET /echo HTTP/1.2\r\nHost: test\r\n\r\n", 505},
      {"version 0.9", "GET /echo HTTP/0.9\r\nHost: test\r\n\r\n", 505},
      {"version 3", "GET /echo HTTP/3\r\nHost: test\r\n\r\n", 505},
      {"version 11.1", "GET /echo HTTP/11.1\r\nHost: test\r\n\r\n", 505},
      {"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"version with letters", "GET /echo HTTP/1.x\r\nHost: test\r\n\r\n", 400},
      {"target that is no path", "GET echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"target with a fragment", "GET /echo#a HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"target that is not ASCII", "GET /\xc3\xa4 HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"star for GET", "GET * HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"authority for CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 400},
      {"other scheme", "GET ftp://a/echo HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"URL without a host", "GET http:///echo HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"URL with a user", "GET http://u@a/echo HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"empty lines without end", "\r\n\r\n\r\n\r\n\r\n\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n",
       400},
      {"TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, 400},
      // Others.
      {"unknown expectation", with("Expect: 200-ok\r\n"), 417},
      {"list of expectations", with("Expect: 100-continue, x\r\n"), 417},
      {"malformed Connection", with("Connection: a b\r\n"), 400},
  };
}

}  // namespace innkeeper::http::test
