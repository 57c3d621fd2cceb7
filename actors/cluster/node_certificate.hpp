#pragma once

#include <string>
#include <vector>

#include "actors/cluster/authority.hpp"
#include "actors/domain/result.hpp"

// What a certificate says, and whether a node of the cluster can work with it.
namespace innkeeper::cluster {

// The URI of a certificate that says whose it is goes on with the name of the node.
inline constexpr const char* node_uri_prefix = "innkeeper:node:";

struct CertificateFacts {
  bool authority = false;              // may sign certificates
  std::string common_name;             // empty when there is none
  std::string node;                    // the node that it is for, by its URI; empty without one
  std::vector<std::string> addresses;  // DNS names and IP addresses
  std::string valid_from;
  std::string valid_until;
  long seconds_left = 0;  // negative once it has expired
  bool server = false;    // may be used as such
  bool client = false;
  std::string problem;      // empty, or why it is not valid now
  std::string fingerprint;  // SHA-256, as `openssl x509 -fingerprint` has it
};

// Of the first certificate of a file in PEM.
[[nodiscard]] domain::Result<CertificateFacts> describe_certificate(const std::string& path);

// Whether the first certificate of the file leads to a CA in `ca_file` and may be used by nodes, both as
// server and as client. The message of the error begins with the file's name and says what to do.
[[nodiscard]] domain::Result<void> check_signed(const std::string& path, const std::string& ca_file);

// Whether the node can serve and connect with these files: they can be read, the certificate is for
// the node `name`, valid now, signed by the CA, for servers and clients, and the key is its key. It is for
// the node that its URI names; one from elsewhere, without such a URI, is for the node that a DNS name of
// it or its CN names. `field` of the error is cert_file, key_file or ca_file.
//
// To be called before each use: CAF's TLS ends the process when it cannot read them (docs/operations.md).
[[nodiscard]] domain::Result<CertificateFacts> check_node_certificate(const NodeFiles& files,
                                                                      const std::string& name);

}  // namespace innkeeper::cluster
