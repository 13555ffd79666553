#include "plugins/rounding/adaquant_solver.h"
#include "plugins/rounding/grid_refit.h"
#include "tests/support/rounding_fixture.h"

namespace qs::test {
namespace {

AdaQuantResult solve(const HessianFixture &layer, int bits, const AdaQuantOptions &options = {},
                     std::int64_t groupSize = 0) {
    auto result = solveAdaQuant(weightsOf(layer), sliceScheme(bits, groupSize), hessianOf(layer), options,
                                minMaxServices(bits));
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    return *result;
}

TEST(AdaQuantSolver, WithoutLearningItIsRoundToNearest) {
    const HessianFixture layer = fixtureB();
    AdaQuantOptions still;
    still.weightRate = 0;
    still.learnGrids = false;
    still.iterations = 20;
    const AdaQuantResult result = solve(layer, 3, still);
    const LayerCodes nearest = nearestOf(layer, 3);
    EXPECT_EQ(result.layer.codes, nearest.codes);
    EXPECT_EQ(result.layer.grids.scales, nearest.grids.scales);
    EXPECT_EQ(result.rowsKept, 16);
}

TEST(AdaQuantSolver, IsNeverWorseThanRoundToNearestInAnyRow) {
    for (std::uint32_t seed = 20; seed < 23; ++seed) {
        const HessianFixture layer(normalMatrix(32, 12, seed),
                                   normalMatrix(40, 1, seed + 100) * RowMajorD::Ones(1, 12) +
                                       0.4 * normalMatrix(40, 12, seed + 200));
        for (std::int64_t groupSize : {0, 5}) {
            AdaQuantOptions wild;
            wild.weightRate = 0.5;
            wild.iterations = 30;
            const AdaQuantResult result = solve(layer, 2, wild, groupSize);
            const LayerCodes nearest = nearestOf(layer, 2, groupSize);
            for (Eigen::Index row = 0; row < 32; ++row)
                EXPECT_LE(rowErrorOf(layer, result.layer, row), rowErrorOf(layer, nearest, row) * (1 + 1e-6));
        }
    }
}

/// AdaRound with a long run reaches 110.4 here; grids that are learned, too, do better.
TEST(AdaQuantSolver, LearnsWeightsAndGrids) {
    const HessianFixture layer = fixtureB();
    AdaQuantOptions weightsOnly;
    weightsOnly.learnGrids = false;
    const double fixedGrids = errorOf(layer, solve(layer, 3, weightsOnly).layer);
    const double learnedGrids = errorOf(layer, solve(layer, 3).layer);
    EXPECT_LT(fixedGrids, 0.65 * 242.981);
    EXPECT_LT(learnedGrids, 110.4);
    EXPECT_LT(errorOf(layer, solve(layer, 2).layer), 0.5 * 1232.99);
}

TEST(AdaQuantSolver, ReportsTheErrorOfWhatItStores) {
    const HessianFixture layer = fixtureB();
    const AdaQuantResult result = solve(layer, 3, {}, 16);
    expectRelative(sumOf(result.rowErrors), errorOf(layer, result.layer), 1e-5);
    for (std::int16_t code : result.layer.codes)
        EXPECT_TRUE(code >= 0 && code <= 7);
    for (float zero : result.layer.grids.zeros) {
        EXPECT_EQ(zero, std::nearbyint(zero));
        EXPECT_TRUE(zero >= 0 && zero <= 7);
    }
}

TEST(AdaQuantSolver, SymmetricConventionKeepsItsZeroPoint) {
    const HessianFixture layer = fixtureB();
    AdaQuantOptions symmetric;
    symmetric.fixedZeros = true;
    const auto result =
        solveAdaQuant(weightsOf(layer), sliceScheme(3, 0, GridConvention::SymmetricOffset), hessianOf(layer),
                      symmetric, minMaxServices(3, GridConvention::SymmetricOffset));
    ASSERT_TRUE(result);
    for (float zero : result->layer.grids.zeros)
        EXPECT_EQ(zero, 4.0f);
}

TEST(AdaQuantSolver, Float16ScalesAreLearnedAsStored) {
    const HessianFixture layer = fixtureB();
    SliceScheme scheme = sliceScheme(3);
    scheme.float16Scales = true;
    SolverServices services = minMaxServices(3);
    services.fitGrid = [](std::span<const float> values) {
        const auto [lo, hi] = std::minmax_element(values.begin(), values.end());
        return gridForRange(*lo, *hi, 3, GridConvention::Asymmetric, true);
    };
    const auto result = solveAdaQuant(weightsOf(layer), scheme, hessianOf(layer), {}, services);
    ASSERT_TRUE(result);
    for (float scale : result->layer.grids.scales)
        EXPECT_EQ(storableScale(scale, true), scale);
}

TEST(AdaQuantSolver, ScaledInputsGiveTheSameCodes) {
    const HessianFixture layer = fixtureB();
    const auto scaled = HessianFixture::withHessian(layer.exact, layer.hessianMatrix * 16.0);
    EXPECT_EQ(solve(scaled, 3).layer.codes, solve(layer, 3).layer.codes);
}

TEST(AdaQuantSolver, ThreadsDoNotChangeTheResult) {
    const HessianFixture layer(normalMatrix(200, 64, 8), normalMatrix(200, 64, 9));
    AdaQuantOptions options;
    options.iterations = 60;
    SolverServices one = minMaxServices(3);
    one.maxThreads = 1;
    const auto first = solveAdaQuant(weightsOf(layer), sliceScheme(3, 16), hessianOf(layer), options, one);
    ASSERT_TRUE(first);
    const AdaQuantResult all = solve(layer, 3, options, 16);
    EXPECT_EQ(first->layer.codes, all.layer.codes);
    EXPECT_EQ(first->layer.grids.scales, all.layer.grids.scales);
}

} // namespace
} // namespace qs::test
