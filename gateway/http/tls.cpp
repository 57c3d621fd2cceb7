#include "gateway/http/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <climits>
#include <new>

namespace innkeeper::http {
namespace {

// The most telling entry of OpenSSL's error queue, which is emptied.
std::string openssl_error() {
  std::string text = "unknown error";
  while (const unsigned long code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    if (reason != nullptr) text = reason;
  }
  return text;
}

domain::Error unusable(std::string_view what, const std::string& file) {
  std::string message(what);
  message += " \"" + file + "\" cannot be used: " + openssl_error();
  return {domain::ErrorCode::unavailable, std::move(message), {}, 0};
}

// RFC 7301: a client that offers protocols must offer the one that is spoken here.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, ours, sizeof ours - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

domain::Result<std::shared_ptr<TlsContext>> TlsContext::load(const config::TlsFiles& files) {
  ERR_clear_error();
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) {
    return domain::Error{
        domain::ErrorCode::unavailable, "TLS cannot be set up: " + openssl_error(), {}, 0};
  }
  const std::shared_ptr<TlsContext> made(new TlsContext(context));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // Clients resume by ticket; a cache on this side would grow with the number of clients.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, files.cert_file.c_str()) != 1) {
    return unusable("the TLS certificate", files.cert_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return unusable("the TLS key", files.key_file);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return unusable("the TLS key, which must belong to \"" + files.cert_file + "\",",
                    files.key_file);
  }
  return made;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

TlsFilter::TlsFilter(const TlsContext& context) : ssl_(SSL_new(context.get())) {
  in_ = BIO_new(BIO_s_mem());
  out_ = BIO_new(BIO_s_mem());
  if (ssl_ == nullptr || in_ == nullptr || out_ == nullptr) {
    BIO_free(in_);
    BIO_free(out_);
    SSL_free(ssl_);
    throw std::bad_alloc();
  }
  // An empty buffer means "later", not the end.
  BIO_set_mem_eof_return(in_, -1);
  BIO_set_mem_eof_return(out_, -1);
  SSL_set_bio(ssl_, in_, out_);
  SSL_set_accept_state(ssl_);
}

TlsFilter::~TlsFilter() { SSL_free(ssl_); }

bool TlsFilter::established() const noexcept { return SSL_is_init_finished(ssl_) == 1; }

void TlsFilter::drain(std::string& wire) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out_, &bytes);
  if (size <= 0) return;
  wire.append(bytes, static_cast<std::size_t>(size));
  (void)BIO_reset(out_);
}

TlsFilter::Status TlsFilter::open(std::string_view received, std::string& plain,
                                  std::string& wire) {
  ERR_clear_error();
  Status status = Status::open;
  if (!received.empty() &&
      BIO_write(in_, received.data(),
                static_cast<int>(std::min<std::size_t>(received.size(), INT_MAX))) <= 0) {
    return Status::failed;
  }
  std::array<char, 4096> piece;
  for (;;) {
    const int count = SSL_read(ssl_, piece.data(), static_cast<int>(piece.size()));
    if (count > 0) {
      plain.append(piece.data(), static_cast<std::size_t>(count));
      continue;
    }
    const int error = SSL_get_error(ssl_, count);
    if (error == SSL_ERROR_ZERO_RETURN) {
      status = Status::closed_by_peer;
    } else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
      status = Status::failed;
    }
    break;
  }
  ERR_clear_error();
  drain(wire);
  return status;
}

bool TlsFilter::seal(std::string_view plain, std::string& wire) {
  ERR_clear_error();
  while (!plain.empty()) {
    const int count = SSL_write(ssl_, plain.data(),
                                static_cast<int>(std::min<std::size_t>(plain.size(), 1 << 20)));
    if (count <= 0) {
      ERR_clear_error();
      drain(wire);
      return false;
    }
    plain.remove_prefix(static_cast<std::size_t>(count));
  }
  drain(wire);
  return true;
}

void TlsFilter::finish(std::string& wire) {
  ERR_clear_error();
  if (established()) (void)SSL_shutdown(ssl_);
  ERR_clear_error();
  drain(wire);
}

}  // namespace innkeeper::http
