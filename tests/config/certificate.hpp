#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdio>
#include <memory>
#include <string>

namespace innkeeper::config::test {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

inline Key make_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

// A self-signed certificate, valid from `begin` to `end` seconds from now.
inline void write_certificate(const std::string& path, EVP_PKEY* key, long begin, long end,
                              const char* mode = "w") {
  const std::unique_ptr<X509, decltype(&X509_free)> cert(X509_new(), X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), begin);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), end);
  X509_set_pubkey(cert.get(), key);
  X509_NAME* const name = X509_get_subject_name(cert.get());
  static constexpr unsigned char host[] = "localhost";
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0);
  X509_set_issuer_name(cert.get(), name);
  X509_sign(cert.get(), key, EVP_sha256());
  FILE* const out = std::fopen(path.c_str(), mode);
  PEM_write_X509(out, cert.get());
  std::fclose(out);
}

inline void write_key(const std::string& path, EVP_PKEY* key, const char* passphrase = nullptr) {
  FILE* const out = std::fopen(path.c_str(), "w");
  if (passphrase == nullptr) {
    PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  } else {
    std::string copy(passphrase);
    PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(), nullptr, 0, nullptr, copy.data());
  }
  std::fclose(out);
}

}  // namespace innkeeper::config::test
