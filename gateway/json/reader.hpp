#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/domain/result.hpp"

#include <rapidjson/document.h>

// The only way into a JSON text from outside. Every failure is `invalid` and names the field by its
// path
// (`clientIPs[2]`); the text itself is the field `body`. For codecs only: routes see decoded
// values.
namespace innkeeper::json {

class Object;

struct TextRule {
  std::size_t min_code_points = 0;
  std::size_t max_code_points = 0;
};

// A value inside a Document, and where it is. Valid as long as its Document.
class Value {
 public:
  Value(const rapidjson::Value& value, std::string path) : value_(&value), path_(std::move(path)) {}

  [[nodiscard]] bool is_null() const noexcept { return value_->IsNull(); }
  [[nodiscard]] domain::Result<Object> as_object() const;
  [[nodiscard]] domain::Result<std::vector<Value>> as_array(std::size_t max_items) const;
  // A string that keeps the rule. U+0000 is refused: neither an environment variable nor every
  // database can hold it.
  [[nodiscard]] domain::Result<std::string> as_text(const TextRule& rule) const;

 private:
  [[nodiscard]] domain::Error wrong(std::string message) const;
  const rapidjson::Value* value_;
  std::string path_;
};

// The members of an object. Keys that nobody asks for are ignored, as clients of other versions
// send them.
class Object {
 public:
  Object(const rapidjson::Value& value, std::string path)
      : value_(&value), path_(std::move(path)) {}

  [[nodiscard]] std::optional<Value> find(std::string_view key) const;
  // Fails when the key is missing.
  [[nodiscard]] domain::Result<Value> required(std::string_view key) const;

 private:
  [[nodiscard]] std::string path_of(std::string_view key) const;
  const rapidjson::Value* value_;
  std::string path_;
};

// A parsed text. Small ones are held without an allocation.
class Document {
 public:
  Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  // The root of `text`. Fails when it is empty, not UTF-8, not JSON (RFC 8259), nested deeper than
  // limits::json_depth, or when an object anywhere in it has a key twice. Parses without recursion.
  // To be called once.
  [[nodiscard]] domain::Result<Value> parse(std::string_view text);

 private:
  using Allocator = rapidjson::MemoryPoolAllocator<>;
  alignas(std::max_align_t) char values_buffer_[4096];
  alignas(std::max_align_t) char stack_buffer_[2048];
  Allocator values_;
  Allocator stack_;
  rapidjson::GenericDocument<rapidjson::UTF8<>, Allocator, Allocator> document_;
};

}  // namespace innkeeper::json
