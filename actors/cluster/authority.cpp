#include "actors/cluster/authority.hpp"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "actors/cluster/node_certificate.hpp"
#include "actors/cluster/publish.hpp"
#include "actors/domain/ids.hpp"
#include "config/parse.hpp"
#include "config/pem.hpp"

namespace innkeeper::cluster {
namespace {

namespace pem = config::pem;
using domain::Error;
using domain::ErrorCode;
using domain::Result;

constexpr long hour = 3'600;
constexpr int serial_bits = 127;  // positive and at most 20 octets (RFC 5280, 4.1.2.2)
constexpr std::size_t addresses_max = 100;

Error invalid(std::string field, std::string message) {
  return {.code = ErrorCode::invalid, .message = std::move(message), .field = std::move(field)};
}
Error refused(std::string message) {
  return {.code = ErrorCode::refused, .message = std::move(message)};
}
Error failed(const std::string& what) {
  return {.code = ErrorCode::internal, .message = what + ": " + pem::openssl_error()};
}

Result<void> check_days(int days) {
  if (days >= 1 && days <= days_max) return {};
  return invalid("--days", "must be from 1 to " + std::to_string(days_max));
}

std::string key_path(const std::string& directory) { return directory + "/ca.key"; }
std::string cert_path(const std::string& directory) { return directory + "/ca.crt"; }

struct Authority {
  pem::Key key;
  pem::Certificate certificate;
};

struct Extension {
  int nid;
  std::string value;
};

// What one certificate says that others do not.
struct Draft {
  std::string common_name;
  int days;
  std::vector<Extension> extensions;
};

bool add_extension(X509* certificate, X509* issuer, const Extension& extension) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  using Owned = std::unique_ptr<X509_EXTENSION, pem::Free<X509_EXTENSION, X509_EXTENSION_free>>;
  const Owned made(
      X509V3_EXT_nconf_nid(nullptr, &context, extension.nid, extension.value.c_str()));
  return made && X509_add_ext(certificate, made.get(), -1) == 1;
}

bool set_serial(X509* certificate) {
  const std::unique_ptr<BIGNUM, pem::Free<BIGNUM, BN_free>> number(BN_new());
  return number && BN_rand(number.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_name(X509* certificate, const std::string& common_name) {
  std::vector<unsigned char> bytes(common_name.begin(), common_name.end());
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                                    bytes.data(), static_cast<int>(bytes.size()), -1, 0) == 1;
}

// Signed by `authority`, or by its own key when that is null.
pem::Certificate make_certificate(const Draft& draft, EVP_PKEY* key, const Authority* authority) {
  pem::Certificate made(X509_new());
  if (!made) return {};
  X509* const issuer = authority == nullptr ? made.get() : authority->certificate.get();
  const bool complete =
      X509_set_version(made.get(), X509_VERSION_3) == 1 && set_serial(made.get()) &&
      X509_gmtime_adj(X509_getm_notBefore(made.get()), -hour) != nullptr &&
      X509_time_adj_ex(X509_getm_notAfter(made.get()), draft.days, 0, nullptr) != nullptr &&
      X509_set_pubkey(made.get(), key) == 1 && set_name(made.get(), draft.common_name) &&
      X509_set_issuer_name(made.get(), X509_get_subject_name(issuer)) == 1 &&
      std::all_of(draft.extensions.begin(), draft.extensions.end(),
                  [&](const Extension& one) { return add_extension(made.get(), issuer, one); }) &&
      X509_sign(made.get(), authority == nullptr ? key : authority->key.get(), EVP_sha256()) > 0;
  if (!complete) return {};
  return made;
}

std::string text_of(const pem::Bio& bio) {
  const char* text = nullptr;
  const long length = BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, &text);
  return length > 0 ? std::string(text, static_cast<std::size_t>(length)) : std::string();
}
std::string key_text(EVP_PKEY* key) {
  const pem::Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr,
                                            nullptr) != 1)
    return {};
  return text_of(bio);
}
std::string certificate_text(X509* certificate) {
  const pem::Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) return {};
  return text_of(bio);
}

// Two CAs never have one name: a certificate of the other one is then told apart at once.
std::string authority_name() {
  std::string name = "Innkeeper cluster CA ";
  const std::unique_ptr<BIGNUM, pem::Free<BIGNUM, BN_free>> number(BN_new());
  if (!number || BN_rand(number.get(), 32, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1) return name;
  char* const digits = BN_bn2hex(number.get());
  if (digits != nullptr) name += digits;
  OPENSSL_free(digits);
  return name;
}

Result<Authority> load_authority(const std::string& directory) {
  const std::string path = cert_path(directory);
  auto chain = pem::read_chain(path);
  if (chain.empty()) {
    return refused(path + " holds no CA; `innkeeper certs init --dir " + directory +
                   "` makes one");
  }
  Authority found{.key = {}, .certificate = std::move(chain.front())};
  auto key = pem::read_key(key_path(directory));
  if (!key) return refused(key_path(directory) + " " + key.error().message);
  found.key = *std::move(key);
  if (X509_check_private_key(found.certificate.get(), found.key.get()) != 1)
    return refused(key_path(directory) + " is not the key of the CA in " + path);
  if (X509_check_ca(found.certificate.get()) != 1) return refused(path + " is not a CA");
  const std::string problem = pem::validity_problem(found.certificate.get());
  if (!problem.empty()) return refused(path + " " + problem);
  return found;
}

Result<void> check_request(const NodeRequest& request) {
  if (auto days = check_days(request.days); !days) return days;
  if (!domain::is_valid_name(request.node))
    return invalid("--node", "must be the node's name: 1 to 64 characters of A-Z a-z 0-9 _ -");
  // Its files would be those of the CA.
  if (request.node == "ca") return invalid("--node", "must not be \"ca\": ca.key is the CA's");
  if (request.addresses.size() > addresses_max)
    return invalid("--address", "must be given at most " + std::to_string(addresses_max) + " times");
  for (const std::string& address : request.addresses) {
    if (!config::is_host(address))
      return invalid("--address", "must be an IP address or a host name, without a port; got \"" +
                                      address + "\"");
  }
  return {};
}

// A certificate that outlives its CA would stop to work on a day that it does not name.
Result<void> check_outlived(const Authority& authority, int days) {
  int left = 0;
  int seconds = 0;
  const ASN1_TIME* const end = X509_get0_notAfter(authority.certificate.get());
  if (ASN1_TIME_diff(&left, &seconds, nullptr, end) != 1) return failed("cannot read the CA's end");
  if (days <= left) return {};
  if (left < 1) return refused("the CA ends on " + pem::show_time(end) + ": make a new one");
  return invalid("--days", "must be from 1 to " + std::to_string(left) + ": the CA ends on " +
                               pem::show_time(end));
}

std::string alternative_names(const std::string& node, const std::vector<std::string>& addresses) {
  std::string names = std::string("URI:") + node_uri_prefix + node;
  for (const std::string& address : addresses) {
    const bool ip = address.find(':') != std::string::npos ||
                    address.find_first_not_of("0123456789.") == std::string::npos;
    names.append(ip ? ",IP:" : ",DNS:").append(address);
  }
  return names;
}

Draft node_draft(const NodeRequest& request, const std::vector<std::string>& addresses) {
  return {.common_name = request.node,
          .days = request.days,
          .extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                         {NID_key_usage, "critical,digitalSignature"},
                         {NID_ext_key_usage, "serverAuth,clientAuth"},
                         {NID_subject_key_identifier, "hash"},
                         {NID_authority_key_identifier, "keyid:always"},
                         {NID_subject_alt_name, alternative_names(request.node, addresses)}}};
}

// The CA beside the node's files. One that is there is left alone when it is this CA or holds it among
// others, as while one CA takes over from another.
Result<void> place_authority(const Authority& authority, const std::string& path) {
  if (!exists(path))
    return publish(path, certificate_text(authority.certificate.get()), 0644, Existing::refuse);
  for (const auto& one : pem::read_chain(path)) {
    if (X509_cmp(one.get(), authority.certificate.get()) == 0) return {};
  }
  return refused(path + " holds another CA; choose another --out, or add this CA to that file");
}

// A new key, or on renewal the one that is there.
Result<pem::Key> node_key(const NodeRequest& request, const NodeFiles& files) {
  if (request.renew) {
    if (!exists(files.key_file))
      return refused(files.key_file + " is not there to be renewed; leave --renew out");
    auto key = pem::read_key(files.key_file);
    if (!key) return refused(files.key_file + " " + key.error().message);
    return key;
  }
  for (const std::string& path : {files.key_file, files.cert_file}) {
    if (exists(path)) {
      return refused(path +
                     " exists already; --renew replaces the certificate and keeps the key");
    }
  }
  pem::Key key(EVP_EC_gen("P-256"));
  if (!key) return failed("cannot make a key");
  return key;
}

std::vector<std::string> addresses_of(const NodeRequest& request, const NodeFiles& files) {
  if (!request.renew || !request.addresses.empty()) return request.addresses;
  const auto old = describe_certificate(files.cert_file);
  return old ? old->addresses : std::vector<std::string>{};
}

}  // namespace

Result<void> make_authority(const std::string& directory, int days) {
  if (auto checked = check_days(days); !checked) return checked;
  if (auto made = make_directory(directory); !made) return made;
  for (const std::string& path : {key_path(directory), cert_path(directory)}) {
    if (exists(path)) {
      return refused(path + " exists already; a CA is never overwritten, as every node's "
                            "certificate hangs on it");
    }
  }
  const pem::Key key(EVP_EC_gen("P-256"));
  const Draft draft{.common_name = authority_name(),
                    .days = days,
                    .extensions = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                   {NID_key_usage, "critical,keyCertSign"},
                                   {NID_subject_key_identifier, "hash"}}};
  const pem::Certificate certificate = key ? make_certificate(draft, key.get(), nullptr) : nullptr;
  if (!certificate) return failed("cannot make the CA");
  if (auto done = publish(key_path(directory), key_text(key.get()), 0600, Existing::refuse); !done)
    return done;
  return publish(cert_path(directory), certificate_text(certificate.get()), 0644,
                 Existing::refuse);
}

Result<NodeFiles> issue_certificate(const std::string& directory, const NodeRequest& request) {
  if (auto checked = check_request(request); !checked) return checked.error();
  const auto authority = load_authority(directory);
  if (!authority) return authority.error();
  if (auto checked = check_outlived(*authority, request.days); !checked) return checked.error();
  const std::string out = request.out.empty() ? directory : request.out;
  if (auto made = make_directory(out); !made) return made.error();
  const std::string start = out + "/" + request.node;
  NodeFiles files{.cert_file = start + ".crt", .key_file = start + ".key", .ca_file = cert_path(out)};
  const auto key = node_key(request, files);
  if (!key) return key.error();
  const pem::Certificate certificate =
      make_certificate(node_draft(request, addresses_of(request, files)), key->get(), &*authority);
  if (!certificate) return failed("cannot make the certificate");
  if (auto placed = place_authority(*authority, files.ca_file); !placed) return placed.error();
  if (!request.renew) {
    auto done = publish(files.key_file, key_text(key->get()), 0600, Existing::refuse);
    if (!done) return done.error();
  }
  auto done = publish(files.cert_file, certificate_text(certificate.get()), 0644,
                      request.renew ? Existing::replace : Existing::refuse);
  if (!done) return done.error();
  return files;
}

}  // namespace innkeeper::cluster
