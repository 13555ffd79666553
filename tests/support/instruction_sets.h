#pragma once

#include <gtest/gtest.h>
#include <hwy/highway.h>
#include <vector>

namespace qs::test {

/// Runs a test once for each kind of instructions that this processor has and Highway is compiled for.
class EveryInstructionSet : public testing::TestWithParam<std::int64_t> {
protected:
    void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
    void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

/// One bit for each kind of instructions.
inline std::vector<std::int64_t> instructionSets() {
    std::vector<std::int64_t> found;
    for (std::int64_t rest = hwy::SupportedTargets() & HWY_ATTAINABLE_TARGETS; rest != 0; rest &= rest - 1)
        found.push_back(rest & -rest);
    return found;
}

inline std::string instructionSetName(const testing::TestParamInfo<std::int64_t> &set) {
    return hwy::TargetName(static_cast<decltype(HWY_TARGET)>(set.param));
}

} // namespace qs::test
