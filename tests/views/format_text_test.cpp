#include "views/shared/format_text.h"

#include <gtest/gtest.h>

namespace qs::views {
namespace {

std::string text(const QString &value) {
    return value.toStdString();
}

TEST(FormatText, NumbersKeepSignificantDigits) {
    EXPECT_EQ(text(formatNumber(0)), "0");
    EXPECT_EQ(text(formatNumber(-0.0)), "0");
    EXPECT_EQ(text(formatNumber(3.14159)), "3.142");
    EXPECT_EQ(text(formatNumber(-1234.56)), "−1235");
    EXPECT_EQ(text(formatNumber(0.00012346)), "0.0001235");
    EXPECT_EQ(text(formatNumber(1e-7)), "1e−7");
    EXPECT_EQ(text(formatNumber(-2.5e12)), "−2.5e12");
    EXPECT_EQ(text(formatNumber(0.1, 2)), "0.1");
    EXPECT_EQ(text(formatNumber(100)), "100");
    EXPECT_EQ(text(formatNumber(9.99996)), "10");
}

TEST(FormatText, NonFiniteNumbersAreNamed) {
    EXPECT_EQ(text(formatNumber(NAN)), "NaN");
    EXPECT_EQ(text(formatNumber(-INFINITY)), "−∞");
    EXPECT_EQ(text(formatExact(INFINITY)), "∞");
}

TEST(FormatText, ExactReadsBackAsTheSameFloat) {
    for (float value : {0.1f, -3.4e38f, 1e-45f, 16777217.0f, 0.333333343f}) {
        const QString shown = formatExact(value).replace(QChar(0x2212), '-');
        EXPECT_EQ(shown.toFloat(), value) << text(shown);
    }
}

TEST(FormatText, CountsAndBytes) {
    EXPECT_EQ(text(formatCount(0)), "0");
    EXPECT_EQ(text(formatCount(999)), "999");
    EXPECT_EQ(text(formatCount(1234567)), "1,234,567");
    EXPECT_EQ(text(formatCount(-1000)), "−1,000");
    EXPECT_EQ(text(formatCount(-100)), "−100");
    EXPECT_EQ(text(formatCountShort(999)), "999");
    EXPECT_EQ(text(formatCountShort(999999)), "1.00 M");
    EXPECT_EQ(text(formatCountShort(1234567)), "1.23 M");
    EXPECT_EQ(text(formatBytes(512)), "512 B");
    EXPECT_EQ(text(formatBytes(1536)), "1.5 KiB");
    EXPECT_EQ(text(formatBytes(13228679)), "12.6 MiB");
}

TEST(FormatText, UnitsSharesAndTimes) {
    EXPECT_EQ(text(formatDb(31.44)), "31.4 dB");
    EXPECT_EQ(text(formatDb(150)), "exact");
    EXPECT_EQ(text(formatDb(-3)), "−3.0 dB");
    EXPECT_EQ(text(formatShare(0.01234)), "1.23 %");
    EXPECT_EQ(text(formatDuration(0.42)), "0.4 s");
    EXPECT_EQ(text(formatDuration(185)), "3 min 05 s");
    EXPECT_EQ(text(formatDuration(7800)), "2 h 10 min");
    EXPECT_EQ(text(formatDuration(-1)), "—");
    EXPECT_EQ(text(formatWithUnit(std::nullopt, "dB")), "—");
    EXPECT_EQ(text(formatWithUnit(97.25, "%")), "97.25 %");
    EXPECT_EQ(text(formatWithUnit(3.568, "")), "3.568");
}

TEST(FormatText, ElideKeepsBothEnds) {
    EXPECT_EQ(text(elideMiddle("short", 10)), "short");
    EXPECT_EQ(text(elideMiddle("layers.0.self_attn.q_proj", 11)), "layer…_proj");
}

} // namespace
} // namespace qs::views
