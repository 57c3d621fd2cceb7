#include "actors/runner/launch_plan.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>

namespace innkeeper::runner {
namespace {

// As part of a variable's name: letters upper case, anything else an underscore.
std::string variable_part(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(std::isalnum(byte) ? static_cast<char>(std::toupper(byte)) : '_');
  }
  return out;
}

// "0.25": cores without trailing zeros.
std::string cores(std::uint32_t millis) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%u.%03u", millis / 1000, millis % 1000);
  std::string text = buffer;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

}  // namespace

std::vector<std::string> make_environment(const Order& order,
                                          const std::vector<AssignedPort>& ports,
                                          const Surroundings& surroundings) {
  std::map<std::string, std::string> env;
  env["PATH"] =
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/games:/usr/games";
  env["HOME"] = surroundings.work_folder;
  env["LANG"] = "C.UTF-8";

  const auto& spec = order.spec;
  for (const auto& [name, value] : spec.env) env[name] = value;
  env["HATHORA_APP_ID"] = order.app.str();
  env["HATHORA_APP_SECRET"] = order.app_secret;
  env["HATHORA_PROCESS_ID"] = to_string(order.process);
  env["HATHORA_DEPLOYMENT_ID"] = order.deployment.str();
  env["HATHORA_BUILD_TAG"] = spec.build_tag.empty() ? order.deployment.str() : spec.build_tag;
  env["HATHORA_REGION"] = order.region.str();
  env["HATHORA_ROOMS_PER_PROCESS"] = std::to_string(spec.rooms_per_process);
  env["HATHORA_INITIAL_ROOM_ID"] = order.initial_room ? order.initial_room->str() : "";
  env["HATHORA_INITIAL_ROOM_CONFIG"] = order.initial_room_config.value_or("");
  env["HATHORA_HOSTNAME"] = surroundings.public_address;
  env["HATHORA_IP"] = surroundings.public_address;
  env["HATHORA_PRIVATE_IP"] = surroundings.private_address;
  env["HATHORA_ALLOCATED_CPU"] = cores(spec.requested_cpu_millis);
  env["HATHORA_ALLOCATED_MEMORY_MB"] = std::to_string(spec.requested_memory_mb);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const auto& port = ports[i];
    const auto part = i == 0 ? std::string("DEFAULT") : variable_part(port.name);
    env["HATHORA_" + part + "_PORT"] = std::to_string(port.public_port);
    env[i == 0 ? std::string("PORT") : "PORT_" + part] = std::to_string(port.local_port);
    if (i == 0) env["HATHORA_PORT"] = std::to_string(port.public_port);
  }
  env[mark_process] = to_string(order.process);
  env[mark_node] = surroundings.node;
  env[mark_directory] = surroundings.process_directory;

  std::vector<std::string> result;
  result.reserve(env.size());
  for (const auto& [name, value] : env) {
    // Environments are C strings; a room's config may hold anything.
    result.push_back(name + "=" + value.substr(0, value.find('\0')));
  }
  return result;
}

std::vector<std::string> make_arguments(const std::vector<std::string>& command,
                                        const std::vector<AssignedPort>& ports) {
  auto arguments = command;
  for (auto& argument : arguments) {
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const auto number = std::to_string(ports[i].local_port);
      if (i == 0) replace_all(argument, "{port}", number);
      replace_all(argument, "{" + ports[i].name + "_port}", number);
    }
  }
  return arguments;
}

std::string find_fault(const Order& order, bool tls_available) {
  const auto& spec = order.spec;
  if (spec.command.empty() || spec.command.front().empty()) return "the deployment has no command";
  if (std::any_of(spec.command.begin(), spec.command.end(), has_nul)) {
    return "an argument of the command holds a zero byte";
  }
  for (const auto& [name, value] : spec.env) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value)) {
      return "the environment variable '" + name.substr(0, name.find('\0')) +
             "' cannot be passed on";
    }
  }
  if (tls_available) return {};
  const auto is_tls = [](const domain::ContainerPort& port) {
    return port.transport == domain::Transport::tls;
  };
  if (is_tls(spec.default_port) ||
      std::any_of(spec.additional_ports.begin(), spec.additional_ports.end(), is_tls)) {
    return "transport \"tls\" needs [host.tls] cert_file and key_file on this host";
  }
  return {};
}

}  // namespace innkeeper::runner
