#include "gateway/json/reader.hpp"

#include <algorithm>
#include <utility>

#include "actors/domain/limits.hpp"
#include "gateway/json/text.hpp"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

namespace innkeeper::json {
namespace {

using domain::Error;
using domain::ErrorCode;

Error invalid(std::string message, std::string field) {
  return {.code = ErrorCode::invalid, .message = std::move(message), .field = std::move(field)};
}

std::string_view text_of(const rapidjson::Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

// Passes parser events on to the document, and stops the parser where nesting goes too deep.
template <class Target>
class DepthGuard {
 public:
  explicit DepthGuard(Target& target) : target_(target) {}
  [[nodiscard]] bool too_deep() const { return too_deep_; }

  bool Null() { return target_.Null(); }
  bool Bool(bool b) { return target_.Bool(b); }
  bool Int(int i) { return target_.Int(i); }
  bool Uint(unsigned i) { return target_.Uint(i); }
  bool Int64(std::int64_t i) { return target_.Int64(i); }
  bool Uint64(std::uint64_t i) { return target_.Uint64(i); }
  bool Double(double d) { return target_.Double(d); }
  bool RawNumber(const char* s, rapidjson::SizeType n, bool copy) {
    return target_.RawNumber(s, n, copy);
  }
  bool String(const char* s, rapidjson::SizeType n, bool copy) {
    return target_.String(s, n, copy);
  }
  bool Key(const char* s, rapidjson::SizeType n, bool copy) { return target_.Key(s, n, copy); }
  bool StartObject() { return enter() && target_.StartObject(); }
  bool StartArray() { return enter() && target_.StartArray(); }
  bool EndObject(rapidjson::SizeType n) {
    --depth_;
    return target_.EndObject(n);
  }
  bool EndArray(rapidjson::SizeType n) {
    --depth_;
    return target_.EndArray(n);
  }

 private:
  bool enter() {
    too_deep_ = ++depth_ > domain::limits::json_depth;
    return !too_deep_;
  }
  Target& target_;
  std::size_t depth_ = 0;
  bool too_deep_ = false;
};

std::string join(const std::string& path, std::string_view key) {
  std::string joined = path;
  if (!joined.empty()) joined += '.';
  joined += key;
  return joined;
}

// The path, from `value` on, of a key that an object has twice. Its depth is bounded by the parser.
// The path is put together only once something is found: building it on the way down would cost the
// length of all keys above for every value.
std::optional<std::string> duplicate_key(const rapidjson::Value& value) {
  if (value.IsArray()) {
    std::size_t index = 0;
    for (const auto& item : value.GetArray()) {
      if (auto found = duplicate_key(item)) {
        const std::string_view separator = found->front() == '[' ? "" : ".";
        return '[' + std::to_string(index) + ']' + std::string{separator} + *found;
      }
      ++index;
    }
    return std::nullopt;
  }
  if (!value.IsObject()) return std::nullopt;
  std::vector<std::string_view> keys;
  keys.reserve(value.MemberCount());
  for (const auto& member : value.GetObject()) keys.push_back(text_of(member.name));
  std::sort(keys.begin(), keys.end());
  if (const auto twice = std::adjacent_find(keys.begin(), keys.end()); twice != keys.end()) {
    // Never empty, so that the path says something.
    return twice->empty() ? std::string{"\"\""} : std::string{*twice};
  }
  for (const auto& member : value.GetObject()) {
    if (auto found = duplicate_key(member.value)) {
      const std::string_view separator = found->front() == '[' ? "" : ".";
      return std::string{text_of(member.name)} + std::string{separator} + *found;
    }
  }
  return std::nullopt;
}

// A key comes from the client, and goes into a message.
std::string clipped(std::string text) {
  constexpr std::size_t longest = 100;
  if (text.size() > longest) {
    text.resize(longest);
    text += "...";
  }
  return text;
}

// What the parser says, as the rest of a sentence.
std::string parse_error(rapidjson::ParseErrorCode code) {
  std::string text = rapidjson::GetParseError_En(code);
  if (text.ends_with('.')) text.pop_back();
  if (!text.empty() && text.front() >= 'A' && text.front() <= 'Z') {
    text.front() = static_cast<char>(text.front() - 'A' + 'a');
  }
  return text;
}

std::string times(std::size_t n, std::string_view noun) {
  std::string text = std::to_string(n);
  text += ' ';
  text += noun;
  if (n != 1) text += 's';
  return text;
}

}  // namespace

domain::Error Value::wrong(std::string message) const {
  return invalid(std::move(message), path_.empty() ? "body" : path_);
}

domain::Result<Object> Value::as_object() const {
  if (!value_->IsObject()) return wrong("must be a JSON object");
  return Object{*value_, path_};
}

domain::Result<std::vector<Value>> Value::as_array(std::size_t max_items) const {
  if (!value_->IsArray()) return wrong("must be an array");
  if (value_->Size() > max_items) return wrong("must have at most " + times(max_items, "item"));
  std::vector<Value> items;
  items.reserve(value_->Size());
  for (const auto& item : value_->GetArray()) {
    items.emplace_back(item, path_ + '[' + std::to_string(items.size()) + ']');
  }
  return items;
}

domain::Result<std::string> Value::as_text(const TextRule& rule) const {
  if (!value_->IsString()) return wrong("must be a string");
  const std::string_view text = text_of(*value_);
  const auto length = count_code_points(text);
  if (!length) return wrong("must be valid Unicode without lone surrogates");
  if (text.find('\0') != std::string_view::npos)
    return wrong("must not contain the character U+0000");
  if (*length < rule.min_code_points) {
    return wrong(rule.min_code_points == 1
                     ? "must not be empty"
                     : "must have at least " + times(rule.min_code_points, "character"));
  }
  if (*length > rule.max_code_points) {
    return wrong("must have at most " + times(rule.max_code_points, "character") + ", has " +
                 std::to_string(*length));
  }
  return std::string{text};
}

std::string Object::path_of(std::string_view key) const { return join(path_, key); }

std::optional<Value> Object::find(std::string_view key) const {
  for (const auto& member : value_->GetObject()) {
    if (text_of(member.name) == key) return Value{member.value, path_of(key)};
  }
  return std::nullopt;
}

domain::Result<Value> Object::required(std::string_view key) const {
  auto found = find(key);
  if (!found) return invalid("is required", path_of(key));
  return *std::move(found);
}

Document::Document()
    : values_(values_buffer_, sizeof values_buffer_),
      stack_(stack_buffer_, sizeof stack_buffer_),
      document_(&values_, 1024, &stack_) {}

domain::Result<Value> Document::parse(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  if (text.find_first_not_of(blanks) == std::string_view::npos) {
    return invalid("must be a JSON object, and is empty", "body");
  }
  if (!count_code_points(text)) return invalid("must be UTF-8", "body");
  // RapidJSON takes a zero byte for the end of its input.
  if (text.find('\0') != std::string_view::npos)
    return invalid("must not contain zero bytes", "body");

  constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  rapidjson::MemoryStream stream{text.data(), text.size()};
  rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>> reader;
  bool too_deep = false;
  rapidjson::ParseResult result;
  auto events = [&](auto& target) {
    DepthGuard guard{target};
    result = reader.Parse<flags>(stream, guard);
    too_deep = guard.too_deep();
    return !result.IsError();
  };
  document_.Populate(events);
  if (too_deep) {
    return invalid(
        "must not be nested deeper than " + std::to_string(domain::limits::json_depth) + " levels",
        "body");
  }
  if (result.IsError()) {
    return invalid(std::string{"is not valid JSON at byte "} + std::to_string(result.Offset()) +
                       ": " + parse_error(result.Code()),
                   "body");
  }
  if (auto twice = duplicate_key(document_)) {
    return invalid("is given more than once", clipped(*std::move(twice)));
  }
  return Value{document_, {}};
}

}  // namespace innkeeper::json
