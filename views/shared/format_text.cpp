#include "views/shared/format_text.h"

#include "core/metrics/error_metrics.h"

#include <charconv>
#include <cmath>

namespace qs::views {

namespace {

constexpr QChar kMinus(0x2212);

QString withMinus(QString text) {
    return text.replace('-', kMinus);
}

/// Value with three significant digits below 1000, for use with a unit letter.
QString threeDigits(double value) {
    const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return QString::number(value, 'f', decimals);
}

} // namespace

QString formatNumber(double value, int digits) {
    if (std::isnan(value))
        return QStringLiteral("NaN");
    if (std::isinf(value))
        return value > 0 ? QStringLiteral("∞") : kMinus + QStringLiteral("∞");
    if (value == 0)
        return QStringLiteral("0");
    const double magnitude = std::abs(value);
    if (magnitude < 1e-4 || magnitude >= 1e7) {
        QString text = QString::number(value, 'e', digits - 1);
        const auto e = text.indexOf('e');
        QString mantissa = text.left(e);
        while (mantissa.contains('.') && (mantissa.endsWith('0') || mantissa.endsWith('.')))
            mantissa.chop(1);
        return withMinus(mantissa + 'e' + QString::number(text.mid(e + 1).toInt()));
    }
    const int decimals = std::max(0, digits - 1 - static_cast<int>(std::floor(std::log10(magnitude))));
    QString text = QString::number(value, 'f', decimals);
    while (text.contains('.') && (text.endsWith('0') || text.endsWith('.')))
        text.chop(1);
    return withMinus(text);
}

QString formatExact(float value) {
    if (!std::isfinite(value))
        return formatNumber(value);
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    return withMinus(QString::fromLatin1(buffer, end - buffer));
}

QString formatCount(std::int64_t count) {
    QString text = QString::number(count);
    for (auto i = text.size() - 3; i > (count < 0 ? 1 : 0); i -= 3)
        text.insert(i, ',');
    return withMinus(text);
}

QString formatCountShort(std::int64_t count) {
    static constexpr const char *kLetters[] = {"", " k", " M", " G", " T", " P"};
    double value = std::abs(static_cast<double>(count));
    if (value < 1000)
        return withMinus(QString::number(count));
    int letter = 0;
    while (value >= 999.5 && letter < 5) {
        value /= 1000;
        ++letter;
    }
    return (count < 0 ? QString(kMinus) : QString()) + threeDigits(value) + kLetters[letter];
}

QString formatBytes(std::int64_t bytes) {
    static constexpr const char *kUnits[] = {" B", " KiB", " MiB", " GiB", " TiB", " PiB"};
    double value = static_cast<double>(bytes);
    int unit = 0;
    while (std::abs(value) >= 1023.5 && unit < 5) {
        value /= 1024;
        ++unit;
    }
    return (unit == 0 ? QString::number(bytes) : formatNumber(value, value >= 1000 ? 4 : 3)) + kUnits[unit];
}

QString formatDb(double decibel) {
    if (decibel >= ErrorMetrics::kMaxSqnrDb)
        return QStringLiteral("exact");
    if (!std::isfinite(decibel))
        return formatNumber(decibel) + QStringLiteral(" dB");
    return withMinus(QString::number(decibel, 'f', 1)) + QStringLiteral(" dB");
}

QString formatShare(double share) {
    return formatNumber(100 * share, 3) + QStringLiteral(" %");
}

QString formatDuration(double seconds) {
    if (!(seconds >= 0))
        return kNoValueText;
    if (seconds < 9.95)
        return QString::number(seconds, 'f', 1) + QStringLiteral(" s");
    const auto whole = static_cast<std::int64_t>(std::llround(seconds));
    if (whole < 60)
        return QStringLiteral("%1 s").arg(whole);
    if (whole < 3600)
        return QStringLiteral("%1 min %2 s").arg(whole / 60).arg(whole % 60, 2, 10, QChar('0'));
    return QStringLiteral("%1 h %2 min").arg(whole / 3600).arg(whole / 60 % 60, 2, 10, QChar('0'));
}

QString formatWithUnit(std::optional<double> value, const QString &unit, int digits) {
    if (!value)
        return kNoValueText;
    if (unit == QLatin1String("dB"))
        return formatDb(*value);
    return unit.isEmpty() ? formatNumber(*value, digits) : formatNumber(*value, digits) + ' ' + unit;
}

QString formatWithoutUnit(std::optional<double> value, const QString &unit, int digits) {
    QString text = formatWithUnit(value, unit, digits);
    if (!unit.isEmpty() && text.endsWith(' ' + unit))
        text.chop(unit.size() + 1);
    return text;
}

QString elideMiddle(const QString &text, int maxChars) {
    if (text.size() <= maxChars)
        return text;
    const int left = (maxChars - 1) / 2;
    return text.left(left) + QChar(0x2026) + text.right(maxChars - 1 - left);
}

} // namespace qs::views
