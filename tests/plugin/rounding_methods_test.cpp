// The rounding solvers as users get them: through dlopen. Their numbers are tested apart from the ABI.
#include "tests/support/bundled_methods.h"
#include "tests/support/hessian_fixture.h"

#include <chrono>
#include <gmock/gmock.h>
#include <thread>

namespace qs::test {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

std::shared_ptr<const Quantizer> method(const char *id) {
    auto found = bundledMethod(id);
    EXPECT_TRUE(found) << id << " is not in the bundled plugin";
    return found;
}

QuantizedMatrix quantize(const char *id, const QuantizeRequest &request, const RunContext &ctx = {}) {
    auto matrix = method(id)->quantize(request, ctx);
    EXPECT_TRUE(matrix) << (matrix ? "" : matrix.error().text());
    return matrix ? *matrix : QuantizedMatrix{};
}

QuantizeRequest requestOf(HessianFixture &layer, int bits, std::int64_t groupSize = 0) {
    QuantizeRequest request = layer.request(bits);
    request.scheme.granularity = groupSize > 0 ? Granularity::PerGroup : Granularity::PerChannel;
    request.scheme.groupSize = groupSize > 0 ? groupSize : 128;
    return request;
}

TEST(RoundingMethods, NoneIsWorseThanRoundToNearestInAnyRow) {
    HessianFixture layer = fixtureB();
    for (std::int64_t groupSize : {0, 16})
        for (int bits : {2, 3, 4}) {
            const QuantizeRequest request = requestOf(layer, bits, groupSize);
            const auto rtn = makeRtnQuantizer()->quantize(request, RunContext{});
            ASSERT_TRUE(rtn);
            for (const char *id : {"quantease", "decoupleq", "adaround", "adaquant"}) {
                const QuantizedMatrix matrix = quantize(id, request);
                for (Eigen::Index row = 0; row < 16; ++row)
                    EXPECT_LE(layer.rowError(matrix, row), layer.rowError(*rtn, row) * (1 + 1e-6)) << id;
                EXPECT_LT(layer.error(matrix), 0.65 * layer.error(*rtn)) << id << ", " << bits << " bit";
            }
        }
}

TEST(RoundingMethods, QuantEaseStoresWhatItReports) {
    HessianFixture layer = fixtureB();
    QuantizeRequest request = requestOf(layer, 3);
    request.parameters = {{"sweeps", 25}, {"outliers", 0.02}, {"keep_best", false}};
    const QuantizedMatrix matrix = quantize("quantease", request);
    EXPECT_EQ(matrix.kept.size(), 15u);
    EXPECT_NEAR(layer.error(matrix), 85.926, 0.0859);
    EXPECT_NEAR(matrix.bitsBreakdown().outliers, 32.0 * 15 / 768, 1e-9);
    request.parameters = {{"relaxation", false}};
    EXPECT_TRUE(quantize("quantease", request).isIntegerGrid());
    EXPECT_NEAR(layer.error(quantize("quantease", request)), 123.229, 0.1232);
    request.parameters = {{"relaxation", false}, {"start", "gptq"}};
    EXPECT_NEAR(layer.error(quantize("quantease", request)), 108.327, 0.1083);
}

TEST(RoundingMethods, QuantEaseHasOneGridForATensor) {
    HessianFixture layer = fixtureB();
    QuantizeRequest request = layer.request(4);
    request.scheme.granularity = Granularity::PerTensor;
    const auto rtn = makeRtnQuantizer()->quantize(request, RunContext{});
    const QuantizedMatrix matrix = quantize("quantease", request);
    EXPECT_EQ(matrix.scales, rtn->scales);
    EXPECT_LT(layer.error(matrix), layer.error(*rtn));
}

TEST(RoundingMethods, DecoupleQStoresRealZeroPoints) {
    HessianFixture layer = fixtureA();
    QuantizeRequest request = requestOf(layer, 2);
    request.parameters = {{"range_candidates", 0}, {"keep_best", false}};
    const QuantizedMatrix matrix = quantize("decoupleq", request);
    ASSERT_EQ(matrix.realZeroPoints.size(), 2u);
    EXPECT_NEAR(layer.error(matrix), 0.011636, 2e-6);
    EXPECT_NEAR(matrix.bitsBreakdown().zeroPoints, 32.0 / 4, 1e-9);
    request.scheme.scaleAsFloat16 = true;
    EXPECT_NEAR(quantize("decoupleq", request).bitsBreakdown().zeroPoints, 16.0 / 4, 1e-9);
    request.scheme.grid.convention = GridConvention::SymmetricOffset;
    EXPECT_EQ(quantize("decoupleq", request).bitsBreakdown().zeroPoints, 0.0);
}

/// methods A19: bits + (3 + 3) / g + 2 (16 + 16) / (16 g) + 32 outliers.
TEST(RoundingMethods, SpqrCountsItsBitsAsThePaper) {
    HessianFixture layer = fixtureB();
    QuantizeRequest request = requestOf(layer, 3, 16);
    request.parameters = {{"outlier_threshold", 0.05}};
    const QuantizedMatrix matrix = quantize("spqr", request);
    ASSERT_GT(matrix.kept.size(), 0u);
    const double share = static_cast<double>(matrix.kept.size()) / 768;
    const BitsBreakdown bits = matrix.bitsBreakdown();
    EXPECT_NEAR(bits.effective() - bits.indices, 3 + 6.0 / 16 + 64.0 / 256 + 32 * share, 1e-9);
    request.parameters = {{"outlier_threshold", 1e9}, {"act_order", false}};
    EXPECT_NEAR(quantize("spqr", request).bitsBreakdown().effective(), 3.625, 1e-9);
}

TEST(RoundingMethods, AdaRoundSaysHowManyDirectionsAreDecided) {
    HessianFixture layer = fixtureB();
    QuantizeRequest request = requestOf(layer, 3);
    FindingList findings;
    request.findings = &findings;
    quantize("adaround", request);
    ASSERT_EQ(findings.snapshot().size(), 1u);
    EXPECT_EQ(findings.snapshot()[0].finding.severity, Severity::Info);
    request.parameters = {{"lambda", 0.01}, {"iterations", 300}};
    quantize("adaround", request);
    ASSERT_EQ(findings.snapshot().size(), 2u);
    EXPECT_EQ(findings.snapshot()[1].finding.severity, Severity::Warning);
    EXPECT_THAT(findings.snapshot()[1].finding.what, HasSubstr("Raise"));
}

TEST(RoundingMethods, SpqrKeepsTheOrderInConvolutionsWithGroups) {
    HessianFixture layer = fixtureB();
    QuantizeRequest request = requestOf(layer, 4, 16);
    request.groups = 4; // each of the four has the same Hessian
    EXPECT_TRUE(quantize("spqr", request).groupOfColumn.empty());
    request.groups = 1;
    EXPECT_FALSE(quantize("spqr", request).groupOfColumn.empty());
}

TEST(RoundingMethods, OneGridForAllRowsIsRefusedWithReason) {
    HessianFixture layer = fixtureA();
    QuantizeRequest request = layer.request(4);
    request.scheme.granularity = Granularity::PerTensor;
    for (const char *id : {"decoupleq", "spqr", "adaquant"})
        EXPECT_THAT(method(id)->supports(request).reason, HasSubstr("per channel")) << id;
}

TEST(RoundingMethods, CancelReturnsSoon) {
    // Seconds of work in every stage of each.
    HessianFixture layer(normalMatrix(512, 1024, 8), normalMatrix(16, 1024, 9));
    const QuantizeRequest request = requestOf(layer, 3, 128);
    for (const char *id : {"quantease", "decoupleq", "spqr", "adaround", "adaquant"})
        for (int delay : {5, 60, 300, 900}) {
            std::stop_source stop;
            std::chrono::steady_clock::time_point stopped;
            std::jthread canceller([&] {
                std::this_thread::sleep_for(std::chrono::milliseconds(delay));
                stopped = std::chrono::steady_clock::now();
                stop.request_stop();
            });
            const auto matrix = method(id)->quantize(request, RunContext{stop.get_token()});
            const auto returned = std::chrono::steady_clock::now();
            canceller.join();
            if (matrix)
                break; // a fast machine was done before
            EXPECT_EQ(matrix.error().code, ErrorCode::Cancelled);
            EXPECT_LT(returned - stopped, std::chrono::milliseconds(600)) // 100, and room for a busy machine

                << id << " after " << delay << " ms";
        }
}

} // namespace
} // namespace qs::test
