#include "config/certificates.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <utility>
#include <vector>

#include "config/pem.hpp"

namespace innkeeper::config {
namespace {

using Context = std::unique_ptr<SSL_CTX, pem::Free<SSL_CTX, SSL_CTX_free>>;

std::string in_quotes(const std::string& text) { return "\"" + text + "\""; }

void check_dates(const std::vector<pem::Certificate>& chain, const std::string& path,
                 const std::string& option, Scope& scope) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const std::string which =
        i == 0 ? "" : "certificate " + std::to_string(i + 1) + " of the chain ";
    const std::string problem = pem::validity_problem(chain[i].get());
    if (!problem.empty()) scope.report(option, in_quotes(path), which + problem);
  }
}

pem::Key read_key(const std::string& path, const std::string& option, Scope& scope) {
  auto key = pem::read_key(path);
  if (key) return *std::move(key);
  scope.report(option, in_quotes(path), key.error().message);
  return {};
}

// What only the TLS library itself knows, for example that a key is too short for it.
void check_served(const TlsFiles& files, const std::string& option, Scope& scope) {
  const Context context(SSL_CTX_new(TLS_server_method()));
  if (!context) return;
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.cert_file.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), files.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    scope.report(option, in_quotes(files.cert_file), "cannot be served: " + pem::openssl_error());
  }
}

}  // namespace

void check_certificate(const TlsFiles& files, const std::string& section, Scope& scope) {
  const std::string cert_option = section + ".cert_file";
  const std::string key_option = section + ".key_file";
  std::vector<pem::Certificate> chain;
  if (!files.cert_file.empty()) {
    chain = pem::read_chain(files.cert_file);
    if (chain.empty()) {
      scope.report(cert_option, in_quotes(files.cert_file),
                   "holds no certificate in PEM; allowed: the certificate and those between it and "
                   "its CA, each beginning with -----BEGIN CERTIFICATE-----");
    }
    check_dates(chain, files.cert_file, cert_option, scope);
  }
  pem::Key key;
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
