#include "gateway/certs_command.hpp"

#include <memory>
#include <string>

#include <fmt/format.h>

#include "actors/cluster/authority.hpp"
#include "actors/cluster/node_certificate.hpp"
#include "actors/cluster/publish.hpp"
#include "gateway/serve.hpp"

namespace innkeeper {
namespace {

constexpr long day_seconds = 86'400;

struct Arguments {
  std::string directory;
  int authority_days = cluster::authority_days;
  cluster::NodeRequest node;
  std::string file;
};

int fail(const domain::Error& error) {
  if (error.field.rfind("--", 0) == 0)
    fmt::print(stderr, "{}: {}\n", error.field, error.message);
  else
    fmt::print(stderr, "{}\n", error.message);
  return exit_usage;
}

int init(const Arguments& given) {
  const auto made = cluster::make_authority(given.directory, given.authority_days);
  if (!made) return fail(made.error());
  fmt::print("CA in {0}/ca.crt; its key {0}/ca.key can make nodes: keep it off them and safe\n",
             given.directory);
  return exit_ok;
}

int issue(const Arguments& given) {
  const auto files = cluster::issue_certificate(given.directory, given.node);
  if (!files) return fail(files.error());
  fmt::print("[cluster]\ncert_file = \"{}\"\nkey_file = \"{}\"\nca_file = \"{}\"\n",
             files->cert_file, files->key_file, files->ca_file);
  return exit_ok;
}

std::string beside(const std::string& file) {
  const auto slash = file.rfind('/');
  return (slash == std::string::npos ? "" : file.substr(0, slash + 1)) + "ca.crt";
}

std::string owner(const cluster::CertificateFacts& facts) {
  if (facts.authority) return "CA " + facts.common_name;
  if (!facts.node.empty()) return "node " + facts.node;
  return "no node of Innkeeper's making, CN " + facts.common_name;
}

std::string uses(const cluster::CertificateFacts& facts) {
  if (facts.authority) return "signs certificates of nodes";
  if (facts.server && facts.client) return "server and client";
  if (facts.server) return "server only";
  return facts.client ? "client only" : "neither server nor client";
}

std::string remaining(long seconds) {
  if (seconds < 0) return "expired";
  return seconds < day_seconds ? "less than a day left"
                               : fmt::format("{} days left", seconds / day_seconds);
}

int show(const Arguments& given) {
  const auto facts = cluster::describe_certificate(given.file);
  if (!facts) return fail(facts.error());
  fmt::print("for       {}\n", owner(*facts));
  if (!facts->addresses.empty())
    fmt::print("at        {}\n", fmt::join(facts->addresses, ", "));
  fmt::print("valid     {} to {}, {}\n", facts->valid_from, facts->valid_until,
             remaining(facts->seconds_left));
  fmt::print("use       {}\n", uses(*facts));
  std::string problem;
  if (!facts->authority) {
    const std::string authority = beside(given.file);
    if (!cluster::exists(authority)) {
      fmt::print("CA        not beside it: {} is not there\n", authority);
    } else if (const auto signed_by = cluster::check_signed(given.file, authority); signed_by) {
      fmt::print("CA        signed by the one in {}\n", authority);
    } else {
      problem = signed_by.error().message;
      fmt::print("CA        not good with the one in {}\n", authority);
    }
  }
  fmt::print("sha256    {}\n", facts->fingerprint);
  if (!facts->problem.empty()) problem = given.file + " " + facts->problem;
  if (problem.empty()) return exit_ok;
  fmt::print(stderr, "{}\n", problem);
  return exit_usage;
}

}  // namespace

void add_certs_command(CLI::App& app, int& code) {
  // Outlives this function: the options write into it while the command line is parsed.
  const auto given = std::make_shared<Arguments>();
  auto* const certs = app.add_subcommand("certs", "make and show the certificates of a cluster");
  certs->require_subcommand(1);

  auto* const on_init = certs->add_subcommand("init", "make the CA of a cluster");
  on_init->add_option("--dir", given->directory, "where it is kept: ca.key and ca.crt")->required();
  on_init->add_option("--days", given->authority_days, "how long it is valid")->capture_default_str();
  on_init->callback([given, &code] { code = init(*given); });

  auto* const on_issue = certs->add_subcommand("issue", "make a key and a certificate for a node");
  on_issue->add_option("--dir", given->directory, "where the CA is kept")->required();
  on_issue->add_option("--node", given->node.node, "the node's name, as in node.name")->required();
  on_issue
      ->add_option("--address", given->node.addresses,
                   "a host name or IP address that other nodes dial; may be given again")
      ->allow_extra_args(false)
      ->take_all();
  on_issue->add_option("--days", given->node.days, "how long it is valid")->capture_default_str();
  on_issue->add_option("--out", given->node.out, "where its files go; by default beside the CA");
  on_issue->add_flag("--renew", given->node.renew, "replace the certificate and keep the key");
  on_issue->callback([given, &code] { code = issue(*given); });

  auto* const on_show = certs->add_subcommand("show", "what a certificate is, for whom, until when");
  on_show->add_option("file", given->file, "a certificate in PEM")->required();
  on_show->callback([given, &code] { code = show(*given); });
}

}  // namespace innkeeper
