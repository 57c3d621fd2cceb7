#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "actors/cluster/authority.hpp"
#include "actors/cluster/node_certificate.hpp"
#include "actors/cluster/publish.hpp"
#include "tests/config/certificate.hpp"

namespace innkeeper::cluster {
namespace {

namespace fs = std::filesystem;
using config::test::make_key;
using config::test::write_certificate;
using config::test::write_key;

constexpr long hour = 3'600;

class Folder {
 public:
  Folder() {
    std::string path = (fs::temp_directory_path() / "cluster-XXXXXX").string();
    path_ = ::mkdtemp(path.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

mode_t mode(const std::string& path) {
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A CA in `folder`/NAME.
std::string make_ca(const Folder& folder, const std::string& name = "ca", int days = 100) {
  std::string directory = folder / name;
  REQUIRE(make_authority(directory, days).has_value());
  return directory;
}

NodeRequest request(const std::string& node, bool renew = false) {
  return {.node = node, .addresses = {"10.0.0.1", "node.example", "2001:db8::1"}, .days = 10,
          .out = {}, .renew = renew};
}

NodeFiles issue(const std::string& ca, const NodeRequest& request) {
  const auto files = issue_certificate(ca, request);
  if (!files) FAIL(files.error().message);
  return *files;
}

std::string issue_error(const std::string& ca, const NodeRequest& request) {
  const auto files = issue_certificate(ca, request);
  return files ? "no error" : files.error().field + " " + files.error().message;
}

std::string check_error(const NodeFiles& files, const std::string& name) {
  const auto checked = check_node_certificate(files, name);
  return checked ? "no error" : checked.error().field + ": " + checked.error().message;
}

}  // namespace

TEST_CASE("a CA may sign, and its key is its owner's only") {
  const Folder folder;
  const std::string ca = make_ca(folder);
  CHECK(mode(ca) == 0700);
  CHECK(mode(ca + "/ca.key") == 0600);
  CHECK(mode(ca + "/ca.crt") == 0644);
  const auto facts = describe_certificate(ca + "/ca.crt");
  REQUIRE(facts);
  CHECK(facts->authority);
  CHECK_FALSE(facts->server);
  CHECK_FALSE(facts->client);
  CHECK(contains(facts->common_name, "Innkeeper cluster CA "));
}

TEST_CASE("a CA is never overwritten") {
  const Folder folder;
  const std::string ca = make_ca(folder);
  const std::string before = content(ca + "/ca.key") + content(ca + "/ca.crt");
  CHECK_FALSE(make_authority(ca, 10).has_value());
  fs::remove(ca + "/ca.crt");
  const auto again = make_authority(ca, 10);
  REQUIRE_FALSE(again);
  CHECK(contains(again.error().message, "/ca.key exists already"));
  CHECK(content(ca + "/ca.key") + content(ca + "/ca.crt") == before.substr(0, content(ca + "/ca.key").size()));
}

TEST_CASE("two CAs have two names") {
  const Folder folder;
  CHECK(describe_certificate(make_ca(folder, "a") + "/ca.crt")->common_name !=
        describe_certificate(make_ca(folder, "b") + "/ca.crt")->common_name);
}

TEST_CASE("an issued certificate names its node and addresses, and serves both ends") {
  const Folder folder;
  const std::string ca = make_ca(folder);
  const NodeFiles files = issue(ca, request("node_1"));
  CHECK(mode(files.key_file) == 0600);
  const auto facts = check_node_certificate(files, "node_1");
  REQUIRE(facts);
  CHECK_FALSE(facts->authority);
  CHECK(facts->common_name == "node_1");
  CHECK(facts->node == "node_1");
  CHECK(facts->addresses == std::vector<std::string>{"10.0.0.1", "node.example", "2001:db8::1"});
  CHECK(facts->server);
  CHECK(facts->client);
  CHECK(facts->seconds_left > 9 * 24 * hour);
  CHECK(facts->problem.empty());
  // Nothing but the files is left: no temporary ones.
  CHECK(std::distance(fs::directory_iterator(ca), {}) == 4);
}

TEST_CASE("the longest name that a node may have fits a certificate") {
  const Folder folder;
  const std::string name(64, 'n');
  CHECK(check_error(issue(make_ca(folder), request(name)), name) == "no error");
}

TEST_CASE("a directory of its own gets all that a node needs") {
  const Folder folder;
  const std::string ca = make_ca(folder);
  NodeRequest other = request("node-1");
  other.out = folder / "out";
  const NodeFiles files = issue(ca, other);
  CHECK(files.cert_file == folder / "out/node-1.crt");
  CHECK(content(files.ca_file) == content(ca + "/ca.crt"));
  CHECK_FALSE(exists(folder / "out/ca.key"));
  CHECK(check_error(files, "node-1") == "no error");
  // Another CA beside the files is not overwritten, and nothing is issued beside it.
  other.node = "node-2";
  const std::string second = make_ca(folder, "second");
  CHECK(contains(issue_error(second, other), "holds another CA"));
  CHECK_FALSE(exists(folder / "out/node-2.key"));
  // A file with both, as while one takes over from the other, is left as it is.
  std::ofstream(files.ca_file, std::ios::app) << content(second + "/ca.crt");
  CHECK(check_error(issue(second, other), "node-2") == "no error");
  CHECK(check_error(files, "node-1") == "no error");
}

TEST_CASE("a renewal replaces the certificate and keeps the key and the addresses") {
  const Folder folder;
  const std::string ca = make_ca(folder);
  const NodeFiles files = issue(ca, request("node-1"));
  const std::string key = content(files.key_file);
  const std::string certificate = content(files.cert_file);
  CHECK(contains(issue_error(ca, request("node-1")), "exists already; --renew"));
  CHECK(content(files.cert_file) == certificate);
  NodeRequest renewal{.node = "node-1", .addresses = {}, .days = 20, .out = {}, .renew = true};
  issue(ca, renewal);
  CHECK(content(files.key_file) == key);
  CHECK(content(files.cert_file) != certificate);
  const auto facts = check_node_certificate(files, "node-1");
  REQUIRE(facts);
  CHECK(facts->addresses.size() == 3);
  CHECK(facts->seconds_left > 19 * 24 * hour);
  renewal.addresses = {"10.0.0.9"};
  issue(ca, renewal);
  CHECK(describe_certificate(files.cert_file)->addresses == renewal.addresses);
  CHECK(contains(issue_error(ca, request("node-2", true)), "leave --renew out"));
}

TEST_CASE("what cannot be issued is refused in one line and leaves nothing") {
  const Folder folder;
  const std::string ca = make_ca(folder);
  const auto with = [](auto change) {
    NodeRequest changed = request("node-1");
    change(changed);
    return changed;
  };
  const std::pair<NodeRequest, std::string> wrong[] = {
      {with([](NodeRequest& r) { r.node = ""; }), "--node must be the node's name"},
      {with([](NodeRequest& r) { r.node = "../ca"; }), "--node must be the node's name"},
      {with([](NodeRequest& r) { r.node = "a,DNS:b"; }), "--node must be the node's name"},
      {with([](NodeRequest& r) { r.node = std::string(65, 'n'); }), "--node must be the node's name"},
      {with([](NodeRequest& r) { r.node = "ca"; r.renew = true; }), "--node must not be \"ca\""},
      {with([](NodeRequest& r) { r.addresses = {"10.0.0.1:7400"}; }), "--address must be"},
      {with([](NodeRequest& r) { r.addresses = {"a,DNS:b"}; }), "--address must be"},
      {with([](NodeRequest& r) { r.addresses = {"10.0.0.256"}; }), "--address must be"},
      {with([](NodeRequest& r) { r.addresses.assign(101, "a"); }), "--address must be given at most 100"},
      {with([](NodeRequest& r) { r.days = 0; }), "--days must be from 1 to 36500"},
      {with([](NodeRequest& r) { r.days = 101; }), ": the CA ends on 20"},
      {with([&](NodeRequest& r) { r.out = folder / "no/such"; }), "cannot make the directory"}};
  for (const auto& [given, message] : wrong) {
    const std::string said = issue_error(ca, given);
    INFO(said);
    CHECK(contains(said, message));
    CHECK_FALSE(contains(said, "\n"));
  }
  CHECK(std::distance(fs::directory_iterator(ca), {}) == 2);
  CHECK_FALSE(make_authority(folder / "new", 0).has_value());
  CHECK_FALSE(exists(folder / "new"));
}

TEST_CASE("a CA that is missing, broken or not one issues nothing") {
  const Folder folder;
  CHECK(contains(issue_error(folder / "nowhere", request("a")), "innkeeper certs init"));
  const std::string ca = make_ca(folder);
  const std::string other = make_ca(folder, "other");
  fs::copy_file(other + "/ca.key", ca + "/ca.key", fs::copy_options::overwrite_existing);
  CHECK(contains(issue_error(ca, request("a")), "is not the key of the CA"));
  std::ofstream(ca + "/ca.key") << "hello\n";
  CHECK(contains(issue_error(ca, request("a")), "ca.key holds no private key"));
  const NodeFiles node = issue(other, request("a"));
  fs::copy_file(node.cert_file, ca + "/ca.crt", fs::copy_options::overwrite_existing);
  fs::copy_file(node.key_file, ca + "/ca.key", fs::copy_options::overwrite_existing);
  CHECK(contains(issue_error(ca, request("a")), "ca.crt is not a CA"));
}

TEST_CASE("a node is told what is wrong with its files") {
  const Folder folder;
  const std::string ca = make_ca(folder);
  const NodeFiles good = issue(ca, request("node-1"));
  const NodeFiles second = issue(ca, request("node-2"));
  const std::string other = make_ca(folder, "other");
  CHECK(check_error(good, "node-1") == "no error");
  CHECK(contains(check_error(good, "node-2"), "cert_file: " + good.cert_file +
                                                  " is for node-1, not for the node node-2"));
  NodeFiles files = good;
  files.key_file = second.key_file;
  CHECK(contains(check_error(files, "node-1"), "key_file: " + second.key_file + " is not the key"));
  files = good;
  files.ca_file = other + "/ca.crt";
  CHECK(contains(check_error(files, "node-1"), "is not signed by the CA in " + files.ca_file));
  files.ca_file = good.cert_file;
  CHECK(contains(check_error(files, "node-1"), "cert_file: "));
  files.ca_file = folder / "nothing";
  CHECK(contains(check_error(files, "node-1"), "ca_file: " + files.ca_file + " holds no certificate"));
  files = good;
  files.cert_file = good.key_file;
  CHECK(contains(check_error(files, "node-1"), "cert_file: " + good.key_file + " holds no certificate"));
  files = good;
  files.key_file = good.cert_file;
  CHECK(contains(check_error(files, "node-1"), "key_file: " + good.cert_file + " holds no private key"));
  // The CA itself is no node.
  files = {.cert_file = ca + "/ca.crt", .key_file = ca + "/ca.key", .ca_file = ca + "/ca.crt"};
  CHECK(contains(check_error(files, "node-1"), "may not be used as a server"));
}

TEST_CASE("a certificate that is not valid now says so before anything else") {
  const Folder folder;
  const auto key = make_key();
  write_key(folder / "key", key.get());
  write_certificate(folder / "old", key.get(), -2 * hour, -hour);
  write_certificate(folder / "new", key.get(), hour, 2 * hour);
  const std::string ca = make_ca(folder) + "/ca.crt";
  const auto error = [&](const std::string& name) {
    return check_error({.cert_file = folder / name, .key_file = folder / "key", .ca_file = ca}, "a");
  };
  CHECK(contains(error("old"), "/old has expired on 20"));
  CHECK(contains(error("new"), "/new is valid only from 20"));
  CHECK(describe_certificate(folder / "old")->seconds_left < 0);
}

TEST_CASE("publishing replaces as a whole or refuses, and leaves no other file") {
  const Folder folder;
  const std::string path = folder / "file";
  REQUIRE(publish(path, "one", 0600, Existing::refuse).has_value());
  const auto again = publish(path, "two", 0600, Existing::refuse);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == domain::ErrorCode::refused);
  CHECK(content(path) == "one");
  REQUIRE(publish(path, "three", 0644, Existing::replace).has_value());
  CHECK(content(path) == "three");
  CHECK(mode(path) == 0644);
  CHECK_FALSE(publish(folder / "no/file", "x", 0600, Existing::replace).has_value());
  fs::create_directory(folder / "taken");
  CHECK_FALSE(publish(folder / "taken", "x", 0600, Existing::replace).has_value());
  CHECK(std::distance(fs::directory_iterator(folder / ""), {}) == 2);
}

}  // namespace innkeeper::cluster
