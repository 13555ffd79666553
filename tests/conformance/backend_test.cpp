#include "tests/conformance/backend_case.h"
#include "tests/conformance/case_scope.h"

#include <cstdlib>
#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

/// Where Debian's libonnx-testdata puts ONNX's backend tests; QS_ONNX_TESTDATA overrides it.
std::filesystem::path dataFolder() {
    const char *given = std::getenv("QS_ONNX_TESTDATA");
    return given ? given : "/usr/share/libonnx-testdata/data";
}

struct Totals {
    int passed = 0, claimed = 0, inScope = 0, all = 0;
    std::map<std::string, int> refusals, excluded; ///< tests by reason
};

/// Tests of the standard's reference from which both PyTorch and ONNX Runtime differ: with align_corners, the
/// last element is that of the resized tensor, not of its length before it was rounded.
constexpr const char *kAsRuntimes = "as ONNX Runtime and PyTorch, not as the reference";
const std::set<std::string> kOtherwise{"test_resize_downsample_scales_cubic_align_corners",
                                       "test_resize_downsample_scales_linear_align_corners"};

Totals runAll(const std::string &kind, const ExecutorOptions &options) {
    Totals totals;
    for (const auto &folder : backendCaseFolders(dataFolder() / kind)) {
        ++totals.all;
        const BackendCase test = openBackendCase(folder, options);
        const std::string reason = test.model ? outOfScope(test.model->graph) : "";
        if (!reason.empty()) {
            ++totals.excluded[reason];
            continue;
        }
        ++totals.inScope;
        if (kOtherwise.contains(folder.filename().string())) {
            ++totals.excluded[kAsRuntimes];
            continue;
        }
        if (!test.refusal.empty()) {
            ++totals.refusals[test.refusal];
            continue;
        }
        ++totals.claimed;
        const std::string difference = runBackendCase(test);
        if (difference.empty())
            ++totals.passed;
        EXPECT_EQ(difference, "") << kind << "/" << folder.filename().string();
    }
    return totals;
}

/// Part of the tests in scope that must run. All do; a newer libonnx-testdata may bring some that do not.
constexpr double kLeastShare = 0.99;

class Conformance : public testing::TestWithParam<std::tuple<const char *, bool>> {};

TEST_P(Conformance, ClaimedOperatorsPassOnnxBackendTests) {
    const auto [kind, useOneDnn] = GetParam();
    const Totals totals = runAll(kind, {.useOneDnn = useOneDnn});
    ASSERT_GT(totals.all, 0) << "no ONNX backend tests in " << dataFolder() / kind
                             << ": install libonnx-testdata or set QS_ONNX_TESTDATA";
    EXPECT_GT(totals.claimed, 0);
    if (std::getenv("QS_LIST_REFUSALS"))
        for (const auto &[reason, count] : totals.refusals)
            fmt::print("  {:4} {}\n", count, reason);
    fmt::print("conformance {} ({}): {} passed / {} claimed / {} in scope / {} all", kind,
               useOneDnn ? "oneDNN + reference" : "reference", totals.passed, totals.claimed, totals.inScope,
               totals.all);
    for (const auto &[reason, count] : totals.excluded)
        fmt::print("; {} left out: {}", count, reason);
    fmt::print("\n");
    EXPECT_GE(totals.passed, kLeastShare * totals.inScope) << "too few of the tests in scope run";
}

INSTANTIATE_TEST_SUITE_P(Onnx, Conformance,
                         testing::Combine(testing::Values("node", "simple", "pytorch-operator",
                                                          "pytorch-converted"),
                                          testing::Bool()));

} // namespace
} // namespace qs
