#include "plugins/rounding/adaround_solver.h"
#include "tests/support/rounding_fixture.h"

namespace qs::test {
namespace {

using Codes = std::vector<std::int16_t>;

AdaRoundResult solve(const HessianFixture &layer, int bits, const AdaRoundOptions &options = {},
                     std::int64_t groupSize = 0) {
    auto result = solveAdaRound(weightsOf(layer), sliceScheme(bits, groupSize), hessianOf(layer), options,
                                minMaxServices(bits));
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    return *result;
}

AdaRoundOptions withoutNet(double lambda, double learningRate, int iterations) {
    AdaRoundOptions options;
    options.lambda = lambda;
    options.learningRate = learningRate;
    options.iterations = iterations;
    options.keepBest = false;
    return options;
}

/// The best of all ways to round every weight of a row up or down.
std::pair<double, Codes> bestDirections(const HessianFixture &layer, Eigen::Index row, int bits) {
    const LayerCodes nearest = nearestOf(layer, bits);
    const SliceGrid grid = nearest.grids.at(row, 0);
    std::pair<double, Codes> best{1e9, {}};
    for (unsigned choice = 0; choice < 16; ++choice) {
        Codes codes;
        RowMajorD difference(1, 4);
        for (Eigen::Index col = 0; col < 4; ++col) {
            const double floor = std::floor(layer.exact(row, col) / grid.scale) + grid.zero;
            const double code = std::clamp(floor + ((choice >> col) & 1u), 0.0, std::pow(2, bits) - 1);
            codes.push_back(static_cast<std::int16_t>(code));
            difference(0, col) = layer.exact(row, col) - grid.scale * (code - grid.zero);
        }
        const double error = layer.energy(difference);
        if (error < best.first)
            best = {error, codes};
    }
    return best;
}

TEST(AdaRoundSolver, BruteForceOfFixtureAAgreesWithTheOracle) {
    const HessianFixture layer = fixtureA();
    const auto [first, firstCodes] = bestDirections(layer, 0, 3);
    const auto [second, secondCodes] = bestDirections(layer, 1, 3);
    EXPECT_EQ(firstCodes, (Codes{6, 1, 3, 7}));
    EXPECT_EQ(secondCodes, (Codes{2, 7, 1, 6}));
    EXPECT_NEAR(first, 0.007215, 1e-6);
    EXPECT_NEAR(second, 0.072439, 1e-6);
    const LayerCodes nearest = nearestOf(layer, 3);
    EXPECT_NEAR(rowErrorOf(layer, nearest, 0), 0.078398, 1e-6);
    EXPECT_NEAR(rowErrorOf(layer, nearest, 1), 0.087803, 1e-6);
}

TEST(AdaRoundSolver, FixtureAFindsTheBestOfRowZeroAndKeepsNearestInRowOne) {
    const HessianFixture layer = fixtureA();
    const AdaRoundResult learned = solve(layer, 3, withoutNet(0.5, 0.01, 10000));
    EXPECT_NEAR(rowErrorOf(layer, learned.layer, 0), 0.007215, 1e-6);
    EXPECT_NEAR(rowErrorOf(layer, learned.layer, 1), 0.2195, 1e-4);
    AdaRoundOptions best = withoutNet(0.5, 0.01, 10000);
    best.keepBest = true;
    const AdaRoundResult kept = solve(layer, 3, best);
    EXPECT_EQ(kept.rowsKept, 1);
    EXPECT_NEAR(rowErrorOf(layer, kept.layer, 1), 0.087803, 1e-6);
}

TEST(AdaRoundSolver, FixtureBDependsOnLambdaAsInTheOracle) {
    const HessianFixture layer = fixtureB();
    const AdaRoundResult weak = solve(layer, 3, withoutNet(0.01, 0.01, 10000));
    EXPECT_GT(errorOf(layer, weak.layer), 228 * 0.99);
    EXPECT_LT(errorOf(layer, weak.layer), 234 * 1.01);
    EXPECT_NEAR(weak.binaryShare, 0.36, 0.01);
    const AdaRoundResult medium = solve(layer, 3, withoutNet(0.1, 0.01, 10000));
    expectRelative(errorOf(layer, medium.layer), 140.6, 0.01);
    EXPECT_NEAR(medium.binaryShare, 0.75, 0.01);
    const AdaRoundResult strong = solve(layer, 3, withoutNet(0.5, 0.01, 10000));
    expectRelative(errorOf(layer, strong.layer), 110.4, 0.01);
    EXPECT_NEAR(strong.binaryShare, 0.98, 0.01);
}

TEST(AdaRoundSolver, DefaultsDecideAndAreAsGoodAsTheLongRun) {
    for (std::uint32_t seed : {6u, 7u}) {
        const RowMajorD mix = RowMajorD::Identity(96, 96) + 0.2 * normalMatrix(96, 96, seed + 9);
        const HessianFixture layer(normalMatrix(64, 96, seed),
                                   RowMajorD(normalMatrix(300, 96, seed + 50) * mix));
        for (int bits : {2, 3, 4}) {
            const AdaRoundResult result = solve(layer, bits);
            EXPECT_GT(result.binaryShare, 0.95) << bits << " bit";
            EXPECT_LT(errorOf(layer, result.layer), 0.55 * errorOf(layer, nearestOf(layer, bits)));
        }
    }
    EXPECT_LT(errorOf(fixtureB(), solve(fixtureB(), 3).layer), 110.4);
}

TEST(AdaRoundSolver, CodesAreNeighboursOfTheWeights) {
    const HessianFixture layer = fixtureB();
    const AdaRoundResult result = solve(layer, 3, {}, 20);
    const RowMajorD values = valuesOf(result.layer);
    for (Eigen::Index row = 0; row < 16; ++row)
        for (Eigen::Index col = 0; col < 48; ++col)
            EXPECT_LE(std::abs(values(row, col) - layer.exact(row, col)),
                      result.layer.grids.at(row, col / 20).scale * 1.5001);
}

TEST(AdaRoundSolver, UnitHessianGivesRoundToNearest) {
    const auto layer = HessianFixture::withHessian(normalMatrix(9, 24, 6), RowMajorD::Identity(24, 24));
    EXPECT_EQ(solve(layer, 3).layer.codes, nearestOf(layer, 3).codes);
}

TEST(AdaRoundSolver, ScaledInputsGiveTheSameCodes) {
    const HessianFixture layer = fixtureB();
    const auto scaled = HessianFixture::withHessian(layer.exact, layer.hessianMatrix * 16.0);
    EXPECT_EQ(solve(scaled, 3).layer.codes, solve(layer, 3).layer.codes);
}

TEST(AdaRoundSolver, WeightsOnTheGridStayThere) {
    const HessianFixture layer = fixtureB();
    SolverServices services;
    services.fitGrid = [](std::span<const float>) { return ScaleZero{0.625f, 4}; };
    const auto once =
        roundToNearest(weightsOf(layer), *fitGrids(weightsOf(layer), sliceScheme(3), services), services);
    ASSERT_TRUE(once);
    const auto values = HessianFixture::withHessian(valuesOf(*once), layer.hessianMatrix);
    const auto again = solveAdaRound(weightsOf(values), sliceScheme(3), hessianOf(layer), {}, services);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->layer.codes, once->codes);
}

TEST(AdaRoundSolver, ThreadsDoNotChangeTheResult) {
    const HessianFixture layer(normalMatrix(200, 64, 8), normalMatrix(200, 64, 9));
    AdaRoundOptions options;
    options.iterations = 60;
    SolverServices one = minMaxServices(3);
    one.maxThreads = 1;
    const auto first = solveAdaRound(weightsOf(layer), sliceScheme(3, 16), hessianOf(layer), options, one);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->layer.codes, solve(layer, 3, options, 16).layer.codes);
}

} // namespace
} // namespace qs::test
