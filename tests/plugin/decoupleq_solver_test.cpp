#include "plugins/rounding/decoupleq_solver.h"
#include "plugins/rounding/grid_refit.h"
#include "tests/support/rounding_fixture.h"

namespace qs::test {
namespace {

using Codes = std::vector<std::int16_t>;

DecoupleQResult solve(const HessianFixture &layer, int bits, const DecoupleQOptions &options,
                      std::int64_t groupSize = 0) {
    auto result = solveDecoupleQ(weightsOf(layer), sliceScheme(bits, groupSize), hessianOf(layer), options,
                                 minMaxServices(bits));
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    return *result;
}

DecoupleQOptions plain() {
    DecoupleQOptions options;
    options.rangeCandidates = 0;
    options.keepBest = false;
    return options;
}

TEST(DecoupleQSolver, FixtureAGivesTheSolutionOfTheOracle) {
    const HessianFixture layer = fixtureA();
    const DecoupleQResult result = solve(layer, 2, plain());
    // The oracle counts codes from -2.
    EXPECT_EQ(result.layer.codes, (Codes{2, 0, 1, 3, 2, 3, 0, 2}));
    const std::vector<double> scales = {0.474433, 0.579369};
    const std::vector<double> offsets = {0.724671, -0.024982};
    for (std::size_t row = 0; row < 2; ++row) {
        const SliceGrid grid = result.layer.grids.at(static_cast<std::int64_t>(row), 0);
        EXPECT_NEAR(grid.scale, scales[row], 1e-6);
        EXPECT_NEAR(grid.scale * (2.0f - grid.zero), offsets[row], 1e-6);
    }
    ASSERT_GE(result.objective.size(), 3u);
    EXPECT_NEAR(result.objective[0], 0.304801, 1e-6);
    EXPECT_NEAR(result.objective[1], 0.041270, 1e-6);
    EXPECT_NEAR(result.objective[2], 0.041270, 1e-6);
    EXPECT_NEAR(errorOf(layer, result.layer), 0.011636, 1e-6);
}

TEST(DecoupleQSolver, FixtureBFollowsTheAlternationsOfTheOracle) {
    const DecoupleQResult result = solve(fixtureB(), 2, plain());
    const std::vector<double> expected = {1356.75, 626.96, 524.83, 524.83};
    ASSERT_GE(result.objective.size(), expected.size());
    for (std::size_t step = 0; step < expected.size(); ++step)
        expectRelative(result.objective[step], expected[step]);
}

TEST(DecoupleQSolver, ObjectiveNeverRises) {
    for (std::int64_t groupSize : {0, 16}) {
        const HessianFixture layer(normalMatrix(40, 70, 30), normalMatrix(90, 70, 31));
        DecoupleQOptions options = plain();
        options.rangeCandidates = 10;
        const DecoupleQResult result = solve(layer, 2, options, groupSize);
        for (std::size_t step = 1; step < result.objective.size(); ++step)
            EXPECT_LE(result.objective[step], result.objective[step - 1]);
        EXPECT_LT(result.objective.back(), 0.7 * result.objective.front());
    }
}

/// The residual of a regression is orthogonal to what it regresses on, in the metric of the Hessian.
TEST(GridRefit, LeavesNothingAlongCodesAndOnes) {
    const HessianFixture layer = fixtureB();
    for (std::int64_t groupSize : {0, 16, 20}) {
        LayerCodes codes = nearestOf(layer, 3, groupSize);
        const auto grids = refitGrids(weightsOf(layer), codes, hessianOf(layer), true, minMaxServices(3));
        ASSERT_TRUE(grids);
        codes.grids = *grids;
        const RowMajorD pulls = (layer.exact - valuesOf(codes)) * layer.hessianMatrix;
        const std::int64_t size = groupSize > 0 ? groupSize : 48;
        for (Eigen::Index row = 0; row < 16; ++row)
            for (Eigen::Index begin = 0; begin < 48; begin += size) {
                double ones = 0, steps = 0;
                for (Eigen::Index col = begin; col < std::min<Eigen::Index>(begin + size, 48); ++col) {
                    ones += pulls(row, col);
                    steps += pulls(row, col) * codes.codes[static_cast<std::size_t>(row * 48 + col)];
                }
                EXPECT_NEAR(ones, 0.0, 2e-4);
                EXPECT_NEAR(steps, 0.0, 1e-3);
            }
    }
}

TEST(GridRefit, WithUnitHessianIsPlainRegression) {
    const auto layer = HessianFixture::withHessian(normalMatrix(3, 20, 5), RowMajorD::Identity(20, 20));
    const LayerCodes codes = nearestOf(layer, 3);
    const auto grids = refitGrids(weightsOf(layer), codes, hessianOf(layer), true, minMaxServices(3));
    ASSERT_TRUE(grids);
    for (Eigen::Index row = 0; row < 3; ++row) {
        double n = 20, x = 0, y = 0, xx = 0, xy = 0;
        for (Eigen::Index col = 0; col < 20; ++col) {
            const double code = codes.codes[static_cast<std::size_t>(row * 20 + col)];
            const double value = layer.exact(row, col);
            x += code, y += value, xx += code * code, xy += code * value;
        }
        const double slope = (n * xy - x * y) / (n * xx - x * x);
        const SliceGrid grid = grids->at(row, 0);
        EXPECT_NEAR(grid.scale, slope, 1e-6);
        EXPECT_NEAR(-grid.scale * grid.zero, (y - slope * x) / n, 1e-6);
    }
}

TEST(GridRefit, RowsOfOneCodeKeepAScale) {
    const auto layer = HessianFixture::withHessian(RowMajorD::Constant(2, 8, 0.75),
                                                   fixtureB().hessianMatrix.topLeftCorner(8, 8));
    const LayerCodes codes = nearestOf(layer, 3);
    const auto grids = refitGrids(weightsOf(layer), codes, hessianOf(layer), true, minMaxServices(3));
    ASSERT_TRUE(grids);
    LayerCodes refitted = codes;
    refitted.grids = *grids;
    EXPECT_GT(grids->at(0, 0).scale, 0.0f);
    EXPECT_LE(errorOf(layer, refitted), errorOf(layer, codes) + 1e-9);
}

TEST(DecoupleQSolver, KeepBestIsNeverWorseThanRoundToNearest) {
    for (std::uint32_t seed = 20; seed < 24; ++seed) {
        const HessianFixture layer(normalMatrix(32, 12, seed),
                                   normalMatrix(40, 1, seed + 100) * RowMajorD::Ones(1, 12) +
                                       0.4 * normalMatrix(40, 12, seed + 200));
        DecoupleQOptions options;
        options.damping = 1.0;
        const DecoupleQResult result = solve(layer, 2, options, 5);
        const LayerCodes nearest = nearestOf(layer, 2, 5);
        for (Eigen::Index row = 0; row < 32; ++row)
            EXPECT_LE(rowErrorOf(layer, result.layer, row), rowErrorOf(layer, nearest, row) * (1 + 1e-6));
    }
}

TEST(DecoupleQSolver, SymmetricConventionKeepsItsZeroPoint) {
    const HessianFixture layer = fixtureB();
    DecoupleQOptions options = plain();
    options.fixedZero = 4;
    const DecoupleQResult result = solve(layer, 3, options);
    for (float zero : result.layer.grids.zeros)
        EXPECT_EQ(zero, 4.0f);
    EXPECT_LT(result.objective.back(), result.objective.front());
}

TEST(DecoupleQSolver, Float16ScalesAreUsedForTheCodes) {
    const HessianFixture layer = fixtureB();
    SliceScheme scheme = sliceScheme(2);
    scheme.float16Scales = true;
    const auto result =
        solveDecoupleQ(weightsOf(layer), scheme, hessianOf(layer), plain(), minMaxServices(2));
    ASSERT_TRUE(result);
    for (float scale : result->layer.grids.scales)
        EXPECT_EQ(storableScale(scale, true), scale);
    expectRelative(result->objective.back(), 524.83, 0.02);
}

TEST(DecoupleQSolver, DeadInputsBecomeNearlyZero) {
    RowMajorD inputs = normalMatrix(64, 12, 3);
    inputs.col(4).setZero();
    const HessianFixture layer(normalMatrix(5, 12, 4), inputs);
    const DecoupleQResult result = solve(layer, 4, plain());
    const RowMajorD values = valuesOf(result.layer);
    for (Eigen::Index row = 0; row < 5; ++row)
        EXPECT_LE(std::abs(values(row, 4)), result.layer.grids.at(row, 0).scale * 0.51);
}

TEST(DecoupleQSolver, ThreadsDoNotChangeTheResult) {
    const HessianFixture layer(normalMatrix(100, 96, 8), normalMatrix(200, 96, 9));
    SolverServices one = minMaxServices(2);
    one.maxThreads = 1;
    const auto first = solveDecoupleQ(weightsOf(layer), sliceScheme(2, 32), hessianOf(layer), plain(), one);
    const DecoupleQResult all = solve(layer, 2, plain(), 32);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->layer.codes, all.layer.codes);
    EXPECT_EQ(first->layer.grids.scales, all.layer.grids.scales);
    EXPECT_EQ(first->layer.grids.zeros, all.layer.grids.zeros);
}

} // namespace
} // namespace qs::test
