#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <limits>
#include <type_traits>

#include "actors/store/columns.hpp"

// JSON in columns is written by this file only, yet it is read as if anybody could have written it:
// a wrong type is an answer here, where RapidJSON would abort.
namespace innkeeper::store {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;
using Value = rapidjson::Value;

void put(Writer& writer, std::string_view text) {
  writer.String(text.data() == nullptr ? "" : text.data(),
                static_cast<rapidjson::SizeType>(text.size()));
}
void put(Writer& writer, const char* key, std::string_view text) {
  writer.Key(key);
  put(writer, text);
}
void put(Writer& writer, const char* key, std::uint32_t number) {
  writer.Key(key);
  writer.Uint(number);
}

std::string_view transport_name(domain::Transport transport) {
  switch (transport) {
    case domain::Transport::tcp:
      return "tcp";
    case domain::Transport::udp:
      return "udp";
    case domain::Transport::tls:
      return "tls";
  }
  return "tcp";
}

std::string finish(const rapidjson::StringBuffer& buffer) {
  return {buffer.GetString(), buffer.GetSize()};
}

// Reads members of one object; after the first that is missing or of another type, `ok()` is false.
class Reader {
 public:
  explicit Reader(const Value& value) : value_(value), ok_(value.IsObject()) {}
  [[nodiscard]] bool ok() const noexcept { return ok_; }

  std::string text(const char* key) {
    const Value* member = find(key);
    if (member == nullptr || !member->IsString()) return fail<std::string>();
    return {member->GetString(), member->GetStringLength()};
  }
  template <class Integer>
  Integer number(const char* key) {
    const Value* member = find(key);
    if (member == nullptr || !member->IsUint()) return fail<Integer>();
    if (member->GetUint() > std::numeric_limits<Integer>::max()) return fail<Integer>();
    return static_cast<Integer>(member->GetUint());
  }
  bool boolean(const char* key) {
    const Value* member = find(key);
    return member != nullptr && member->IsBool() ? member->GetBool() : fail<bool>();
  }
  domain::Transport transport(const char* key) {
    const std::string name = text(key);
    if (name == "tcp") return domain::Transport::tcp;
    if (name == "udp") return domain::Transport::udp;
    if (name == "tls") return domain::Transport::tls;
    return fail<domain::Transport>();
  }
  // Null, and not ok(), when it is not an array or object.
  const Value* array(const char* key) {
    const Value* member = find(key);
    return member != nullptr && member->IsArray() ? member : fail<const Value*>();
  }
  const Value* object(const char* key) {
    const Value* member = find(key);
    return member != nullptr && member->IsObject() ? member : fail<const Value*>();
  }

 private:
  const Value* find(const char* key) const {
    if (!ok_) return nullptr;
    const auto member = value_.FindMember(key);
    return member == value_.MemberEnd() ? nullptr : &member->value;
  }
  template <class T>
  T fail() {
    ok_ = false;
    return T{};
  }

  const Value& value_;
  bool ok_;
};

bool parse(rapidjson::Document& document, std::string_view json) {
  document.Parse<rapidjson::kParseIterativeFlag>(json.data() == nullptr ? "" : json.data(),
                                                 json.size());
  return !document.HasParseError();
}

void put_container_port(Writer& writer, const domain::ContainerPort& port) {
  writer.StartObject();
  put(writer, "name", port.name);
  put(writer, "port", std::uint32_t{port.port});
  put(writer, "transport", transport_name(port.transport));
  writer.EndObject();
}

bool read_container_port(const Value& value, domain::ContainerPort& port) {
  Reader reader(value);
  port.name = reader.text("name");
  port.port = reader.number<std::uint16_t>("port");
  port.transport = reader.transport("transport");
  return reader.ok();
}

}  // namespace

std::string encode_ports(const std::vector<domain::ExposedPort>& ports) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartArray();
  for (const domain::ExposedPort& port : ports) {
    writer.StartObject();
    put(writer, "name", port.name);
    put(writer, "host", port.host);
    put(writer, "port", std::uint32_t{port.port});
    put(writer, "transport", transport_name(port.transport));
    writer.EndObject();
  }
  writer.EndArray();
  return finish(buffer);
}

std::optional<std::vector<domain::ExposedPort>> decode_ports(std::string_view json) {
  std::vector<domain::ExposedPort> ports;
  if (json == "[]") return ports;
  rapidjson::Document document;
  if (!parse(document, json) || !document.IsArray()) return std::nullopt;
  ports.reserve(document.Size());
  for (const Value& value : document.GetArray()) {
    Reader reader(value);
    domain::ExposedPort port;
    port.name = reader.text("name");
    port.host = reader.text("host");
    port.port = reader.number<std::uint16_t>("port");
    port.transport = reader.transport("transport");
    if (!reader.ok()) return std::nullopt;
    ports.push_back(std::move(port));
  }
  return ports;
}

std::string encode_spec(const domain::DeploymentSpec& spec) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  writer.Key("command");
  writer.StartArray();
  for (const std::string& word : spec.command) put(writer, word);
  writer.EndArray();
  writer.Key("defaultPort");
  put_container_port(writer, spec.default_port);
  writer.Key("additionalPorts");
  writer.StartArray();
  for (const domain::ContainerPort& port : spec.additional_ports) put_container_port(writer, port);
  writer.EndArray();
  put(writer, "roomsPerProcess", spec.rooms_per_process);
  put(writer, "requestedCpuMillis", spec.requested_cpu_millis);
  put(writer, "requestedMemoryMb", spec.requested_memory_mb);
  writer.Key("idleTimeoutEnabled");
  writer.Bool(spec.idle_timeout_enabled);
  writer.Key("env");
  writer.StartObject();
  for (const auto& [name, value] : spec.env) {
    writer.Key(name.c_str(), static_cast<rapidjson::SizeType>(name.size()));
    put(writer, value);
  }
  writer.EndObject();
  put(writer, "buildTag", spec.build_tag);
  put(writer, "deploymentTag", spec.deployment_tag);
  writer.EndObject();
  return finish(buffer);
}

std::optional<domain::DeploymentSpec> decode_spec(std::string_view json) {
  rapidjson::Document document;
  if (!parse(document, json)) return std::nullopt;
  Reader reader(document);
  domain::DeploymentSpec spec;
  const Value* command = reader.array("command");
  const Value* port = reader.object("defaultPort");
  const Value* more_ports = reader.array("additionalPorts");
  const Value* env = reader.object("env");
  spec.rooms_per_process = reader.number<std::uint32_t>("roomsPerProcess");
  spec.requested_cpu_millis = reader.number<std::uint32_t>("requestedCpuMillis");
  spec.requested_memory_mb = reader.number<std::uint32_t>("requestedMemoryMb");
  spec.idle_timeout_enabled = reader.boolean("idleTimeoutEnabled");
  spec.build_tag = reader.text("buildTag");
  spec.deployment_tag = reader.text("deploymentTag");
  if (!reader.ok() || !read_container_port(*port, spec.default_port)) return std::nullopt;
  for (const Value& word : command->GetArray()) {
    if (!word.IsString()) return std::nullopt;
    spec.command.emplace_back(word.GetString(), word.GetStringLength());
  }
  for (const Value& value : more_ports->GetArray()) {
    if (!read_container_port(value, spec.additional_ports.emplace_back())) return std::nullopt;
  }
  for (const auto& member : env->GetObject()) {
    if (!member.value.IsString()) return std::nullopt;
    spec.env.emplace(std::string(member.name.GetString(), member.name.GetStringLength()),
                     std::string(member.value.GetString(), member.value.GetStringLength()));
  }
  return spec;
}

}  // namespace innkeeper::store
