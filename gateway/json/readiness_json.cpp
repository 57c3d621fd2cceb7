#include "gateway/json/readiness_json.hpp"

#include "gateway/json/text.hpp"

namespace innkeeper::json {

std::string readiness(bool ready, const std::vector<std::pair<std::string, std::string>>& parts) {
  std::string out = "{";
  if (!ready) {
    std::string message = "not ready";
    bool first = true;
    for (const auto& [part, state] : parts) {
      if (state == "ready") continue;
      message += first ? ": " : "; ";
      first = false;
      message += part;
      message += ' ';
      message += state;
    }
    out += R"("message":)";
    append_string(out, message);
    out += ',';
  }
  out += ready ? R"("ready":true,"parts":{)" : R"("ready":false,"parts":{)";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i != 0) out += ',';
    append_string(out, parts[i].first);
    out += ':';
    append_string(out, parts[i].second);
  }
  out += "}}";
  return out;
}

}  // namespace innkeeper::json
