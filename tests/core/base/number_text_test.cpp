#include "core/base/number_text.h"

#include <gtest/gtest.h>
#include <limits>

namespace qs {
namespace {

TEST(NumberText, SignificantDigits) {
    EXPECT_EQ(significant(3.14159265), "3.142");
    EXPECT_EQ(significant(2.0), "2");
    EXPECT_EQ(significant(-0.0), "0");
    EXPECT_EQ(significant(1234567.0, 3), "1.23e+06");
    EXPECT_EQ(significant(std::nan("")), "NaN");
    EXPECT_EQ(significant(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(NumberText, Thousands) {
    EXPECT_EQ(withThousands(0), "0");
    EXPECT_EQ(withThousands(999), "999");
    EXPECT_EQ(withThousands(1000), "1,000");
    EXPECT_EQ(withThousands(-123456), "-123,456");
    EXPECT_EQ(withThousands(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(NumberText, BytesAndDurations) {
    EXPECT_EQ(metricText(3.35e12, "B/s"), "3.35 TB/s");
    EXPECT_EQ(metricText(0.00436, "s"), "4.36 ms");
    EXPECT_EQ(metricText(999.96, "B"), "1 kB");
    EXPECT_EQ(metricText(999, "B"), "999 B");
    EXPECT_EQ(metricText(0, "s"), "0 s");
    EXPECT_EQ(metricText(1e-12, "s"), "0.001 ns");
    EXPECT_EQ(metricText(-2.5e6, "OP"), "-2.5 MOP");
    EXPECT_EQ(bytesText(512), "512 B");
    EXPECT_EQ(bytesText(1024 * 1024 + 256 * 1024), "1.25 MiB");
    EXPECT_EQ(bytesText(std::int64_t{300} << 30), "300 GiB");
    EXPECT_EQ(durationText(0.42), "0.4 s");
    EXPECT_EQ(durationText(65), "1:05 min");
    EXPECT_EQ(durationText(7800), "2:10 h");
    EXPECT_EQ(durationText(-1), "?");
}

TEST(NumberText, PrintableReplacesWhatTerminalsAndJsonCannotTake) {
    EXPECT_EQ(printable("layers.0/größe"), "layers.0/größe");
    EXPECT_EQ(printable("a\x1b[2Jb"), "a\uFFFD[2Jb");
    EXPECT_EQ(printable("\xff\xc3"), "\uFFFD\uFFFD");
    EXPECT_EQ(printable("\xc0\xaf"), "\uFFFD\uFFFD");            // overlong
    EXPECT_EQ(printable("\xed\xa0\x80").substr(0, 3), "\uFFFD"); // surrogate
}

} // namespace
} // namespace qs
