#include "actors/cluster/node_certificate.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "config/pem.hpp"

namespace innkeeper::cluster {
namespace {

namespace pem = config::pem;
using domain::Error;
using domain::ErrorCode;
using domain::Result;

constexpr long day_seconds = 86'400;

Error problem_of(const char* field, const std::string& path, const std::string& problem) {
  return {.code = ErrorCode::refused, .message = path + " " + problem, .field = field};
}

std::string address_text(const ASN1_OCTET_STRING* address) {
  const int length = ASN1_STRING_length(address);
  const int family = length == 4 ? AF_INET : AF_INET6;
  if (length != 4 && length != 16) return "an address of " + std::to_string(length) + " bytes";
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_ntop(family, ASN1_STRING_get0_data(address), text.data(), text.size()) == nullptr)
    return {};
  return text.data();
}

// Without bytes that could trick a terminal or a comparison.
std::string plain(const ASN1_STRING* text) {
  std::string copy;
  const unsigned char* const bytes = ASN1_STRING_get0_data(text);
  for (int i = 0; i < ASN1_STRING_length(text); ++i) {
    const auto c = static_cast<char>(bytes[i]);
    copy += c > ' ' && c < 0x7f ? c : '?';
  }
  return copy;
}

std::string common_name(const X509* certificate) {
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return {};
  unsigned char* utf8 = nullptr;
  const int length = ASN1_STRING_to_UTF8(
      &utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  if (length < 0) return {};
  std::string name;
  for (int i = 0; i < length; ++i) {
    const auto c = static_cast<char>(utf8[i]);
    name += c >= ' ' && c < 0x7f ? c : '?';
  }
  OPENSSL_free(utf8);
  return name;
}

void read_alternative_names(const X509* certificate, CertificateFacts& facts) {
  using Names = std::unique_ptr<GENERAL_NAMES, pem::Free<GENERAL_NAMES, GENERAL_NAMES_free>>;
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  const std::string prefix = node_uri_prefix;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const void* const value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    const auto* const text = static_cast<const ASN1_STRING*>(value);
    if (type == GEN_IPADD) facts.addresses.push_back(address_text(text));
    if (type == GEN_DNS) facts.addresses.push_back(plain(text));
    if (type != GEN_URI) continue;
    const std::string uri = plain(text);
    if (uri.compare(0, prefix.size(), prefix) == 0) facts.node = uri.substr(prefix.size());
  }
}

std::string fingerprint(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &length) != 1) return {};
  static constexpr const char* digits = "0123456789ABCDEF";
  std::string text;
  for (unsigned int i = 0; i < length; ++i) {
    if (i > 0) text += ':';
    text += digits[digest[i] >> 4U];
    text += digits[digest[i] & 15U];
  }
  return text;
}

CertificateFacts facts_of(X509* certificate) {
  CertificateFacts facts;
  facts.authority = X509_check_ca(certificate) == 1;
  facts.common_name = common_name(certificate);
  read_alternative_names(certificate, facts);
  facts.valid_from = pem::show_time(X509_get0_notBefore(certificate));
  facts.valid_until = pem::show_time(X509_get0_notAfter(certificate));
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)) == 1)
    facts.seconds_left = days * day_seconds + seconds;
  facts.server = X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0) == 1;
  facts.client = X509_check_purpose(certificate, X509_PURPOSE_SSL_CLIENT, 0) == 1;
  facts.problem = pem::validity_problem(certificate);
  facts.fingerprint = fingerprint(certificate);
  ERR_clear_error();
  return facts;
}

// What the peers of this node would find when it shows them its certificate.
struct Finding {
  int code = X509_V_OK;
  int depth = 0;
};

Finding verify(const std::vector<pem::Certificate>& chain,
               const std::vector<pem::Certificate>& authorities, int purpose) {
  using Store = std::unique_ptr<X509_STORE, pem::Free<X509_STORE, X509_STORE_free>>;
  using Context = std::unique_ptr<X509_STORE_CTX, pem::Free<X509_STORE_CTX, X509_STORE_CTX_free>>;
  const auto free_stack = [](STACK_OF(X509) * stack) { sk_X509_free(stack); };
  const Store store(X509_STORE_new());
  const Context context(X509_STORE_CTX_new());
  const std::unique_ptr<STACK_OF(X509), decltype(free_stack)> rest(sk_X509_new_null(), free_stack);
  if (!store || !context || !rest) return {.code = X509_V_ERR_OUT_OF_MEM};
  for (const auto& one : authorities) X509_STORE_add_cert(store.get(), one.get());
  for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(rest.get(), chain[i].get());
  if (X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(), rest.get()) != 1)
    return {.code = X509_V_ERR_OUT_OF_MEM};
  X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(context.get()), purpose);
  Finding found;
  if (X509_verify_cert(context.get()) != 1) {
    found = {.code = X509_STORE_CTX_get_error(context.get()),
             .depth = X509_STORE_CTX_get_error_depth(context.get())};
  }
  ERR_clear_error();
  return found;
}

std::string sentence(const Finding& found, const std::string& ca_file, const char* role) {
  const bool leaf = found.depth == 0;
  switch (found.code) {
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_INVALID_CA:
      if (!leaf) return "is signed by a certificate that is no CA, see " + ca_file;
      return std::string("may not be used as a ") + role +
             "; allowed: one with the extended key usages serverAuth and clientAuth, as "
             "`innkeeper certs issue` makes it";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "is not signed by the CA in " + ca_file +
             "; allowed: a certificate that this CA has issued";
    default:
      break;
  }
  return std::string(leaf ? "is refused: " : "is refused for its CA in " + ca_file + ": ") +
         X509_verify_cert_error_string(found.code);
}

Result<void> check_chain(const std::string& path, const std::vector<pem::Certificate>& chain,
                         const std::string& ca_file) {
  const auto authorities = pem::read_chain(ca_file);
  if (authorities.empty()) {
    return problem_of("ca_file", ca_file,
                      "holds no certificate in PEM; allowed: the ca.crt of the cluster");
  }
  const std::pair<int, const char*> roles[] = {{X509_PURPOSE_SSL_SERVER, "server"},
                                               {X509_PURPOSE_SSL_CLIENT, "client"}};
  for (const auto& [purpose, role] : roles) {
    const Finding found = verify(chain, authorities, purpose);
    if (found.code != X509_V_OK)
      return problem_of("cert_file", path, sentence(found, ca_file, role));
  }
  return {};
}

Result<std::vector<pem::Certificate>> read_certificate(const std::string& path) {
  auto chain = pem::read_chain(path);
  if (!chain.empty()) return chain;
  return problem_of("cert_file", path,
                    "holds no certificate in PEM; allowed: a file that begins with -----BEGIN "
                    "CERTIFICATE-----");
}

// Who the certificate is for, when that is not the node.
std::string other_owner(const CertificateFacts& facts, const std::string& name) {
  if (!facts.node.empty()) return facts.node == name ? "" : facts.node;
  const bool named = facts.common_name == name ||
                     std::find(facts.addresses.begin(), facts.addresses.end(), name) !=
                         facts.addresses.end();
  if (named) return {};
  return facts.common_name.empty() ? "nobody in particular" : facts.common_name;
}

}  // namespace

Result<CertificateFacts> describe_certificate(const std::string& path) {
  const auto chain = read_certificate(path);
  if (!chain) return chain.error();
  return facts_of(chain->front().get());
}

Result<void> check_signed(const std::string& path, const std::string& ca_file) {
  const auto chain = read_certificate(path);
  if (!chain) return chain.error();
  return check_chain(path, *chain, ca_file);
}

Result<CertificateFacts> check_node_certificate(const NodeFiles& files, const std::string& name) {
  const auto chain = read_certificate(files.cert_file);
  if (!chain) return chain.error();
  auto facts = facts_of(chain->front().get());
  if (!facts.problem.empty()) return problem_of("cert_file", files.cert_file, facts.problem);
  const auto key = pem::read_key(files.key_file);
  if (!key) return problem_of("key_file", files.key_file, key.error().message);
  if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
    ERR_clear_error();
    return problem_of("key_file", files.key_file,
                      "is not the key of the certificate in " + files.cert_file +
                          "; allowed: the private key that the certificate was made for");
  }
  if (auto checked = check_chain(files.cert_file, *chain, files.ca_file); !checked)
    return checked.error();
  const std::string owner = other_owner(facts, name);
  if (!owner.empty()) {
    return problem_of("cert_file", files.cert_file,
                      "is for " + owner + ", not for the node " + name +
                          "; allowed: `innkeeper certs issue --node " + name + "` makes one");
  }
  return facts;
}

}  // namespace innkeeper::cluster
