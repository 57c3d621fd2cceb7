#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "actors/domain/result.hpp"

// OpenSSL's objects with an owner, and PEM files read into them. Nothing here throws or prompts.
namespace innkeeper::config::pem {

template <class T, void (*free)(T*)>
struct Free {
  void operator()(T* object) const noexcept { free(object); }
};
using Bio = std::unique_ptr<BIO, Free<BIO, BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;

// The last entry of OpenSSL's error queue, which is emptied.
[[nodiscard]] std::string openssl_error();

// A time of a certificate for people, in UTC.
[[nodiscard]] std::string show_time(const ASN1_TIME* time);

// The certificates of a file in PEM, in its order; empty when it cannot be read or holds none.
[[nodiscard]] std::vector<Certificate> read_chain(const std::string& path);

// The private key of a file in PEM. The message of the error goes on where the file's name ends:
// "has a passphrase; …".
[[nodiscard]] domain::Result<Key> read_key(const std::string& path);

// Nothing, or why the certificate is not valid now: "has expired on …; …".
[[nodiscard]] std::string validity_problem(const X509* certificate);

}  // namespace innkeeper::config::pem
