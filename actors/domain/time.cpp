#include "actors/domain/time.hpp"

#include <algorithm>
#include <cstdint>

namespace innkeeper::domain {
namespace {

void put_digits(std::string& text, std::size_t at, std::size_t count, std::uint32_t value) {
  for (std::size_t i = count; i-- > 0; value /= 10) {
    text[at + i] = static_cast<char>('0' + value % 10);
  }
}

}  // namespace

std::string to_rfc3339(Timestamp moment) {
  using std::chrono::days;
  using std::chrono::sys_days;
  using std::chrono::year;
  // A clock that is wrong by millennia must not make text that no client can parse.
  constexpr Timestamp first = sys_days(year(0) / 1 / 1);
  constexpr Timestamp last = sys_days(year(10000) / 1 / 1) - Duration(1);
  moment = std::clamp(moment, first, last);

  const sys_days day = std::chrono::floor<days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<Duration> clock(moment - day);

  std::string text = "0000-00-00T00:00:00.000Z";
  put_digits(text, 0, 4, static_cast<std::uint32_t>(static_cast<int>(date.year())));
  put_digits(text, 5, 2, static_cast<unsigned>(date.month()));
  put_digits(text, 8, 2, static_cast<unsigned>(date.day()));
  put_digits(text, 11, 2, static_cast<std::uint32_t>(clock.hours().count()));
  put_digits(text, 14, 2, static_cast<std::uint32_t>(clock.minutes().count()));
  put_digits(text, 17, 2, static_cast<std::uint32_t>(clock.seconds().count()));
  put_digits(text, 20, 3, static_cast<std::uint32_t>(clock.subseconds().count()));
  return text;
}

}  // namespace innkeeper::domain
