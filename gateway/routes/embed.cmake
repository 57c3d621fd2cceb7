# Writes the text file IN as the C++ source OUT, which defines openapi_text(). Run with cmake -P. In pieces,
# because compilers need not take string literals longer than 65536 characters.
file(READ "${IN}" text)
string(LENGTH "${text}" length)
set(pieces "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 16000 piece)
  string(APPEND pieces "    R\"innkeeper(${piece})innkeeper\",\n")
  math(EXPR at "${at} + 16000")
endwhile()
file(WRITE "${OUT}" "// Generated from docs/openapi.json.
#include \"gateway/routes/openapi.hpp\"

#include <string_view>

namespace innkeeper::routes {
namespace {
constexpr std::string_view pieces[] = {
${pieces}};
}  // namespace

const std::string& openapi_text() {
  static const std::string text = [] {
    std::string joined;
    for (const std::string_view piece : pieces) joined += piece;
    return joined;
  }();
  return text;
}

}  // namespace innkeeper::routes
")
