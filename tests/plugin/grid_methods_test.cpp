#include "core/tensor/convert.h"
#include "plugins/grid/normal_float.h"
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

/// 50 ms of work; the rest is room for a busy machine.
constexpr std::chrono::milliseconds kCancelLimit{600};

/// The grid family as users get it: through dlopen.
class GridMethods : public testing::Test {
protected:
    static void SetUpTestSuite() {
        FindingList findings;
        s_methods = bundledMethods(findings);
    }
    static void TearDownTestSuite() { s_methods.reset(); }

    static const Quantizer &method(std::string_view id) { return *s_methods->find(id); }
    static QuantizedMatrix quantize(std::string_view id, const QuantizeRequest &request) {
        auto matrix = method(id).quantize(request, RunContext{});
        EXPECT_TRUE(matrix) << (matrix ? "" : matrix.error().text());
        return matrix ? *matrix : QuantizedMatrix{};
    }
    static QuantizeRequest request(HessianFixture &layer, int bits, std::int64_t groupSize = 0,
                                   const Json &parameters = Json::object()) {
        QuantizeRequest request = layer.request(bits);
        request.parameters = parameters;
        if (groupSize > 0) {
            request.scheme.granularity = Granularity::PerGroup;
            request.scheme.groupSize = groupSize;
        }
        return request;
    }
    static double squaredError(const HessianFixture &layer, const QuantizedMatrix &matrix) {
        const Tensor values = matrix.dequantize();
        double sum = 0;
        for (std::size_t i = 0; i < matrix.codes.size(); ++i)
            sum += std::pow(layer.exact.data()[i] - values.values<float>()[i], 2);
        return sum;
    }

    static std::shared_ptr<const MethodRegistry> s_methods;
};
std::shared_ptr<const MethodRegistry> GridMethods::s_methods;

TEST_F(GridMethods, HqqGivesTheNumbersOfTheOracle) {
    HessianFixture a = fixtureA();
    const QuantizedMatrix matrix = quantize("hqq", request(a, 2));
    EXPECT_EQ(matrix.codes, (Codes{2, 0, 1, 3, 1, 3, 0, 2}));
    ASSERT_EQ(matrix.realZeroPoints.size(), 2u);
    EXPECT_NEAR(matrix.realZeroPoints[0], 0.75, 1e-6);
    HessianFixture b = fixtureB();
    const Tensor values = quantize("hqq", request(b, 3, 0, {{"early_stop", "layer"}})).dequantize();
    double error = 0;
    for (std::size_t i = 0; i < 768; ++i)
        error += std::abs(b.exact.data()[i] - values.values<float>()[i]) / 768;
    EXPECT_NEAR(error, 0.140824, 2e-6);
}

TEST_F(GridMethods, HqqCostsTheBitsOfTheSource) {
    HessianFixture layer(normalMatrix(8, 128, 4), normalMatrix(16, 128, 5));
    QuantizeRequest grouped = request(layer, 4, 64);
    grouped.scheme.scaleAsFloat16 = true;
    const QuantizedMatrix matrix = quantize("hqq", grouped);
    EXPECT_NEAR(matrix.bitsBreakdown().effective(), 4.5, 1e-9);
    for (float zero : matrix.realZeroPoints)
        EXPECT_EQ(float16ToFloat(floatToFloat16(zero)), zero);
    grouped.scheme.scaleAsFloat16 = false;
    EXPECT_NEAR(quantize("hqq", grouped).bitsBreakdown().effective(), 5.0, 1e-9);
}

TEST_F(GridMethods, HqqNeedsAnAsymmetricGrid) {
    HessianFixture layer = fixtureA();
    QuantizeRequest symmetric = request(layer, 4);
    symmetric.scheme.grid.convention = GridConvention::SymmetricRestricted;
    EXPECT_THAT(method("hqq").supports(symmetric).reason, HasSubstr("asymmetric"));
}

TEST_F(GridMethods, OmniQuantClipGivesTheNumbersOfTheOracle) {
    HessianFixture a = fixtureA();
    const QuantizedMatrix matrix = quantize("omniquant-lwc", request(a, 2));
    EXPECT_NEAR(a.rowError(matrix, 0), 0.126822, 1e-6);
    HessianFixture b = fixtureB();
    const double rtn = b.error(quantize("rtn", request(b, 3)));
    EXPECT_NEAR(rtn, 242.981, 0.243);
    const double pairs = b.error(quantize("omniquant-lwc", request(b, 3)));
    const double inTurn = b.error(quantize("omniquant-lwc", request(b, 3, 0, {{"search", "in_turn"}})));
    EXPECT_LT(pairs, 0.7 * rtn);
    EXPECT_LE(pairs, inTurn * (1 + 1e-6));
    EXPECT_LE(inTurn, rtn);
    EXPECT_LT(b.error(quantize("omniquant-lwc", request(b, 3, 16))),
              b.error(quantize("rtn", request(b, 3, 16))));
}

TEST_F(GridMethods, AwqClipGivesTheNumbersOfTheOracle) {
    HessianFixture a = fixtureA();
    const QuantizedMatrix matrix = quantize("awq-clip", request(a, 3));
    EXPECT_NEAR(a.rowError(matrix, 0) / 2, 0.039199, 1e-6);
    EXPECT_NEAR(a.rowError(matrix, 1) / 2, 0.0216086, 1e-6);
}

TEST_F(GridMethods, ClipSearchesNeedASliceOfARow) {
    HessianFixture layer = fixtureB();
    QuantizeRequest whole = request(layer, 4);
    whole.scheme.granularity = Granularity::PerTensor;
    for (const char *id : {"awq-clip", "omniquant-lwc", "d2quant-dsq-gptq"}) {
        whole.scheme.grid.bits = 3;
        EXPECT_THAT(method(id).supports(whole).reason, HasSubstr("per channel")) << id;
        EXPECT_TRUE(method(id).info().needsHessian) << id;
    }
}

TEST_F(GridMethods, DualScaleFitsFourFreeLevels) {
    HessianFixture layer = fixtureB();
    QuantizeRequest grouped = request(layer, 2, 20);
    const QuantizedMatrix matrix = quantize("d2quant-dsq", grouped);
    ASSERT_EQ(matrix.levels.size(), 16u * 3 * 4);
    for (std::size_t slice = 0; slice < 48; ++slice) {
        const float *levels = matrix.levels.data() + 4 * slice;
        EXPECT_TRUE(std::is_sorted(levels, levels + 4));
        EXPECT_FLOAT_EQ(levels[0], -levels[3]); // ± r0 ± r1
        EXPECT_FLOAT_EQ(levels[1], -levels[2]);
        EXPECT_GT(matrix.scales[slice], 0);
    }
    EXPECT_LT(squaredError(layer, matrix), squaredError(layer, quantize("rtn", grouped)));
    grouped.scheme.grid.bits = 3;
    EXPECT_LT(squaredError(layer, quantize("d2quant-dsq", grouped)), 0.5 * squaredError(layer, matrix));
}

TEST_F(GridMethods, DualScaleInGptqMakesTheOutputErrorSmaller) {
    HessianFixture layer = fixtureB();
    const QuantizedMatrix matrix = quantize("d2quant-dsq-gptq", request(layer, 2, 16));
    EXPECT_LT(layer.error(matrix), 0.8 * layer.error(quantize("d2quant-dsq", request(layer, 2, 16))));
    EXPECT_LT(layer.error(matrix), layer.error(quantize("gptq", request(layer, 2, 16))));
    EXPECT_EQ(matrix.bitsBreakdown().scales, 64.0 / 16);
}

TEST_F(GridMethods, DualScaleCostsTheBitsOfTheSource) {
    HessianFixture layer(normalMatrix(4, 256, 4), normalMatrix(8, 256, 5));
    QuantizeRequest grouped = request(layer, 2, 128);
    grouped.scheme.scaleAsFloat16 = true;
    const QuantizedMatrix matrix = quantize("d2quant-dsq", grouped);
    EXPECT_NEAR(matrix.bitsBreakdown().effective(), 2.25, 1e-9);
    // Both scales are stored as float16: the larger is the scale, the smaller follows from the levels.
    for (std::size_t slice = 0; slice < 8; ++slice) {
        const float scale = matrix.scales[slice];
        EXPECT_EQ(float16ToFloat(floatToFloat16(scale)), scale);
        const double small = scale * (static_cast<double>(matrix.levels[4 * slice + 3]) - 1);
        EXPECT_NEAR(float16ToFloat(floatToFloat16(static_cast<float>(small))), small, 1e-6 * scale);
    }
    grouped.scheme.grid.bits = 3;
    EXPECT_NEAR(quantize("d2quant-dsq", grouped).bitsBreakdown().effective(), 3 + 48.0 / 128, 1e-9);
}

TEST_F(GridMethods, CodebooksRefuseWhatTheyCannotHold) {
    HessianFixture layer = fixtureB();
    QuantizeRequest restricted = request(layer, 2);
    restricted.scheme.grid.convention = GridConvention::SymmetricRestricted;
    for (const char *id : {"d2quant-dsq", "nf"})
        EXPECT_THAT(method(id).supports(restricted).reason, HasSubstr("leaves out a code")) << id;
    EXPECT_THAT(method("d2quant-dsq").supports(request(layer, 4)).reason, HasSubstr("2 or 3 bits"));
    EXPECT_THAT(method("nf").supports(request(layer, 9)).reason, HasSubstr("2 to 8 bits"));
    QuantizeRequest twice = request(layer, 4, 16, {{"double_quantization", true}});
    twice.scheme.scaleAsFloat16 = true;
    EXPECT_THAT(method("nf").supports(twice).reason, HasSubstr("float16"));
}

TEST_F(GridMethods, NormalFloatIsTheSameUnderEveryConvention) {
    HessianFixture layer = fixtureB();
    const auto values = [&](GridConvention convention) {
        QuantizeRequest grouped = request(layer, 4, 16);
        grouped.scheme.grid.convention = convention;
        const Tensor tensor = quantize("nf", grouped).dequantize();
        return std::vector<float>(tensor.values<float>().begin(), tensor.values<float>().end());
    };
    const std::vector<float> expected = values(GridConvention::Asymmetric);
    EXPECT_EQ(values(GridConvention::SymmetricOffset), expected);
    EXPECT_EQ(values(GridConvention::SymmetricFull), expected);
    EXPECT_EQ(quantize("nf", request(layer, 4, 16)).levels, normalFloatLevels(4));
}

TEST_F(GridMethods, NormalFloatWithQuantizedScalesCostsTheBitsOfTheSource) {
    HessianFixture layer(normalMatrix(4, 256, 4), normalMatrix(8, 256, 5));
    const QuantizedMatrix matrix = quantize("nf", request(layer, 4, 64, {{"double_quantization", true}}));
    EXPECT_NEAR(matrix.bitsBreakdown().effective(), 4.12695, 1e-5);
    EXPECT_NEAR(quantize("nf", request(layer, 4, 64)).bitsBreakdown().effective(), 4.5, 1e-9);
}

TEST_F(GridMethods, NormalFloatValuesStayWhatTheyAre) {
    HessianFixture layer = fixtureB();
    const Tensor first = quantize("nf", request(layer, 3, 16)).dequantize();
    std::ranges::copy(first.values<float>(), layer.weights.data());
    const Tensor second = quantize("nf", request(layer, 3, 16)).dequantize();
    EXPECT_TRUE(std::ranges::equal(first.values<float>(), second.values<float>()));
}

TEST_F(GridMethods, CancelReturnsSoon) {
    // Seconds of work for most of them.
    HessianFixture layer(normalMatrix(1500, 2000, 8), normalMatrix(16, 2000, 9));
    for (const char *id : {"hqq", "omniquant-lwc", "awq-clip", "d2quant-dsq", "d2quant-dsq-gptq", "nf"})
        for (Granularity granularity :
             {Granularity::PerTensor, Granularity::PerChannel, Granularity::PerGroup})
            for (int delay : {5, 150}) {
                QuantizeRequest wanted = request(layer, 3);
                wanted.scheme.granularity = granularity;
                if (!method(id).supports(wanted).yes)
                    continue;
                std::stop_source stop;
                std::chrono::steady_clock::time_point stopped;
                std::jthread canceller([&] {
                    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
                    stopped = std::chrono::steady_clock::now();
                    stop.request_stop();
                });
                const auto matrix = method(id).quantize(wanted, RunContext{stop.get_token()});
                const auto returned = std::chrono::steady_clock::now();
                canceller.join();
                if (matrix)
                    continue; // it was done before
                EXPECT_EQ(matrix.error().code, ErrorCode::Cancelled);
                EXPECT_LT(returned - stopped, kCancelLimit)
                    << id << " " << granularityName(granularity) << ", stopped after " << delay << " ms";
            }
}

} // namespace
} // namespace qs::test
