#include "core/base/finding.h"

namespace qs {
namespace {

TEST(FindingList, EqualFindingsAreCountedNotListed) {
    FindingList findings;
    for (int i = 0; i < 3; ++i)
        findings.add(Severity::Info, "odd", "here");
    findings.add(Severity::Info, "odd", "there");
    ASSERT_EQ(findings.snapshot().size(), 2u);
    EXPECT_EQ(findings.snapshot()[0].count, 3);
}

TEST(FindingList, BeyondAThousandTheyAreOnlyCounted) {
    FindingList findings;
    for (int i = 0; i < 5000; ++i)
        findings.add(Severity::Info, "odd", std::to_string(i));
    const auto listed = findings.snapshot();
    ASSERT_EQ(listed.size(), 1001u);
    EXPECT_EQ(listed[999].finding.where, "999");
    EXPECT_EQ(listed.back().count, 4000);
    EXPECT_THAT(listed.back().finding.what, testing::HasSubstr("more findings"));
}

} // namespace
} // namespace qs
