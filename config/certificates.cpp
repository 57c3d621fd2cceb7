#include "config/certificates.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <ctime>
#include <memory>
#include <string_view>
#include <vector>

namespace innkeeper::config {
namespace {

template <class T, void (*free)(T*)>
struct Free {
  void operator()(T* object) const noexcept { free(object); }
};
using Bio = std::unique_ptr<BIO, Free<BIO, BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX, SSL_CTX_free>>;

// The last entry of OpenSSL's error queue, which is emptied.
std::string openssl_error() {
  std::string text = "unknown error";
  while (const unsigned long code = ERR_get_error()) {
    if (const char* const reason = ERR_reason_error_string(code)) text = reason;
  }
  return text;
}

std::string in_quotes(const std::string& text) { return "\"" + text + "\""; }

std::string show_time(const ASN1_TIME* time) {
  std::tm parts{};
  std::array<char, 64> text{};
  if (ASN1_TIME_to_tm(time, &parts) != 1 ||
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
    return "a time that cannot be read";
  }
  return text.data();
}

// Never a prompt: a node has nobody who could answer. Leaves a note that it was called.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

std::vector<Certificate> read_chain(const std::string& path) {
  std::vector<Certificate> chain;
  const Bio file(BIO_new_file(path.c_str(), "r"));
  bool asked = false;
  while (file) {
    Certificate one(PEM_read_bio_X509(file.get(), nullptr, no_passphrase, &asked));
    if (!one) break;
    chain.push_back(std::move(one));
  }
  return chain;
}

void check_dates(const std::vector<Certificate>& chain, const std::string& path,
                 const std::string& option, Scope& scope) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const std::string which =
        i == 0 ? "" : "certificate " + std::to_string(i + 1) + " of the chain ";
    const ASN1_TIME* const begin = X509_get0_notBefore(chain[i].get());
    const ASN1_TIME* const end = X509_get0_notAfter(chain[i].get());
    // 0 is a time that cannot be read; it compares as neither.
    if (X509_cmp_current_time(end) <= 0) {
      scope.report(option, in_quotes(path),
                   which + "has expired on " + show_time(end) +
                       "; allowed: a certificate that is valid now");
    } else if (X509_cmp_current_time(begin) >= 0) {
      scope.report(option, in_quotes(path),
                   which + "is valid only from " + show_time(begin) +
                       " on; allowed: a certificate that is valid now");
    }
  }
}

Key read_key(const std::string& path, const std::string& option, Scope& scope) {
  bool asked = false;
  const Bio file(BIO_new_file(path.c_str(), "r"));
  Key key(file ? PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, &asked) : nullptr);
  if (!key) {
    scope.report(option, in_quotes(path),
                 asked ? "has a passphrase; allowed: a private key in PEM without one"
                       : "holds no private key in PEM; allowed: the key of the certificate, "
                         "beginning with -----BEGIN PRIVATE KEY-----");
  }
  return key;
}

// What only the TLS library itself knows, for example that a key is too short for it.
void check_served(const TlsFiles& files, const std::string& option, Scope& scope) {
  const Context context(SSL_CTX_new(TLS_server_method()));
  if (!context) return;
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.cert_file.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), files.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    scope.report(option, in_quotes(files.cert_file), "cannot be served: " + openssl_error());
  }
}

}  // namespace

void check_certificate(const TlsFiles& files, const std::string& section, Scope& scope) {
  const std::string cert_option = section + ".cert_file";
  const std::string key_option = section + ".key_file";
  std::vector<Certificate> chain;
  if (!files.cert_file.empty()) {
    chain = read_chain(files.cert_file);
    if (chain.empty()) {
      scope.report(cert_option, in_quotes(files.cert_file),
                   "holds no certificate in PEM; allowed: the certificate and those between it and "
                   "its CA, each beginning with -----BEGIN CERTIFICATE-----");
    }
    check_dates(chain, files.cert_file, cert_option, scope);
  }
  Key key;
  if (!files.key_file.empty()) key = read_key(files.key_file, key_option, scope);
  if (!chain.empty() && key) {
    if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
      scope.report(key_option, in_quotes(files.key_file),
                   "is not the key of the certificate in " + in_quotes(files.cert_file) +
                       "; allowed: the private key that the certificate was made for");
    } else {
      check_served(files, cert_option, scope);
    }
  }
  ERR_clear_error();
}

}  // namespace innkeeper::config
