#pragma once

#include <string>
#include <vector>

#include "config/option.hpp"
#include "config/settings.hpp"

// The options of a node, and the draft that they are read into.
namespace innkeeper::config {

struct RegionDraft {
  std::string name;
};
struct AppDraft {
  std::string id;
  std::string name;  // empty: the id
  std::string org = "org-default";
  std::string secret_file;
  domain::DeploymentSpec deployment;
};

// Settings on their way: what the options say, before the rules that look at several of them.
struct Draft {
  Draft();
  Settings settings;
  std::string listen;
  std::string store_url;
  std::string host_region;
  std::string host_ports;
  TlsFiles gateway_tls;
  TlsFiles host_tls;
  std::vector<RegionDraft> regions;
  std::vector<AppDraft> apps;
};

[[nodiscard]] const OptionSet<Draft>& options();

// options_app.cpp
[[nodiscard]] OptionSet<AppDraft> app_options();
// What is checked of an app once all its options are read: `name` is "app[0]" and so on.
void finish_app(AppDraft& app, const std::string& name, Scope& scope);

}  // namespace innkeeper::config
