#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qs {

/// Text for people, the same in pictures and on the terminal. Independent of the locale.

/// `digits` significant digits; very large and very small values as "1.2e-07"; "NaN", "inf". No trailing
/// zeros.
std::string significant(double value, int digits = 4);
/// "1,234,567".
std::string withThousands(std::int64_t value);
/// "512 B", "1.25 MiB": 1024 is the step.
std::string bytesText(std::int64_t bytes);
/// A quantity with a metric prefix: "1.23 GB/s", "4.5 ms", "0 s". \param unit  what follows the prefix
std::string metricText(double value, std::string_view unit, int digits = 3);
/// "0.4 s", "1:05 min", "2:10 h".
std::string durationText(double seconds);
/// The text with control characters and invalid UTF-8 replaced by U+FFFD: names come from files that nobody
/// checked.
std::string printable(std::string_view text);
/// The text as a field of a CSV table, in quotes where a separator, a quote or a line break asks for it (RFC
/// 4180).
std::string csvField(const std::string &text);

} // namespace qs
