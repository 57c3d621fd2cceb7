#include "gateway/json/error_json.hpp"

#include "gateway/json/text.hpp"

namespace innkeeper::json {

std::string error_body(std::string_view message) {
  std::string out;
  out.reserve(message.size() + 16);
  out += R"({"message":)";
  append_string(out, message);
  out += '}';
  return out;
}

}  // namespace innkeeper::json
