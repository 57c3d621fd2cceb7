#include <catch2/catch.hpp>

#include "gateway/json/reader.hpp"

using namespace innkeeper;

namespace {

domain::Error parse_error(std::string_view text) {
  json::Document document;
  const auto root = document.parse(text);
  REQUIRE_FALSE(root);
  CHECK(root.error().code == domain::ErrorCode::invalid);
  CHECK_FALSE(root.error().message.empty());
  return root.error();
}

}  // namespace

TEST_CASE("a text that is no JSON is refused as the body") {
  for (const std::string text : {"",
                                 " \n",
                                 "{",
                                 "}",
                                 "{]",
                                 "nul",
                                 "tru",
                                 "'a'",
                                 "{a:1}",
                                 R"({"a":1,})",
                                 "[1,]",
                                 "1 2",
                                 "{} {}",
                                 "+1",
                                 "01",
                                 "0x10",
                                 "NaN",
                                 "Infinity",
                                 "\"\\x\"",
                                 "\"\n\"",
                                 "/* a */ {}",
                                 "{}//",
                                 "\"\\ud800\"",
                                 "1e999",
                                 "\xEF\xBB\xBF{}",
                                 "\"\xFF\"",
                                 "\"\xED\xA0\x80\""}) {
    INFO(text);
    CHECK(parse_error(text).field == "body");
  }
  using namespace std::string_literals;
  CHECK(parse_error("{}\0"s).field == "body");
  CHECK(parse_error("\0{}"s).field == "body");
  CHECK(parse_error("\"a\0b\""s).field == "body");
}

TEST_CASE("nesting is bounded, however deep it goes") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  json::Document document;
  CHECK(document.parse(nested(16)));
  CHECK(parse_error(nested(17)).message.find("nested") != std::string::npos);
  CHECK(parse_error(std::string(100'000, '[')).message.find("nested") != std::string::npos);
  std::string objects;
  for (int i = 0; i < 50'000; ++i) objects += "{\"a\":";
  CHECK(parse_error(objects).message.find("nested") != std::string::npos);
}

TEST_CASE("a key that is there twice is named by its path") {
  CHECK(parse_error(R"({"a":1,"a":2})").field == "a");
  CHECK(parse_error(R"({"a":1,"\u0061":2})").field == "a");
  CHECK(parse_error(R"({"x":[0,{"b":{"c":1,"c":1}}]})").field == "x[1].b.c");
  CHECK(parse_error(R"([[0,{"a":1,"a":1}]])").field == "[0][1].a");
  CHECK(parse_error(R"({"":1,"":2})").field == "\"\"");
  CHECK(parse_error("[{\"a\":1},{\"a\":1,\"a\":1}]").field == "[1].a");
  CHECK(parse_error("{\"" + std::string(5000, 'k') + "\":1,\"" + std::string(5000, 'k') + "\":1}")
            .field.size() <= 103);
  std::string many = "{";
  for (int i = 0; i < 20'000; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  json::Document document;
  CHECK(document.parse(many + "\"last\":0}"));
  CHECK(parse_error(many + "\"k7\":0}").field == "k7");
}

TEST_CASE("a long key above many values costs no more than its length") {
  std::string text = "{\"" + std::string(100'000, 'k') + "\":[";
  for (int i = 0; i < 50'000; ++i) text += "[],";
  json::Document document;
  CHECK(document.parse(text + "[]]}"));
}

TEST_CASE("numbers of any size are read without harm") {
  json::Document document;
  CHECK(document.parse("[0." + std::string(100'000, '9') +
                       ",-0,1e-400,1e-99999999999,18446744073709551616]"));
  CHECK(parse_error("[" + std::string(100'000, '9') + "]").field == "body");
  CHECK(parse_error("[1e99999999999]").field == "body");
}

TEST_CASE("values are read with their path") {
  json::Document document;
  const auto root = document.parse(
      R"({"a":{"list":["x",1,""]},"n":null,"long":"\ud83d\ude00\ud83d\ude00\ud83d\ude00"})");
  REQUIRE(root);
  const auto object = root->as_object();
  REQUIRE(object);
  CHECK(root->as_array(1).error().field == "body");
  CHECK_FALSE(object->find("missing"));
  CHECK(object->required("missing").error().field == "missing");
  CHECK(object->find("n")->is_null());
  CHECK(object->find("n")->as_text({.max_code_points = 1}).error().field == "n");

  const auto inner = object->required("a")->as_object();
  REQUIRE(inner);
  CHECK(inner->required("b").error().field == "a.b");
  const auto list = inner->find("list")->as_array(3);
  REQUIRE(list);
  CHECK(inner->find("list")->as_array(2).error().message == "must have at most 2 items");
  CHECK((*list)[0].as_text({.max_code_points = 1}).value() == "x");
  CHECK((*list)[1].as_text({.max_code_points = 1}).error().field == "a.list[1]");
  CHECK((*list)[2].as_text({.min_code_points = 1, .max_code_points = 1}).error().message ==
        "must not be empty");
  CHECK((*list)[2].as_object().error().field == "a.list[2]");

  CHECK(object->find("long")->as_text({.max_code_points = 3}));
  CHECK(object->find("long")->as_text({.max_code_points = 2}).error().message ==
        "must have at most 2 characters, has 3");
}
