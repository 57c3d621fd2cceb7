#include "tests/config/support.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/config/certificate.hpp"

namespace innkeeper::config::test {
namespace {

constexpr long hour = 3'600;

class Folder {
 public:
  Folder() {
    std::string path = (std::filesystem::temp_directory_path() / "config-tls-XXXXXX").string();
    path_ = ::mkdtemp(path.data());
    const Key key = make_key();
    write_key(path_ + "/key", key.get());
    write_certificate(path_ + "/cert", key.get(), -hour, hour);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

Overrides files(const std::string& section, const std::string& cert, const std::string& key) {
  return {{section + ".cert_file", cert}, {section + ".key_file", key}};
}

const std::vector<std::string> sections{"gateway.tls", "host.tls"};

}  // namespace

TEST_CASE("a certificate and its key are taken") {
  const Folder folder;
  for (const std::string& section : sections) {
    const Settings s = good(minimal, files(section, folder / "cert", folder / "key"));
    CHECK(s.gateway.tls.has_value() == (section == "gateway.tls"));
    CHECK(s.host.tls.has_value() == (section == "host.tls"));
  }
}

TEST_CASE("a file that holds no certificate or no key is refused by the name of its option") {
  const Folder folder;
  std::ofstream(folder / "text") << "hello\n";
  std::ofstream(folder / "broken")
      << "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  for (const std::string& section : sections) {
    for (const std::string wrong : {"text", "broken", "key"}) {
      INFO(section << " " << wrong);
      const Problem problem =
          bad(section + ".cert_file", minimal, files(section, folder / wrong, folder / "key"));
      CHECK(problem.message.find("no certificate in PEM") != std::string::npos);
      CHECK(problem.value.find(wrong) != std::string::npos);
    }
    for (const std::string wrong : {"text", "cert"}) {
      const Problem problem =
          bad(section + ".key_file", minimal, files(section, folder / "cert", folder / wrong));
      CHECK(problem.message.find("no private key in PEM") != std::string::npos);
    }
    const Loaded both = load(minimal, files(section, folder / "text", folder / "text"));
    CHECK(both.problems.size() == 2);
  }
}

TEST_CASE("a key of another certificate, or with a passphrase, is refused") {
  const Folder folder;
  const Key other = make_key();
  write_key(folder / "other", other.get());
  write_key(folder / "locked", other.get(), "hunter2");
  for (const std::string& section : sections) {
    CHECK(bad(section + ".key_file", minimal, files(section, folder / "cert", folder / "other"))
              .message.find("is not the key of the certificate") == 0);
    CHECK(bad(section + ".key_file", minimal, files(section, folder / "cert", folder / "locked"))
              .message.find("has a passphrase") == 0);
  }
}

TEST_CASE("a certificate that is not valid now is refused with the date") {
  const Folder folder;
  const Key key = make_key();
  write_key(folder / "own", key.get());
  write_certificate(folder / "expired", key.get(), -2 * hour, -hour);
  write_certificate(folder / "later", key.get(), hour, 2 * hour);
  write_certificate(folder / "chain", key.get(), -hour, hour);
  write_certificate(folder / "chain", make_key().get(), -2 * hour, -hour, "a");
  for (const std::string& section : sections) {
    const auto message = [&](const std::string& cert) {
      return bad(section + ".cert_file", minimal, files(section, folder / cert, folder / "own"))
          .message;
    };
    CHECK(message("expired").find("has expired on 20") == 0);
    CHECK(message("later").find("is valid only from 20") == 0);
    CHECK(message("chain").find("certificate 2 of the chain has expired on 20") == 0);
  }
}

TEST_CASE("a key that TLS finds too short is refused") {
  const Folder folder;
  const Key key(EVP_RSA_gen(512), EVP_PKEY_free);
  REQUIRE(key);
  write_key(folder / "short", key.get());
  write_certificate(folder / "weak", key.get(), -hour, hour);
  CHECK(
      bad("gateway.tls.cert_file", minimal, files("gateway.tls", folder / "weak", folder / "short"))
          .message.find("cannot be served: ") == 0);
}

TEST_CASE("a certificate without its key is looked at all the same") {
  const Folder folder;
  std::ofstream(folder / "text") << "hello\n";
  const Loaded loaded = load(minimal, {{"gateway.tls.cert_file", folder / "text"}});
  INFO(lines(loaded.problems));
  CHECK(loaded.problems.size() == 2);
}

}  // namespace innkeeper::config::test
