#include "actors/domain/ids.hpp"

#include <algorithm>

#include "actors/domain/assert.hpp"
#include "actors/domain/limits.hpp"

namespace innkeeper::domain {
namespace {

// base32hex (RFC 4648 section 7) in lower case: its characters are in ASCII order, so texts of
// equal length sort as their numbers do.
constexpr char base32_digits[] = "0123456789abcdefghijklmnopqrstuv";
constexpr char hex_digits[] = "0123456789abcdef";

constexpr std::size_t tag_length = 4;
constexpr std::size_t time_length = 9;     // 45 bits of milliseconds: until the year 3084
constexpr std::size_t random_length = 13;  // 65 bits
constexpr std::size_t name_length = 64;

void append_base32(std::string& text, std::uint64_t value, std::size_t digits) {
  for (std::size_t i = digits; i-- > 0;) {
    text.push_back(base32_digits[(value >> (5 * i)) & 31]);
  }
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool is_uuid_dash(std::size_t i) noexcept {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

bool is_id_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

bool is_id_text(std::string_view text, std::size_t length_max) noexcept {
  return !text.empty() && text.size() <= length_max &&
         std::all_of(text.begin(), text.end(), is_id_character);
}

// Milliseconds since 1970; a clock that is set before that counts as 1970.
std::uint64_t unix_ms(Timestamp now) noexcept {
  return static_cast<std::uint64_t>(std::max<Duration::rep>(now.time_since_epoch().count(), 0));
}

}  // namespace

std::string uuid_text(std::uint64_t hi, std::uint64_t lo) {
  std::string text(36, '-');
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_uuid_dash(i)) continue;
    const std::uint64_t half = nibble < 16 ? hi : lo;
    text[i] = hex_digits[(half >> (60 - 4 * (nibble % 16))) & 15];
    ++nibble;
  }
  return text;
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_uuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::uint64_t halves[2] = {0, 0};
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_uuid_dash(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return std::nullopt;
    std::uint64_t& half = halves[nibble / 16];
    half = (half << 4) | static_cast<std::uint64_t>(value);
    ++nibble;
  }
  return std::pair(halves[0], halves[1]);
}

std::optional<ProcessId> parse_process_id(std::string_view text) {
  const auto bits = parse_uuid(text);
  if (!bits) return std::nullopt;
  return ProcessId{bits->first, bits->second};
}

bool is_valid_room_id(std::string_view text) noexcept {
  return is_id_text(text, limits::room_id_length);
}

bool is_valid_name(std::string_view text) noexcept { return is_id_text(text, name_length); }

std::string region_tag(const RegionName& region) {
  // FNV-1a, 64 bits, folded to 20: the same on every machine and in every version.
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : region.str()) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  std::string tag;
  append_base32(tag, hash ^ (hash >> 20) ^ (hash >> 40), tag_length);
  return tag;
}

IdGenerator::IdGenerator(const RegionName& region, RandomSource random)
    : tag_(region_tag(region)), random_(std::move(random)) {
  INNKEEPER_ASSERT(random_ != nullptr);
}

RoomId IdGenerator::room_id(Timestamp now) {
  std::string text;
  text.reserve(tag_length + time_length + random_length);
  text += tag_;
  append_base32(text, unix_ms(now), time_length);
  append_base32(text, random_(), 1);
  append_base32(text, random_(), random_length - 1);
  return RoomId(std::move(text));
}

ProcessId IdGenerator::process_id(Timestamp now) {
  const auto [hi, lo] = uuid_v7(now);
  return {hi, lo};
}

AllocationId IdGenerator::allocation_id(Timestamp now) {
  const auto [hi, lo] = uuid_v7(now);
  return {hi, lo};
}

// RFC 9562 section 5.7: 48 bits of milliseconds, version, 12 bits of a counter (section 6.2, method 1: ids of
// one millisecond keep their order as long as it does not run over), variant, 62 random bits.
std::pair<std::uint64_t, std::uint64_t> IdGenerator::uuid_v7(Timestamp now) {
  const auto ms = unix_ms(now);
  if (ms != last_ms_) {
    last_ms_ = ms;
    counter_ = 0;
  } else if (counter_ < 0x0FFFU) {
    ++counter_;
  }
  const std::uint64_t hi = (ms << 16) | 0x7000U | counter_;
  const std::uint64_t lo = (std::uint64_t{0b10} << 62) | (random_() >> 2);
  return {hi, lo};
}

}  // namespace innkeeper::domain
