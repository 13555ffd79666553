#include "core/metrics/error_metrics.h"
#include "core/quant/method_registry.h"
#include "tests/support/lcg.h"

#include <atomic>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

namespace qs {
namespace {

using Json = nlohmann::json;

WeightGridScheme scheme(int bits, GridConvention convention,
                        Granularity granularity = Granularity::PerChannel, std::int64_t groupSize = 128) {
    WeightGridScheme result;
    result.grid.bits = bits;
    result.grid.convention = convention;
    result.granularity = granularity;
    result.groupSize = groupSize;
    return result;
}

struct Weights {
    std::vector<float> values;
    std::int64_t rows = 0, cols = 0;
};

Weights normals(std::int64_t rows, std::int64_t cols, std::uint32_t seed) {
    return {test::toFloats(test::lcgNormals(static_cast<std::size_t>(rows * cols), seed)), rows, cols};
}

QuantizeRequest requestFor(const Weights &weights, const WeightGridScheme &scheme) {
    QuantizeRequest request;
    request.layerName = "layer";
    request.weights = {weights.values.data(), weights.rows, weights.cols};
    request.scheme = scheme;
    request.parameters = Json::object();
    return request;
}

QuantizedMatrix quantize(const Weights &weights, const WeightGridScheme &scheme, const RunContext &ctx = {}) {
    auto result = makeRtnQuantizer()->quantize(requestFor(weights, scheme), ctx);
    EXPECT_TRUE(result.has_value()) << result.error().text();
    EXPECT_TRUE(result->validate().has_value()) << result->validate().error().text();
    return std::move(*result);
}

ErrorMetrics errorOf(const Weights &weights, const QuantizedMatrix &matrix) {
    ErrorMetrics metrics;
    const Tensor other = matrix.dequantize();
    metrics.add(weights.values, other.values<float>());
    return metrics;
}

std::vector<int> codesOf(const QuantizedMatrix &matrix) {
    return {matrix.codes.begin(), matrix.codes.end()};
}

/// tr(D H Dᵀ) of fixture A (methods A 0.9).
double proxyErrorOfFixtureA(const Weights &weights, const QuantizedMatrix &matrix) {
    const double h[4][4] = {{1.1675, 1.145, -0.1525, 4.6},
                            {1.145, 1.22, -0.265, 4.5625},
                            {-0.1525, -0.265, 0.44, -0.8375},
                            {4.6, 4.5625, -0.8375, 18.4375}};
    const Tensor other = matrix.dequantize();
    double error = 0;
    for (std::size_t row = 0; row < 2; ++row)
        for (std::size_t i = 0; i < 4; ++i)
            for (std::size_t j = 0; j < 4; ++j)
                error += (weights.values[4 * row + i] - other.values<float>()[4 * row + i]) * h[i][j] *
                         (weights.values[4 * row + j] - other.values<float>()[4 * row + j]);
    return error;
}

const Weights kFixtureA{{0.9f, -0.4f, 0.3f, 1.2f, -0.7f, 0.55f, -1.1f, 0.15f}, 2, 4};
const Weights kX8{{0.11f, -0.52f, 0.98f, -1.37f, 2.05f, -3.3f, 0.04f, 0.66f}, 1, 8};

} // namespace

TEST(RtnQuantizer, FixtureAMatchesTheSpecification) {
    struct Case {
        int bits;
        GridConvention convention;
        float scales[2];
        int zeros[2];
        std::vector<int> codes;
        double error; // < 0: not given
    };
    const Case cases[] = {
        {2, GridConvention::Asymmetric, {0.533333f, 0.55f}, {1, 2}, {3, 0, 2, 3, 1, 3, 0, 2}, 0.603593},
        {3, GridConvention::Asymmetric, {0.228571f, 0.235714f}, {2, 5}, {6, 0, 3, 7, 2, 7, 0, 6}, 0.166201},
        {4, GridConvention::Asymmetric, {0.106667f, 0.11f}, {4, 10}, {12, 0, 7, 15, 4, 15, 0, 11}, 0.055593},
        {4, GridConvention::SymmetricOffset, {0.16f, 0.146667f}, {8, 8}, {14, 6, 10, 15, 3, 12, 0, 9}, -1}};
    for (const Case &c : cases) {
        const QuantizedMatrix matrix = quantize(kFixtureA, scheme(c.bits, c.convention));
        for (std::size_t i = 0; i < 8; ++i) {
            // S1 has the largest magnitude of a row exactly between two codes: float32 may take the other
            // one.
            const ScaleZero grid = matrix.grid(static_cast<std::int64_t>(i) / 4, 0);
            const double position = static_cast<double>(kFixtureA.values[i]) / grid.scale;
            const bool tie = std::fabs(std::fabs(position - std::floor(position)) - 0.5) < 1e-6;
            EXPECT_NEAR(matrix.codes[i], c.codes[i], tie ? 1 : 0);
        }
        for (std::size_t row = 0; row < 2; ++row) {
            EXPECT_NEAR(matrix.scales[row], c.scales[row], 1e-6);
            EXPECT_EQ(matrix.zeroPoints[row], c.zeros[row]);
        }
        if (c.error >= 0) {
            EXPECT_NEAR(proxyErrorOfFixtureA(kFixtureA, matrix), c.error, 2e-6);
        }
    }
}

TEST(RtnQuantizer, EightValueTableMatchesTheSpecification) {
    struct Case {
        int bits;
        GridConvention convention;
        std::vector<int> codes;
        double mse, sqnrDb;
    };
    constexpr auto kSym = GridConvention::SymmetricRestricted, kAsym = GridConvention::Asymmetric;
    const Case cases[] = {{2, kSym, {0, 0, 0, 0, 1, -1, 0, 0}, 0.639938, 5.61},
                          {2, kAsym, {2, 2, 3, 1, 3, 0, 2, 2}, 0.209764, 10.46},
                          {3, kSym, {0, 0, 1, -1, 2, -3, 0, 1}, 0.073437, 15.02},
                          {3, kAsym, {4, 3, 5, 2, 7, 0, 4, 5}, 0.034236, 18.33},
                          {4, kSym, {0, -1, 2, -3, 4, -7, 0, 1}, 0.010244, 23.57},
                          {4, kAsym, {9, 8, 12, 5, 15, 0, 9, 11}, 0.008842, 24.21},
                          {8, kSym, {4, -20, 38, -53, 79, -127, 2, 25}, 0.000050, 46.67},
                          {8, kAsym, {162, 132, 204, 92, 255, 0, 159, 188}, 0.000037, 48.04}};
    for (const Case &c : cases) {
        const QuantizedMatrix matrix = quantize(kX8, scheme(c.bits, c.convention));
        EXPECT_EQ(codesOf(matrix), c.codes) << c.bits;
        EXPECT_NEAR(errorOf(kX8, matrix).mse(), c.mse, 1e-6);
        EXPECT_NEAR(errorOf(kX8, matrix).sqnrDb(), c.sqnrDb, 0.005);
    }
}

TEST(RtnQuantizer, RowsOfTheGoldenFileMatch) {
    std::ifstream file(QS_TEST_DATA "/methods/integer_rows.json");
    const Json golden = Json::parse(file);
    Weights weights{{}, 8, 16};
    for (const auto &row : golden["W"])
        for (double value : row)
            weights.values.push_back(static_cast<float>(value));
    for (int bits : {2, 3, 4, 8})
        for (bool symmetric : {true, false}) {
            const Json &expected = golden[fmt::format("int{}_{}_row", bits, symmetric ? "sym" : "asym")];
            const auto convention =
                symmetric ? GridConvention::SymmetricRestricted : GridConvention::Asymmetric;
            const QuantizedMatrix matrix = quantize(weights, scheme(bits, convention));
            std::vector<int> codes;
            for (const auto &row : expected["codes"])
                for (int code : row)
                    codes.push_back(code);
            EXPECT_EQ(codesOf(matrix), codes) << bits << symmetric;
            for (std::size_t row = 0; row < 8; ++row)
                EXPECT_NEAR(matrix.scales[row] / expected["scale"][row].get<double>(), 1, 1e-6);
            if (!symmetric) {
                EXPECT_EQ(Json(matrix.zeroPoints), expected["zero"]);
            }
            const ErrorMetrics error = errorOf(weights, matrix);
            EXPECT_NEAR(error.mse() / expected["mse"].get<double>(), 1, 2e-5);
            EXPECT_NEAR(error.sqnrDb(), expected["sqnr"].get<double>(), 1e-4);
        }
}

TEST(RtnQuantizer, EveryShapeAndGranularityGivesAValidMatrix) {
    constexpr std::int64_t kGroup = 8;
    for (std::int64_t cols : {std::int64_t{1}, kGroup - 1, kGroup, kGroup + 1, 3 * kGroup + 5})
        for (std::int64_t rows : {1, 3})
            for (Granularity granularity :
                 {Granularity::PerTensor, Granularity::PerChannel, Granularity::PerGroup})
                for (GridConvention convention :
                     {GridConvention::Asymmetric, GridConvention::SymmetricOffset,
                      GridConvention::SymmetricRestricted, GridConvention::SymmetricFull})
                    for (int bits = 2; bits <= 8; ++bits) {
                        const Weights weights = normals(rows, cols, 17);
                        const auto grid = scheme(bits, convention, granularity, kGroup);
                        const QuantizedMatrix matrix = quantize(weights, grid);
                        const Tensor other = matrix.dequantize();
                        EXPECT_EQ(other.shape(), (Shape{rows, cols}));
                        for (std::int64_t i = 0; i < rows * cols; ++i) {
                            const double step = matrix.grid(i / cols, i % cols).scale;
                            // S3 has no code for +amax, S1 and asymmetric miss their ends by up to half a
                            // step more.
                            const double bound =
                                convention == GridConvention::SymmetricRestricted ? 0.5001 : 1.0001;
                            const auto index = static_cast<std::size_t>(i);
                            EXPECT_LE(std::fabs(other.values<float>()[index] - weights.values[index]),
                                      bound * step);
                        }
                    }
}

TEST(RtnQuantizer, GroupsAreIndependent) {
    const Weights weights = normals(2, 21, 3);
    const auto grid = scheme(4, GridConvention::Asymmetric, Granularity::PerGroup, 8);
    const QuantizedMatrix whole = quantize(weights, grid);
    ASSERT_EQ(whole.scales.size(), 6u);
    for (std::int64_t row = 0; row < 2; ++row)
        for (std::int64_t begin = 0; begin < 21; begin += 8) {
            const std::int64_t end = std::min<std::int64_t>(21, begin + 8);
            const auto first = weights.values.begin() + row * 21;
            const Weights part{{first + begin, first + end}, 1, end - begin};
            const QuantizedMatrix alone = quantize(part, scheme(4, GridConvention::Asymmetric));
            EXPECT_EQ(alone.scales[0], whole.grid(row, begin).scale);
            EXPECT_TRUE(
                std::equal(alone.codes.begin(), alone.codes.end(), whole.codes.begin() + row * 21 + begin));
        }
}

TEST(RtnQuantizer, HardRowsStayFinite) {
    Weights weights{{}, 6, 40};
    weights.values.assign(240, 0.0f);                      // row 0: zeros
    std::fill_n(weights.values.begin() + 40, 40, -0.0f);   // negative zeros
    std::fill_n(weights.values.begin() + 80, 40, 0.37f);   // constant
    std::fill_n(weights.values.begin() + 120, 40, 1e-42f); // denormals
    weights.values[165] = 3e38f;                           // one huge value
    std::fill_n(weights.values.begin() + 200, 40, -std::numeric_limits<float>::max());
    for (auto kind :
         {RangeRule::Kind::MinMax, RangeRule::Kind::Percentile, RangeRule::Kind::Mse, RangeRule::Kind::Kl})
        for (GridConvention convention : {GridConvention::Asymmetric, GridConvention::SymmetricRestricted})
            for (bool asFloat16 : {false, true}) {
                auto grid = scheme(4, convention);
                grid.grid.rule.kind = kind;
                grid.scaleAsFloat16 = asFloat16;
                const Tensor other = quantize(weights, grid).dequantize();
                for (std::size_t i = 0; i < 240; ++i)
                    EXPECT_TRUE(std::isfinite(other.values<float>()[i]));
                for (std::size_t i = 0; i < 80; ++i)
                    EXPECT_EQ(other.values<float>()[i], 0.0f);
            }
}

TEST(RtnQuantizer, IsOddForSymmetricGrids) {
    const Weights weights = normals(3, 50, 8);
    Weights negative = weights;
    for (float &value : negative.values)
        value = -value;
    const auto grid = scheme(3, GridConvention::SymmetricRestricted);
    const std::vector<int> codes = codesOf(quantize(weights, grid)),
                           mirrored = codesOf(quantize(negative, grid));
    for (std::size_t i = 0; i < codes.size(); ++i)
        EXPECT_EQ(codes[i], -mirrored[i]);
}

TEST(RtnQuantizer, ScalesWithPowersOfTwo) {
    for (auto kind : {RangeRule::Kind::MinMax, RangeRule::Kind::Mse, RangeRule::Kind::Percentile}) {
        const Weights weights = normals(3, 50, 8);
        Weights scaled = weights;
        for (float &value : scaled.values)
            value *= 1024;
        auto grid = scheme(4, GridConvention::Asymmetric);
        grid.grid.rule.kind = kind;
        const QuantizedMatrix small = quantize(weights, grid), large = quantize(scaled, grid);
        EXPECT_EQ(small.codes, large.codes);
        for (std::size_t i = 0; i < small.scales.size(); ++i)
            EXPECT_EQ(small.scales[i] * 1024, large.scales[i]);
    }
}

TEST(RtnQuantizer, OrderOfValuesIsKept) {
    Weights weights = normals(1, 300, 4);
    std::sort(weights.values.begin(), weights.values.end());
    for (int bits = 2; bits <= 8; ++bits) {
        const auto codes = codesOf(quantize(weights, scheme(bits, GridConvention::Asymmetric)));
        EXPECT_TRUE(std::is_sorted(codes.begin(), codes.end()));
    }
}

TEST(RtnQuantizer, MoreBitsHelpWhenTheScaleIsSearched) {
    const Weights weights = normals(4, 256, 12);
    double previous = std::numeric_limits<double>::infinity();
    for (int bits = 2; bits <= 8; ++bits) {
        auto grid = scheme(bits, GridConvention::SymmetricRestricted);
        grid.grid.rule.kind = RangeRule::Kind::Mse;
        grid.grid.rule.norm = 2;
        const double mse = errorOf(weights, quantize(weights, grid)).mse();
        auto minMax = scheme(bits, GridConvention::SymmetricRestricted);
        EXPECT_LE(mse, errorOf(weights, quantize(weights, minMax)).mse() * (1 + 1e-9));
        EXPECT_LT(mse, previous);
        previous = mse;
    }
}

TEST(RtnQuantizer, QuantizingTheResultAgainChangesNothing) {
    // A row whose extremes are on the grid gives the same grid again.
    const Weights weights = normals(4, 64, 30);
    for (int bits = 2; bits <= 8; ++bits) {
        const auto grid = scheme(bits, GridConvention::SymmetricRestricted);
        const QuantizedMatrix once = quantize(weights, grid);
        const Tensor values = once.dequantize();
        const Weights again{{values.values<float>().begin(), values.values<float>().end()}, 4, 64};
        EXPECT_EQ(quantize(again, grid).codes, once.codes);
    }
}

TEST(RtnQuantizer, Float16ScalesAreUsedForTheCodes) {
    const Weights weights = normals(4, 64, 30);
    auto grid = scheme(8, GridConvention::Asymmetric, Granularity::PerGroup, 16);
    grid.scaleAsFloat16 = true;
    const QuantizedMatrix matrix = quantize(weights, grid);
    EXPECT_LT(errorOf(weights, matrix).maxAbsError,
              *std::max_element(matrix.scales.begin(), matrix.scales.end()));
    EXPECT_DOUBLE_EQ(matrix.bitsBreakdown().effective(), 8 + (16 + 8) / 16.0);
}

TEST(RtnQuantizer, ThreadCountDoesNotChangeTheCodes) {
    const Weights weights = normals(64, 3000, 77);
    for (Granularity granularity : {Granularity::PerTensor, Granularity::PerChannel, Granularity::PerGroup}) {
        auto grid = scheme(3, GridConvention::Asymmetric, granularity, 100);
        grid.grid.rule.kind = RangeRule::Kind::Mse;
        const QuantizedMatrix one = quantize(weights, grid, {{}, nullptr, 1}), many = quantize(weights, grid);
        EXPECT_EQ(one.codes, many.codes);
        EXPECT_EQ(one.scales, many.scales);
    }
}

TEST(RtnQuantizer, NonFiniteWeightsAreRefusedByPlace) {
    Weights weights = normals(4, 64, 30);
    weights.values[2 * 64 + 7] = std::numeric_limits<float>::infinity();
    weights.values[3 * 64 + 1] = std::nanf("");
    const auto result =
        makeRtnQuantizer()->quantize(requestFor(weights, scheme(4, GridConvention::Asymmetric)), {});
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(result.error().text(),
              "layer: weight at row 2, column 7 is inf; repair the model or keep this layer in float");
}

TEST(RtnQuantizer, RequestsThatItCannotDoAreRefusedWithAReason) {
    const auto rtn = makeRtnQuantizer();
    const Weights weights = normals(2, 4, 1);
    auto request = requestFor(weights, scheme(9, GridConvention::Asymmetric));
    EXPECT_EQ(rtn->supports(request).reason, "needs 2 to 8 bits; got 9");
    EXPECT_EQ(rtn->quantize(request, {}).error().code, ErrorCode::InvalidArgument);
    request.scheme = scheme(4, GridConvention::Asymmetric, Granularity::PerGroup, 0);
    EXPECT_FALSE(rtn->supports(request).yes);
    request.scheme = scheme(4, GridConvention::Asymmetric);
    request.parameters = {{"damping", 1}};
    EXPECT_THAT(rtn->quantize(request, {}).error().text(), testing::HasSubstr("damping"));
}

TEST(RtnQuantizer, CancelGivesNoResult) {
    std::stop_source source;
    source.request_stop();
    const Weights weights = normals(64, 3000, 77);
    const auto result = makeRtnQuantizer()->quantize(
        requestFor(weights, scheme(4, GridConvention::Asymmetric)), {source.get_token(), nullptr, 0});
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::Cancelled);
}

TEST(RtnQuantizer, ProgressEndsAtTheLastRow) {
    struct Sink : ProgressSink {
        std::atomic<std::int64_t> largest = 0, total = 0;
        void step(std::int64_t done, std::int64_t all, std::string_view) override {
            total = all;
            for (std::int64_t seen = largest; done > seen && !largest.compare_exchange_weak(seen, done);) {
            }
        }
    } sink;
    quantize(normals(300, 1000, 2), scheme(4, GridConvention::Asymmetric), {{}, &sink, 0});
    EXPECT_EQ(sink.largest, 300);
    EXPECT_EQ(sink.total, 300);
}

TEST(MethodRegistry, RefusesASecondMethodOfTheSameName) {
    MethodRegistry registry;
    ASSERT_TRUE(registry.add(makeRtnQuantizer()).has_value());
    const auto again = registry.add(makeRtnQuantizer());
    ASSERT_FALSE(again.has_value());
    EXPECT_THAT(again.error().message, testing::HasSubstr("'rtn' of built in was already given by built in"));
    EXPECT_EQ(registry.all().size(), 1u);
    EXPECT_EQ(registry.find("rtn"), registry.all()[0]);
    EXPECT_EQ(registry.find("gptq"), nullptr);
}

} // namespace qs
