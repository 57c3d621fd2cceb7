#pragma once

#include <string>
#include <vector>

#include "actors/domain/result.hpp"

// The CA of a cluster, kept in a directory as ca.key and ca.crt. Whoever has a certificate of it is
// taken for a node, so it signs nothing but nodes: the CA may have no CA below it, and what it issues
// is no CA. Used by the command line only; a running node never needs the CA's key.
namespace innkeeper::cluster {

inline constexpr int authority_days = 3'650;
inline constexpr int node_days = 365;
inline constexpr int days_max = 36'500;

// Makes a CA (EC P-256) in the directory, which is made when missing: ca.key with mode 0600, ca.crt.
// Refuses when one of them is there. Errors name the file, or the option in `field`.
[[nodiscard]] domain::Result<void> make_authority(const std::string& directory, int days);

struct NodeRequest {
  std::string node;
  std::vector<std::string> addresses;  // host names and IP addresses that peers dial
  int days = node_days;
  std::string out;     // directory of the node's files; empty: the CA's
  bool renew = false;  // replace the certificate, keep the key
};
struct NodeFiles {
  std::string cert_file;
  std::string key_file;
  std::string ca_file;
};

// Issues NODE.crt, with its key in NODE.key (mode 0600), and puts ca.crt beside them: what the node
// needs as `[cluster] cert_file, key_file, ca_file`.
//
// The certificate has the node's name as its CN and as the URI "innkeeper:node:NAME": a URI, since a
// node's name need not be a host name, and since it says that this is a node. Its addresses are DNS
// names and IP addresses beside it. It may be used as server and as client, from an hour ago on (clocks
// differ), and never for longer than the CA.
//
// Renewing keeps the key, so that the two files fit each other at every moment: nodes read them for
// each new connection. Without addresses the renewed certificate has those of the old one.
[[nodiscard]] domain::Result<NodeFiles> issue_certificate(const std::string& directory,
                                                          const NodeRequest& request);

}  // namespace innkeeper::cluster
