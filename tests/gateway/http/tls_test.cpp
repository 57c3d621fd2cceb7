#include <catch2/catch.hpp>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/gateway/http/heap_bytes.hpp"
#include "tests/gateway/http/http_client.hpp"
#include "tests/gateway/http/test_server.hpp"

using namespace innkeeper::http;
using namespace innkeeper::http::test;
using innkeeper::config::GatewaySettings;
using innkeeper::config::TlsFiles;
using std::chrono::milliseconds;

namespace {

// A directory with a self-signed certificate and its key.
class Certificate {
 public:
  Certificate() {
    std::string path = (std::filesystem::temp_directory_path() / "http-tls-XXXXXX").string();
    directory_ = ::mkdtemp(path.data());
    files = {directory_ + "/cert.pem", directory_ + "/key.pem"};
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                  EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> cert(X509_new(), X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
    X509_set_pubkey(cert.get(), key.get());
    X509_NAME* name = X509_get_subject_name(cert.get());
    static constexpr unsigned char host[] = "localhost";
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0);
    X509_set_issuer_name(cert.get(), name);
    X509_sign(cert.get(), key.get(), EVP_sha256());
    FILE* out = std::fopen(files.cert_file.c_str(), "w");
    PEM_write_X509(out, cert.get());
    std::fclose(out);
    out = std::fopen(files.key_file.c_str(), "w");
    PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
  }
  ~Certificate() { std::filesystem::remove_all(directory_); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  TlsFiles files;

 private:
  std::string directory_;
};

// A blocking TLS client over a Client's socket.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, std::string_view alpn = {}, int version = 0)
      : socket_(port) {
    const timeval patience{10, 0};
    ::setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    context_ = SSL_CTX_new(TLS_client_method());
    if (version != 0) {
      SSL_CTX_set_security_level(context_, 0);
      SSL_CTX_set_min_proto_version(context_, version);
      SSL_CTX_set_max_proto_version(context_, version);
    }
    ssl_ = SSL_new(context_);
    if (!alpn.empty()) {
      const std::string protocols =
          std::string(1, static_cast<char>(alpn.size())) + std::string(alpn);
      SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(protocols.data()),
                          static_cast<unsigned>(protocols.size()));
    }
    SSL_set_fd(ssl_, socket_.fd());
    connected_ = SSL_connect(ssl_) == 1;
    ERR_clear_error();
  }
  ~TlsClient() { forget(); }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // Frees what TLS holds on this side; the socket stays open.
  void forget() {
    SSL_free(std::exchange(ssl_, nullptr));
    SSL_CTX_free(std::exchange(context_, nullptr));
  }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] SSL* ssl() { return ssl_; }
  [[nodiscard]] Client& socket() { return socket_; }
  void send(std::string_view bytes) {
    SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  }
  // Reads until so many bytes are there, or the end.
  std::string read(std::size_t size) {
    std::string text;
    std::array<char, 4096> piece;
    while (text.size() < size) {
      const int count = SSL_read(ssl_, piece.data(), static_cast<int>(piece.size()));
      if (count <= 0) {
        error_ = SSL_get_error(ssl_, count);
        break;
      }
      text.append(piece.data(), static_cast<std::size_t>(count));
    }
    ERR_clear_error();
    return text;
  }
  [[nodiscard]] int error() const { return error_; }

 private:
  Client socket_;
  SSL_CTX* context_;
  SSL* ssl_;
  bool connected_ = false;
  int error_ = 0;
};

constexpr std::size_t all = std::string::npos;

std::string start_error(const TlsFiles& files) {
  GatewaySettings settings;
  settings.listen = {"127.0.0.1", 0};
  settings.threads = 1;
  settings.tls = files;
  Server server(settings, {});
  const auto started = server.start();
  return started ? "" : started.error().message;
}

}  // namespace

TEST_CASE("requests are answered over TLS, and the end is told by TLS") {
  const Certificate certificate;
  TestServer server([&](GatewaySettings& settings) { settings.tls = certificate.files; });
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(server.port(), "http/1.1", version);
    REQUIRE(client.connected());
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.ssl(), &chosen, &size);
    CHECK(size == 8);
    client.send(get("/echo") + post("/echo", std::string(100'000, 'x')) + get("/big") +
                get("/empty", "Connection: close\r\n"));
    const std::string text = client.read(all);
    CHECK(text.size() > 1024 * 1024 + 100'000);
    CHECK(text.find("GET /echo  ") != std::string::npos);
    CHECK(text.find("HTTP/1.1 204") != std::string::npos);
    CHECK(client.error() == SSL_ERROR_ZERO_RETURN);
  }
}

TEST_CASE("answers of held requests leave over TLS in order") {
  const Certificate certificate;
  TestServer server([&](GatewaySettings& settings) { settings.tls = certificate.files; });
  TlsClient client(server.port());
  client.send(get("/hold/a") + get("/hold/b", "Connection: close\r\n"));
  server.release({1, 0});
  const std::string text = client.read(all);
  CHECK(text.find("/hold/a") < text.find("/hold/b"));
}

TEST_CASE("clients that TLS must not serve are refused in the handshake") {
  const Certificate certificate;
  TestServer server([&](GatewaySettings& settings) { settings.tls = certificate.files; });
  CHECK_FALSE(TlsClient(server.port(), {}, TLS1_1_VERSION).connected());
  CHECK_FALSE(TlsClient(server.port(), "h2").connected());
  CHECK(TlsClient(server.port()).connected());
  Client plain(server.port());
  plain.send(get("/echo"));
  CHECK(plain.read_all().find("HTTP") == std::string::npos);
  CHECK(server.seen().empty());
}

TEST_CASE("a handshake that does not end in time is closed") {
  const Certificate certificate;
  TestServer server([&](GatewaySettings& settings) {
    settings.tls = certificate.files;
    settings.limits.header_timeout = milliseconds(100);
  });
  Client silent(server.port());
  CHECK(silent.read_all().empty());
  Client slow(server.port());
  slow.send("\x16\x03\x01");
  CHECK(slow.read_all().empty());
}

TEST_CASE("malformed requests are refused over TLS as well") {
  const Certificate certificate;
  TestServer server([&](GatewaySettings& settings) { settings.tls = certificate.files; });
  TlsClient client(server.port());
  client.send("GET / HTTP/1.1\n\n");
  const std::string text = client.read(all);
  CHECK(text.compare(0, 12, "HTTP/1.1 400") == 0);
  CHECK(text.find("{\"message\":") != std::string::npos);
}

TEST_CASE("a TLS client that vanishes leaves nothing behind") {
  const Certificate certificate;
  TestServer server([&](GatewaySettings& settings) { settings.tls = certificate.files; });
  {
    TlsClient client(server.port());
    client.send(get("/hold"));
    server.wait_for_held(1);
    client.socket().reset();
  }
  REQUIRE(server.wait([](const auto& counts) { return counts.closed == 1; }));
  server.release({0});
  server.settle();
}

TEST_CASE("a TLS server shuts down with connections in every state") {
  const Certificate certificate;
  TestServer server([&](GatewaySettings& settings) { settings.tls = certificate.files; });
  Client silent(server.port());
  TlsClient idle(server.port());
  TlsClient busy(server.port());
  busy.send(get("/hold"));
  server.wait_for_held(1);
  auto down =
      std::async(std::launch::async, [&] { server.server().shutdown(milliseconds(10'000)); });
  CHECK(silent.read_all().empty());
  CHECK(idle.read(all).empty());
  server.release({0});
  CHECK(busy.read(all).find("Connection: close") != std::string::npos);
  busy.socket().close();
  down.get();
}

TEST_CASE("TLS files that cannot be used are named at the start") {
  const Certificate certificate;
  const Certificate other;
  const std::string missing = certificate.files.cert_file + ".missing";
  CHECK(start_error({missing, certificate.files.key_file}).find(missing) != std::string::npos);
  CHECK(start_error({certificate.files.cert_file, missing}).find(missing) != std::string::npos);
  CHECK(start_error({certificate.files.key_file, certificate.files.key_file})
            .find(certificate.files.key_file) != std::string::npos);
  CHECK(
      start_error({certificate.files.cert_file, other.files.key_file}).find(other.files.key_file) !=
      std::string::npos);
  CHECK(start_error(certificate.files).empty());
}

TEST_CASE("an idle TLS connection holds no record buffers") {
  const Certificate certificate;
  TestServer server([&](GatewaySettings& settings) { settings.tls = certificate.files; });
  std::vector<std::unique_ptr<TlsClient>> clients;
  const auto grow = [&](int count) {
    for (int index = 0; index < count; ++index) {
      clients.push_back(
          std::make_unique<TlsClient>(server.port(), std::string_view{}, TLS1_3_VERSION));
      clients.back()->send(get("/echo"));
      REQUIRE(clients.back()->read(1).size() > 1);
    }
    for (const auto& client : clients) client->forget();
    server.settle();
  };
  grow(10);
  const std::size_t before = heap_bytes();
  grow(100);
  const std::size_t each = (heap_bytes() - before) / 100;
  WARN("bytes per idle TLS connection: " << each);
  CHECK(each < 32 * 1024);
}
