#include "core/tensor/convert.h"
#include "plugins/rounding/leave_one_out.h"
#include "plugins/rounding/spqr_solver.h"
#include "tests/support/rounding_fixture.h"

#include <gmock/gmock.h>
#include <set>

namespace qs::test {
namespace {

SpqrResult solve(const HessianFixture &layer, int bits, const SpqrOptions &options,
                 std::int64_t groupSize = 16) {
    auto result = solveSpqr(weightsOf(layer), sliceScheme(bits, groupSize), hessianOf(layer), options,
                            minMaxServices(bits));
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    return *result;
}

SpqrOptions without(double threshold) {
    SpqrOptions options;
    options.outlierThreshold = threshold;
    return options;
}

/// Weights with some that stand out, as those of language models do.
HessianFixture spikyLayer() {
    RowMajorD weights = normalMatrix(40, 48, 7);
    for (Eigen::Index i = 0; i < 20; ++i)
        weights(2 * i, (7 * i) % 48) *= 6.0;
    const RowMajorD mix = RowMajorD::Identity(48, 48) + 0.3 * normalMatrix(48, 48, 13);
    return {weights, RowMajorD(normalMatrix(256, 48, 11) * mix)};
}

TEST(LeaveOneOut, GivesTheGainsOfTheOracle) {
    const std::vector<float> values = {0.1f, -0.2f, 0.15f, 3.0f, 0.05f, -0.1f, 0.2f, -0.05f};
    const std::vector<double> ones(8, 1.0);
    const auto gains = leaveOneOutGains(values, ones, 7, RoundingMode::HalfEven);
    const std::vector<double> expected = {0.0247, -0.0078, 0.0115, 0.1135, 0.0429, 0.01, 0.0033, 0.0225};
    for (std::size_t i = 0; i < 8; ++i)
        EXPECT_NEAR(gains[i], expected[i], 6e-5) << i;
}

TEST(LeaveOneOut, AgreesWithLeavingOutEveryValue) {
    const std::vector<double> normals = lcgNormals(640, 3);
    for (std::size_t begin = 0; begin < 640; begin += 16) {
        std::vector<float> values(normals.begin() + static_cast<std::ptrdiff_t>(begin),
                                  normals.begin() + static_cast<std::ptrdiff_t>(begin) + 16);
        if (begin % 32 == 0)
            values[3] = values[5] = -4.0f; // the smallest one twice
        std::vector<double> sensitivity(16);
        for (std::size_t i = 0; i < 16; ++i)
            sensitivity[i] = 0.5 + static_cast<double>(i % 5);
        const auto errorOf = [&](std::size_t left) {
            double lo = 1e9, hi = -1e9, error = 0;
            for (std::size_t i = 0; i < 16; ++i)
                if (i != left) {
                    lo = std::min<double>(lo, values[i]);
                    hi = std::max<double>(hi, values[i]);
                }
            for (std::size_t i = 0; i < 16; ++i)
                if (i != left) {
                    const double scale = (hi - lo) / 7;
                    const double missed = lo + scale * std::nearbyint((values[i] - lo) / scale) - values[i];
                    error += sensitivity[i] * missed * missed;
                }
            return error;
        };
        const auto gains = leaveOneOutGains(values, sensitivity, 7, RoundingMode::HalfEven);
        for (std::size_t i = 0; i < 16; ++i)
            EXPECT_NEAR(gains[i], errorOf(99) - errorOf(i), 1e-9);
    }
}

TEST(SpqrSolver, StoredGridsComeFromFewFloat16Values) {
    const HessianFixture layer = spikyLayer();
    const SpqrResult result = solve(layer, 3, {});
    EXPECT_DOUBLE_EQ(result.gridBits, 3 + 32.0 * 3 / 40); // 40 rows are two blocks of 16 and one of 8
    const LayerGrids &grids = result.layer.grids;
    for (std::int64_t group = 0; group < 3; ++group)
        for (std::int64_t block = 0; block < 40; block += 16) {
            std::set<float> scales, zeros;
            for (std::int64_t row = block; row < std::min<std::int64_t>(block + 16, 40); ++row) {
                scales.insert(grids.at(row, group).scale);
                zeros.insert(grids.at(row, group).zero);
            }
            EXPECT_LE(scales.size(), 8u);
            EXPECT_LE(zeros.size(), 8u);
            EXPECT_GT(*scales.begin(), 0.0f);
        }
    for (float value : result.outliers.values)
        EXPECT_EQ(float16ToFloat(floatToFloat16(value)), value);
}

TEST(SpqrSolver, SecondLevelSpansItsValues) {
    const std::vector<float> values = {0.1f, 0.25f, 0.17f, 0.31f};
    const SecondLevel level = SecondLevel::of(values, 3);
    for (float value : values)
        EXPECT_NEAR(level.nearest(value, 3), value, level.step * 0.51f);
    EXPECT_EQ(SecondLevel::of(std::vector<float>{0.5f, 0.5f}, 3).nearest(0.5f, 3), 0.5f);
}

TEST(SpqrSolver, HigherThresholdsKeepFewerWeights) {
    const HessianFixture layer = spikyLayer();
    std::size_t before = 48 * 40 + 1;
    for (double threshold : {0.0, 0.01, 0.05, 0.2, 1.0, 1e9}) {
        const std::size_t kept = solve(layer, 3, without(threshold)).outliers.elements.size();
        EXPECT_LE(kept, before) << threshold;
        before = kept;
    }
    EXPECT_EQ(before, 0u);
}

TEST(SpqrSolver, ThresholdOfZeroKeepsTheWeights) {
    const HessianFixture layer = fixtureB();
    const SpqrResult result = solve(layer, 3, without(0.0));
    EXPECT_LT(sumOf(result.rowErrors), 1e-5 * layer.energy(layer.exact));
}

/// Without outliers and with fine second-level grids it is GPTQ on real zero points.
TEST(SpqrSolver, WithoutOutliersItComesNearGroupedGptq) {
    const HessianFixture layer = fixtureB();
    SpqrOptions options = without(1e9);
    options.actOrder = false;
    options.damping = 0.01;
    options.gridBits = 8;
    options.gridRows = 1;
    const double error = sumOf(solve(layer, 3, options).rowErrors);
    EXPECT_NEAR(error, 86.090, 0.15 * 86.090);
    options.gridBits = 3;
    options.gridRows = 16;
    EXPECT_LT(sumOf(solve(layer, 3, options).rowErrors), 1.6 * error);
}

TEST(SpqrSolver, OutliersLowerTheErrorOfSpikyWeights) {
    const HessianFixture layer = spikyLayer();
    const SpqrResult plain = solve(layer, 3, without(1e9));
    const SpqrResult sparse = solve(layer, 3, {});
    EXPECT_LT(sparse.outliers.elements.size(), 120u);
    EXPECT_LT(sumOf(sparse.rowErrors), 0.7 * sumOf(plain.rowErrors));
    SpqrOptions simplified;
    simplified.leaveOneOut = false;
    EXPECT_LT(sumOf(sparse.rowErrors), sumOf(solve(layer, 3, simplified).rowErrors));
}

TEST(SpqrSolver, ReportsTheErrorOfWhatItStores) {
    const HessianFixture layer = spikyLayer();
    const SpqrResult result = solve(layer, 3, {});
    RowMajorD values = valuesOf(result.layer);
    for (std::size_t i = 0; i < result.outliers.elements.size(); ++i)
        values.data()[result.outliers.elements[i]] = result.outliers.values[i];
    expectRelative(sumOf(result.rowErrors), layer.energy(layer.exact - values), 1e-5);
}

TEST(SpqrSolver, ScaledInputsGiveTheSameCodes) {
    const HessianFixture layer = spikyLayer();
    const auto scaled = HessianFixture::withHessian(layer.exact, layer.hessianMatrix * 16.0);
    EXPECT_EQ(solve(scaled, 3, {}).layer.codes, solve(layer, 3, {}).layer.codes);
}

TEST(SpqrSolver, ThreadsDoNotChangeTheResult) {
    const HessianFixture layer(normalMatrix(200, 96, 8), normalMatrix(200, 96, 9));
    SolverServices one = minMaxServices(3);
    one.maxThreads = 1;
    const auto first = solveSpqr(weightsOf(layer), sliceScheme(3, 16), hessianOf(layer), {}, one);
    const SpqrResult all = solve(layer, 3, {});
    ASSERT_TRUE(first);
    EXPECT_EQ(first->layer.codes, all.layer.codes);
    EXPECT_EQ(first->outliers.elements, all.outliers.elements);
    EXPECT_EQ(first->layer.grids.zeros, all.layer.grids.zeros);
}

} // namespace
} // namespace qs::test
