#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "actors/domain/result.hpp"
#include "config/settings.hpp"

struct ssl_ctx_st;
struct ssl_st;
struct bio_st;

namespace innkeeper::http {

// Certificate, key and rules of all TLS connections of a server: TLS 1.2 and later, ALPN http/1.1,
// no renegotiation, no compression. Thread-safe once made.
class TlsContext {
 public:
  // Fails (`unavailable`) with a message that names the file which cannot be used.
  [[nodiscard]] static domain::Result<std::shared_ptr<TlsContext>> load(
      const config::TlsFiles& files);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  [[nodiscard]] ssl_ctx_st* get() const noexcept { return context_; }

 private:
  explicit TlsContext(ssl_ctx_st* context) noexcept : context_(context) {}
  ssl_ctx_st* context_;
};

// The server side of one TLS connection as a filter over bytes: it knows no sockets, so the session
// stays one for plain and TLS connections, and an idle one holds no buffers.
class TlsFilter {
 public:
  enum class Status : std::uint8_t { open, closed_by_peer, failed };

  // Throws std::bad_alloc.
  explicit TlsFilter(const TlsContext& context);
  ~TlsFilter();
  TlsFilter(const TlsFilter&) = delete;
  TlsFilter& operator=(const TlsFilter&) = delete;

  // Takes bytes from the peer and appends what they decrypt to. Handshake messages and alerts that
  // must be sent are appended to `wire`, also when it failed.
  [[nodiscard]] Status open(std::string_view received, std::string& plain, std::string& wire);
  // Appends `plain`, encrypted, to `wire`. False: the connection is broken.
  [[nodiscard]] bool seal(std::string_view plain, std::string& wire);
  // Appends the end-of-data alert to `wire`.
  void finish(std::string& wire);
  [[nodiscard]] bool established() const noexcept;

 private:
  void drain(std::string& wire);

  ssl_st* ssl_;
  bio_st* in_;   // owned by ssl_
  bio_st* out_;  // owned by ssl_
};

}  // namespace innkeeper::http
