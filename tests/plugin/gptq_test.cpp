#include "core/plugin/quantizer_contract.h"
#include "core/tensor/convert.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/hessian_fixture.h"

#include <chrono>
#include <gmock/gmock.h>
#include <thread>

namespace qs::test {
namespace {

using Json = nlohmann::json;
using Codes = std::vector<std::int16_t>;
using testing::HasSubstr;

/// GPTQ as users get it: through dlopen.
class Gptq : public testing::Test {
protected:
    static void SetUpTestSuite() { s_method = bundledMethod("gptq"); }
    static void TearDownTestSuite() { s_method.reset(); }
    void SetUp() override { ASSERT_TRUE(s_method) << "the bundled plugin is missing"; }

    static QuantizedMatrix quantize(const QuantizeRequest &request, const RunContext &ctx = {}) {
        auto matrix = s_method->quantize(request, ctx);
        EXPECT_TRUE(matrix) << (matrix ? "" : matrix.error().text());
        return matrix ? *matrix : QuantizedMatrix{};
    }
    static QuantizedMatrix quantize(HessianFixture &layer, int bits,
                                    const Json &parameters = Json::object()) {
        QuantizeRequest request = layer.request(bits);
        request.parameters = parameters;
        return quantize(request);
    }
    static QuantizedMatrix quantizeGroups(HessianFixture &layer, int bits, std::int64_t groupSize,
                                          const Json &parameters = Json::object()) {
        QuantizeRequest request = layer.request(bits);
        request.parameters = parameters;
        request.scheme.granularity = Granularity::PerGroup;
        request.scheme.groupSize = groupSize;
        return quantize(request);
    }
    static QuantizedMatrix roundToNearest(HessianFixture &layer, int bits) {
        return *makeRtnQuantizer()->quantize(layer.request(bits), RunContext{});
    }

    static std::shared_ptr<const Quantizer> s_method;
};
std::shared_ptr<const Quantizer> Gptq::s_method;

void expectError(const HessianFixture &layer, const QuantizedMatrix &matrix, double expected) {
    EXPECT_NEAR(layer.error(matrix), expected, 1e-3 * expected);
}

TEST_F(Gptq, FixtureAGivesTheCodesOfTheOracle) {
    HessianFixture layer = fixtureA();
    EXPECT_EQ(quantize(layer, 2).codes, (Codes{3, 0, 1, 3, 1, 3, 0, 2}));
    expectError(layer, quantize(layer, 2), 0.489549);
    EXPECT_EQ(quantize(layer, 3).codes, roundToNearest(layer, 3).codes);
    expectError(layer, quantize(layer, 3), 0.166201);
}

TEST_F(Gptq, FixtureAWithActOrderGivesTheCodesOfTheOracle) {
    HessianFixture layer = fixtureA();
    const Json actOrder = {{"act_order", true}};
    EXPECT_EQ(quantize(layer, 2, actOrder).codes, (Codes{3, 1, 2, 3, 2, 3, 0, 2}));
    expectError(layer, quantize(layer, 2, actOrder), 0.052622);
    EXPECT_EQ(quantize(layer, 3, actOrder).codes, (Codes{6, 1, 3, 7, 1, 7, 0, 6}));
    expectError(layer, quantize(layer, 3, actOrder), 0.014702);
    EXPECT_EQ(quantize(layer, 4, actOrder).codes, (Codes{13, 1, 7, 15, 5, 15, 0, 11}));
    // The published 0.002352 has four digits only.
    EXPECT_NEAR(layer.error(quantize(layer, 4, actOrder)), 0.002352, 1e-6);
}

TEST_F(Gptq, FixtureBGivesTheErrorsOfTheOracle) {
    HessianFixture layer = fixtureB();
    expectError(layer, roundToNearest(layer, 3), 242.981);
    expectError(layer, quantize(layer, 3), 126.731);
    expectError(layer, quantize(layer, 3, {{"act_order", true}}), 112.364);
    expectError(layer, quantizeGroups(layer, 3, 16), 86.090);
    expectError(layer, quantizeGroups(layer, 3, 16, {{"act_order", true}, {"static_groups", true}}), 88.899);
    expectError(layer, roundToNearest(layer, 2), 1232.99);
    expectError(layer, quantize(layer, 2), 744.79);
}

TEST_F(Gptq, FixtureBFollowsTheDamping) {
    HessianFixture layer = fixtureB();
    const std::vector<std::pair<double, double>> expected = {{1e-4, 146.85}, {1e-3, 128.43}, {1e-2, 126.73},
                                                             {0.1, 137.79},  {1, 177.43},    {10, 227.83}};
    for (const auto &[damping, error] : expected)
        expectError(layer, quantize(layer, 3, {{"damping", damping}}), error);
    EXPECT_EQ(quantize(layer, 3, {{"damping", 1e3}}).codes, roundToNearest(layer, 3).codes);
}

TEST_F(Gptq, DiagonalHessianGivesRoundToNearest) {
    for (GridConvention convention : {GridConvention::Asymmetric, GridConvention::SymmetricOffset,
                                      GridConvention::SymmetricRestricted, GridConvention::SymmetricFull}) {
        RowMajorD hessian = RowMajorD::Zero(24, 24);
        hessian.diagonal() = normalMatrix(24, 1, 5).cwiseAbs2().array() + 0.1;
        auto layer = HessianFixture::withHessian(normalMatrix(9, 24, 6), hessian);
        QuantizeRequest request = layer.request(3);
        request.scheme.grid.convention = convention;
        const auto rtn = makeRtnQuantizer()->quantize(request, RunContext{});
        ASSERT_TRUE(rtn);
        EXPECT_EQ(quantize(request).codes, rtn->codes);
        request.parameters = {{"act_order", true}};
        EXPECT_EQ(quantize(request).codes, rtn->codes);
    }
}

TEST_F(Gptq, BlockSizeDoesNotChangeTheCodes) {
    HessianFixture layer = fixtureB();
    const Codes whole = quantize(layer, 3, {{"block_size", 48}}).codes;
    const Codes groups = quantizeGroups(layer, 3, 20, {{"block_size", 48}}).codes;
    const Codes orderedGroups = quantizeGroups(layer, 3, 16, {{"block_size", 48}, {"act_order", true}}).codes;
    for (int size : {1, 5, 16, 128}) {
        EXPECT_EQ(quantize(layer, 3, {{"block_size", size}}).codes, whole) << size;
        EXPECT_EQ(quantizeGroups(layer, 3, 20, {{"block_size", size}}).codes, groups) << size;
        EXPECT_EQ(quantizeGroups(layer, 3, 16, {{"block_size", size}, {"act_order", true}}).codes,
                  orderedGroups)
            << size;
    }
}

TEST_F(Gptq, ScaledInputsGiveTheSameCodes) {
    HessianFixture layer = fixtureB();
    auto scaled = HessianFixture::withHessian(layer.exact, layer.hessianMatrix * 16.0);
    EXPECT_EQ(quantize(scaled, 3).codes, quantize(layer, 3).codes);
}

TEST_F(Gptq, FineGridKeepsTheOutput) {
    HessianFixture layer = fixtureB();
    EXPECT_LT(layer.error(quantize(layer, 15)) / layer.energy(layer.exact), 1e-7);
}

TEST_F(Gptq, ActOrderWithGroupsStoresTheGroupOfEachColumn) {
    HessianFixture layer = fixtureB();
    const QuantizedMatrix matrix = quantizeGroups(layer, 3, 16, {{"act_order", true}});
    ASSERT_EQ(matrix.groupOfColumn.size(), 48u);
    Eigen::Index largest = 0;
    layer.hessianMatrix.diagonal().maxCoeff(&largest);
    EXPECT_EQ(matrix.groupOfColumn[static_cast<std::size_t>(largest)], 0);
    for (int group : {0, 1, 2})
        EXPECT_EQ(std::count(matrix.groupOfColumn.begin(), matrix.groupOfColumn.end(), group), 16);
    EXPECT_LT(layer.error(matrix), layer.error(quantize(layer, 3)));
    EXPECT_TRUE(
        quantizeGroups(layer, 3, 16, {{"act_order", true}, {"static_groups", true}}).groupOfColumn.empty());
}

TEST_F(Gptq, KeepBestIsNeverWorseThanRoundToNearestInAnyRow) {
    int betterWithout = 0;
    for (std::uint32_t seed = 20; seed < 30; ++seed) {
        // Large damping and few, strongly correlated inputs: GPTQ loses some rows to round-to-nearest.
        HessianFixture layer(normalMatrix(32, 12, seed),
                             normalMatrix(40, 1, seed + 100) * RowMajorD::Ones(1, 12) +
                                 0.4 * normalMatrix(40, 12, seed + 200));
        const QuantizedMatrix rtn = roundToNearest(layer, 2);
        const QuantizedMatrix plain = quantize(layer, 2, {{"damping", 1.0}});
        const QuantizedMatrix best = quantize(layer, 2, {{"damping", 1.0}, {"keep_best", true}});
        for (Eigen::Index row = 0; row < 32; ++row) {
            const double rtnError = layer.rowError(rtn, row);
            EXPECT_LE(layer.rowError(best, row), rtnError * (1 + 1e-5));
            EXPECT_LE(layer.rowError(best, row), layer.rowError(plain, row) * (1 + 1e-5));
            betterWithout += rtnError < layer.rowError(plain, row) ? 1 : 0;
        }
    }
    EXPECT_GT(betterWithout, 0) << "the case does not try what it should";
}

TEST_F(Gptq, KeepBestWithGroupsUsesTheGridsOfRoundToNearest) {
    HessianFixture layer(normalMatrix(32, 12, 21),
                         normalMatrix(40, 1, 121) * RowMajorD::Ones(1, 12) + 0.4 * normalMatrix(40, 12, 221));
    QuantizeRequest request = layer.request(2);
    request.scheme.granularity = Granularity::PerGroup;
    request.scheme.groupSize = 5;
    const auto rtn = makeRtnQuantizer()->quantize(request, RunContext{});
    ASSERT_TRUE(rtn);
    const QuantizedMatrix best = quantizeGroups(layer, 2, 5, {{"damping", 1.0}, {"keep_best", true}});
    for (Eigen::Index row = 0; row < 32; ++row)
        EXPECT_LE(layer.rowError(best, row), layer.rowError(*rtn, row) * (1 + 1e-5));
}

TEST_F(Gptq, CombinationsThatCannotBeStoredAreRefusedWithReason) {
    HessianFixture layer = fixtureB();
    QuantizeRequest request = layer.request(4);
    request.scheme.granularity = Granularity::PerGroup;
    request.scheme.groupSize = 16;
    request.parameters = {{"act_order", true}, {"keep_best", true}};
    EXPECT_THAT(s_method->supports(request).reason, HasSubstr("static_groups"));
    request.parameters = {{"act_order", true}};
    EXPECT_TRUE(s_method->supports(request).yes);
    request.groups = 4;
    EXPECT_THAT(s_method->supports(request).reason, HasSubstr("static_groups"));
}

TEST_F(Gptq, DeadInputsBecomeZero) {
    RowMajorD inputs = normalMatrix(64, 12, 3);
    inputs.col(4).setZero();
    inputs.col(9).setZero();
    HessianFixture layer(normalMatrix(5, 12, 4), inputs);
    FindingList findings;
    QuantizeRequest request = layer.request(3);
    request.findings = &findings;
    const QuantizedMatrix matrix = quantize(request);
    const Tensor values = matrix.dequantize();
    for (std::size_t row = 0; row < 5; ++row)
        for (std::size_t col : {4u, 9u})
            EXPECT_EQ(values.values<float>()[row * 12 + col], 0.0f);
    ASSERT_EQ(findings.snapshot().size(), 1u);
    EXPECT_THAT(findings.snapshot()[0].finding.what, HasSubstr("2 of 12 inputs"));
    EXPECT_EQ(findings.snapshot()[0].finding.where, "layer");
}

TEST_F(Gptq, AllInputsDeadGivesTheGridOfZeros) {
    auto layer = HessianFixture::withHessian(normalMatrix(2, 6, 4), RowMajorD::Zero(6, 6));
    const QuantizedMatrix matrix = quantize(layer, 3);
    EXPECT_EQ(matrix.codes, Codes(12, 4));
    EXPECT_NEAR(matrix.scales[0], 2.0 / 7.0, 1e-7);
    EXPECT_EQ(matrix.zeroPoints[0], 4);
}

TEST_F(Gptq, IndefiniteHessianRaisesTheDampingAndSaysSo) {
    RowMajorD hessian = RowMajorD::Identity(6, 6);
    hessian(0, 1) = hessian(1, 0) = 1.5;
    auto layer = HessianFixture::withHessian(normalMatrix(2, 6, 4), hessian);
    FindingList findings;
    QuantizeRequest request = layer.request(4);
    request.findings = &findings;
    quantize(request);
    ASSERT_EQ(findings.snapshot().size(), 1u);
    EXPECT_THAT(findings.snapshot()[0].finding.what, HasSubstr("damping 0.01; used 1 instead"));
    EXPECT_EQ(findings.snapshot()[0].finding.severity, Severity::Warning);
}

TEST_F(Gptq, HessianThatNoDampingRepairsIsRefused) {
    RowMajorD hessian = RowMajorD::Identity(6, 6);
    hessian(0, 1) = hessian(1, 0) = 1e9;
    auto layer = HessianFixture::withHessian(normalMatrix(2, 6, 4), hessian);
    const auto matrix = s_method->quantize(layer.request(4), RunContext{});
    ASSERT_FALSE(matrix);
    EXPECT_THAT(matrix.error().message, HasSubstr("not positive definite"));
    hessian(0, 1) = hessian(1, 0) = std::nan("");
    auto spoiled = HessianFixture::withHessian(normalMatrix(2, 6, 4), hessian);
    const auto refused = s_method->quantize(spoiled.request(4), RunContext{});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("NaN"));
}

TEST_F(Gptq, WeightsBeyondFloatArithmeticAreRefused) {
    HessianFixture layer = fixtureA();
    layer.weights(1, 2) = 1e30f;
    const auto matrix = s_method->quantize(layer.request(4), RunContext{});
    ASSERT_FALSE(matrix);
    EXPECT_THAT(matrix.error().message, HasSubstr("row 1"));
}

TEST_F(Gptq, Float16ScalesAreUsedForTheCodes) {
    HessianFixture layer = fixtureB();
    QuantizeRequest request = layer.request(3);
    request.scheme.scaleAsFloat16 = true;
    const QuantizedMatrix matrix = quantize(request);
    for (float scale : matrix.scales)
        EXPECT_EQ(float16ToFloat(floatToFloat16(scale)), scale);
    EXPECT_NEAR(layer.error(matrix), 126.731, 2.0); // other grids, but hardly
}

TEST_F(Gptq, PerTensorGridIsShared) {
    HessianFixture layer = fixtureB();
    QuantizeRequest request = layer.request(4);
    request.scheme.granularity = Granularity::PerTensor;
    const auto rtn = makeRtnQuantizer()->quantize(request, RunContext{});
    const QuantizedMatrix matrix = quantize(request);
    ASSERT_TRUE(rtn);
    EXPECT_EQ(matrix.scales, rtn->scales);
    EXPECT_LT(layer.error(matrix), layer.error(*rtn));
}

TEST_F(Gptq, ThreadsDoNotChangeTheResult) {
    // Larger than a tile of the factorisation and several panels of rows.
    HessianFixture layer(normalMatrix(200, 600, 8), normalMatrix(700, 600, 9));
    QuantizeRequest request = layer.request(3);
    request.scheme.granularity = Granularity::PerGroup;
    request.scheme.groupSize = 64;
    RunContext one;
    one.maxThreads = 1;
    RunContext two;
    two.maxThreads = 2;
    const QuantizedMatrix first = quantize(request, one);
    const QuantizedMatrix second = quantize(request, two);
    EXPECT_EQ(first.codes, second.codes);
    EXPECT_EQ(first.scales, second.scales);
    EXPECT_EQ(first.zeroPoints, second.zeroPoints);
}

TEST_F(Gptq, CancelReturnsSoon) {
    // Seconds of work in every stage of it: the Hessian, the range search, the columns.
    HessianFixture layer(normalMatrix(1024, 1500, 8), normalMatrix(16, 1500, 9));
    QuantizeRequest request = layer.request(3);
    request.scheme.grid.rule.kind = RangeRule::Kind::Mse;
    for (int delay : {5, 60, 300, 600}) {
        std::stop_source stop;
        std::chrono::steady_clock::time_point stopped;
        std::jthread canceller([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(delay));
            stopped = std::chrono::steady_clock::now();
            stop.request_stop();
        });
        const auto matrix = s_method->quantize(request, RunContext{stop.get_token()});
        const auto returned = std::chrono::steady_clock::now();
        canceller.join();
        if (matrix)
            break; // a fast machine was done before
        EXPECT_EQ(matrix.error().code, ErrorCode::Cancelled);
        EXPECT_LT(returned - stopped, std::chrono::milliseconds(100)) << "stopped after " << delay << " ms";
    }
}

TEST_F(Gptq, WithoutCalibrationItSaysWhatToDo) {
    HessianFixture layer = fixtureA();
    QuantizeRequest request = layer.request(4);
    request.services = nullptr;
    const auto matrix = s_method->quantize(request, RunContext{});
    ASSERT_FALSE(matrix);
    EXPECT_EQ(matrix.error().code, ErrorCode::NotFound);
    EXPECT_THAT(matrix.error().message, HasSubstr("run calibration"));
}

} // namespace
} // namespace qs::test
