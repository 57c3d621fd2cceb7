#pragma once

// One request under way. Included by the parser's sources only: it pulls in Beast.

#include <boost/beast/http/basic_parser.hpp>

#include "gateway/http/request_parser.hpp"

namespace innkeeper::http {

// Beast reads the syntax and the framing; the callbacks fill a Request and refuse what Beast lets
// through.
class RequestParser::Message final : private boost::beast::http::basic_parser<true> {
 public:
  explicit Message(const ParseLimits& limits);

  // Once, first: the whole head and nothing else.
  void put_head(std::string_view head);
  // Then what follows, while it is not done. Returns how many bytes were used.
  std::size_t put(std::string_view bytes);
  [[nodiscard]] bool done() const { return is_done(); }
  // status 0: none
  [[nodiscard]] const ParseError& error() const noexcept { return error_; }
  [[nodiscard]] bool expects_continue() const noexcept { return expects_continue_ && !body_begun_; }
  [[nodiscard]] RequestFacts facts() const;
  [[nodiscard]] Request take() { return std::move(request_); }

 private:
  using base = boost::beast::http::basic_parser<true>;
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;
  using field = boost::beast::http::field;

  [[nodiscard]] bool at_chunk_line() const noexcept;
  // The size of that line, for the last one with its trailers; 0 while it is not complete, or with
  // the error set when it is malformed. Precondition: not empty.
  [[nodiscard]] std::size_t chunk_line_size(std::string_view bytes);
  void refuse(int status, std::string_view message, error_code& ec);
  void read_target(std::string_view target, error_code& ec);
  void check_field(field name, std::string_view value, error_code& ec);

  void on_request_impl(boost::beast::http::verb method, string_view method_str, string_view target,
                       int version, error_code& ec) override;
  void on_response_impl(int code, string_view reason, int version, error_code& ec) override;
  void on_field_impl(field f, string_view name, string_view value, error_code& ec) override;
  void on_header_impl(error_code& ec) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& content_length,
                         error_code& ec) override;
  std::size_t on_body_impl(string_view body, error_code& ec) override;
  void on_chunk_header_impl(std::uint64_t size, string_view extensions, error_code& ec) override;
  std::size_t on_chunk_body_impl(std::uint64_t remain, string_view body, error_code& ec) override;
  void on_finish_impl(error_code& ec) override;

  Request request_;
  ParseError error_{0, {}};
  HeadScanner last_chunk_;  // its line and the trailers have the form of a head
  std::uint64_t chunk_left_ = 0;
  std::size_t header_bytes_;
  std::size_t extension_bytes_ = 0;
  std::uint16_t fields_ = 0;  // trailers included
  bool http10_ = false;
  bool host_seen_ = false;
  bool length_seen_ = false;
  bool coding_seen_ = false;
  bool expects_continue_ = false;
  bool head_done_ = false;
  bool body_begun_ = false;
  bool chunks_begun_ = false;
};

}  // namespace innkeeper::http
