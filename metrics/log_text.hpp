#pragma once

#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

#include "metrics/log.hpp"

// How a log line is spelled. Pure text; nothing here writes.
namespace innkeeper::log {

// Bytes of a value that are kept; what is longer is cut and marked with "…". Hostile values must
// not make lines that a pipe would tear apart or a log shipper would drop.
inline constexpr std::size_t value_bytes_max = 1'024;

// The value as it stands in a line: as it is when it is plain, else in double quotes with \" \\ \n
// \r \t \xNN (bytes that are not UTF-8, control characters) and \u{N} (characters that would change
// how a line is shown: C1 controls, line separators, marks that turn the direction of text).
[[nodiscard]] std::string quote(std::string_view value);

// The whole line with its line feed: "2026-01-02T03:04:05.678Z info node.ready url=…\n".
[[nodiscard]] std::string format_line(const timespec& now, Level level, std::string_view id,
                                      const Field* fields, std::size_t count);

}  // namespace innkeeper::log
