#include "config/pem.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <ctime>
#include <utility>

namespace innkeeper::config::pem {
namespace {

// Never a prompt: a node has nobody who could answer. Leaves a note that it was called.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

}  // namespace

std::string openssl_error() {
  std::string text = "unknown error";
  while (const unsigned long code = ERR_get_error()) {
    if (const char* const reason = ERR_reason_error_string(code)) text = reason;
  }
  return text;
}

std::string show_time(const ASN1_TIME* time) {
  std::tm parts{};
  std::array<char, 64> text{};
  if (ASN1_TIME_to_tm(time, &parts) != 1 ||
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
    return "a time that cannot be read";
  }
  return text.data();
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
  ERR_clear_error();
  return chain;
}

domain::Result<Key> read_key(const std::string& path) {
  bool asked = false;
  const Bio file(BIO_new_file(path.c_str(), "r"));
  Key key(file ? PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, &asked) : nullptr);
  ERR_clear_error();
  if (key) return key;
  return domain::Error{
      .code = domain::ErrorCode::invalid,
      .message = asked ? "has a passphrase; allowed: a private key in PEM without one"
                       : "holds no private key in PEM; allowed: the key of the certificate, "
                         "beginning with -----BEGIN PRIVATE KEY-----"};
}

std::string validity_problem(const X509* certificate) {
  const ASN1_TIME* const begin = X509_get0_notBefore(certificate);
  const ASN1_TIME* const end = X509_get0_notAfter(certificate);
  // 0 is a time that cannot be read; it compares as neither.
  if (X509_cmp_current_time(end) <= 0) {
    return "has expired on " + show_time(end) + "; allowed: a certificate that is valid now";
  }
  if (X509_cmp_current_time(begin) >= 0) {
    return "is valid only from " + show_time(begin) +
           " on; allowed: a certificate that is valid now";
  }
  return {};
}

}  // namespace innkeeper::config::pem
