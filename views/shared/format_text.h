#pragma once

#include <QString>
#include <cstdint>
#include <optional>

namespace qs::views {

/// What an absent value shows as.
inline const QString kNoValueText = QStringLiteral("—");

/// Numbers for people: `digits` significant ones (all before the point), no trailing zeros, exponent form
/// outside [1e-4, 1e7). NaN is "NaN", infinity "∞"; minus is the typographic one, so columns line up.
QString formatNumber(double value, int digits = 4);
/// The shortest text that reads back as the same float32, for exact probes.
QString formatExact(float value);
/// "1,234,567".
QString formatCount(std::int64_t count);
/// "1.23 M": three digits and a metric letter.
QString formatCountShort(std::int64_t count);
/// "1.5 MiB".
QString formatBytes(std::int64_t bytes);
/// "31.4 dB"; "exact" for values that stand for a perfect match (150 dB and more).
QString formatDb(double decibel);
/// 0.0123 → "1.23 %".
QString formatShare(double share);
/// "0.4 s", "12 s", "3 min 05 s", "2 h 10 min".
QString formatDuration(double seconds);
/// A number with its unit, as metrics show it: "31.4 dB", "0.021 nats", "97.2 %", "3.57". kNoValueText when
/// absent.
QString formatWithUnit(std::optional<double> value, const QString &unit, int digits = 4);
/// The same for tables that tell the unit in the header.
QString formatWithoutUnit(std::optional<double> value, const QString &unit, int digits = 4);
/// Shortens in the middle to at most `maxChars`: layer names differ at both ends.
QString elideMiddle(const QString &text, int maxChars);

} // namespace qs::views
