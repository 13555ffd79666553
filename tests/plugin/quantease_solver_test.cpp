#include "plugins/rounding/quantease_solver.h"
#include "tests/support/rounding_fixture.h"

#include <gmock/gmock.h>

namespace qs::test {
namespace {

using Codes = std::vector<std::int16_t>;
using testing::HasSubstr;

QuantEaseOptions options(int sweeps, bool relaxation, QuantEaseStart start = QuantEaseStart::Weights) {
    QuantEaseOptions options;
    options.sweeps = sweeps;
    options.relaxation = relaxation;
    options.start = start;
    options.keepBest = false;
    return options;
}

QuantEaseResult solve(const HessianFixture &layer, int bits, const QuantEaseOptions &options,
                      std::int64_t groupSize = 0) {
    auto result = solveQuantEase(weightsOf(layer), sliceScheme(bits, groupSize), hessianOf(layer), options,
                                 minMaxServices(bits));
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    return *result;
}

/// Error of what is stored, outliers included.
double storedError(const HessianFixture &layer, const QuantEaseResult &result) {
    RowMajorD values = valuesOf(result.layer);
    for (std::size_t i = 0; i < result.outliers.elements.size(); ++i)
        values.data()[result.outliers.elements[i]] = result.outliers.values[i];
    return layer.energy(layer.exact - values);
}

TEST(QuantEaseSolver, FixtureAGivesTheCodesOfTheOracle) {
    const HessianFixture layer = fixtureA();
    const QuantEaseResult first = solve(layer, 3, options(1, false));
    EXPECT_EQ(first.layer.codes, nearestOf(layer, 3).codes);
    expectRelative(errorOf(layer, first.layer), 0.166201);
    const QuantEaseResult second = solve(layer, 3, options(2, false));
    EXPECT_EQ(second.layer.codes, (Codes{7, 0, 3, 7, 1, 7, 0, 6}));
    EXPECT_NEAR(errorOf(layer, second.layer), 0.009412, 1e-6);
    EXPECT_EQ(solve(layer, 3, options(30, false)).layer.codes, second.layer.codes);
}

TEST(QuantEaseSolver, FixtureBFollowsTheSweepsOfTheOracle) {
    const HessianFixture layer = fixtureB();
    const QuantEaseResult result = solve(layer, 3, options(30, false));
    const std::vector<double> expected = {151.509, 132.991, 126.418, 123.229, 123.229};
    for (std::size_t sweep = 0; sweep < expected.size(); ++sweep)
        expectRelative(result.sweepErrors[sweep], expected[sweep]);
    expectRelative(errorOf(layer, result.layer), 123.229);
    EXPECT_NEAR(sumOf(result.rowErrors), errorOf(layer, result.layer), 1e-4);
    expectRelative(errorOf(layer, solve(layer, 3, options(30, true)).layer), 113.427);
}

TEST(QuantEaseSolver, FixtureBAfterGptqGivesTheErrorsOfTheOracle) {
    const HessianFixture layer = fixtureB();
    const QuantEaseResult result = solve(layer, 3, options(30, false, QuantEaseStart::Gptq));
    expectRelative(result.sweepErrors[0], 119.093);
    expectRelative(errorOf(layer, result.layer), 108.327);
}

TEST(QuantEaseSolver, FixtureBWithOutliersGivesTheErrorsOfTheOracle) {
    const HessianFixture layer = fixtureB();
    const std::vector<std::pair<double, double>> expected = {
        {0.0, 123.229}, {0.01, 96.099}, {0.02, 85.926}, {0.05, 68.180}};
    for (const auto &[share, error] : expected) {
        QuantEaseOptions sparse = options(25, false);
        sparse.outlierShare = share;
        const QuantEaseResult result = solve(layer, 3, sparse);
        EXPECT_EQ(result.outliers.elements.size(), static_cast<std::size_t>(std::lround(share * 768)));
        expectRelative(storedError(layer, result), error);
        EXPECT_NEAR(sumOf(result.rowErrors), storedError(layer, result), 1e-3);
    }
}

TEST(QuantEaseSolver, WholeColumnsStayOutsideOfTheGrid) {
    const HessianFixture layer = fixtureB();
    QuantEaseOptions sparse = options(25, false);
    sparse.outlierShare = 3.0 / 48;
    sparse.wholeColumns = true;
    const QuantEaseResult result = solve(layer, 3, sparse);
    ASSERT_EQ(result.outliers.elements.size(), 48u);
    for (std::size_t i = 0; i < 48; ++i) // three columns, in all 16 rows
        EXPECT_EQ(result.outliers.elements[i] % 48, result.outliers.elements[i % 3] % 48);
    EXPECT_LT(storedError(layer, result), 123.229);
}

TEST(QuantEaseSolver, SweepsOnTheGridNeverRaiseTheError) {
    for (std::uint32_t seed = 30; seed < 34; ++seed) {
        const HessianFixture layer(normalMatrix(40, 70, seed), normalMatrix(90, 70, seed + 10));
        for (QuantEaseStart start : {QuantEaseStart::Nearest, QuantEaseStart::Gptq}) {
            const QuantEaseResult result = solve(layer, 3, options(8, false, start), 20);
            for (std::size_t sweep = 1; sweep < 8; ++sweep)
                EXPECT_LE(result.sweepErrors[sweep], result.sweepErrors[sweep - 1] * (1 + 1e-6));
        }
    }
}

/// No single code can be changed for the better once the sweeps have settled.
TEST(QuantEaseSolver, SettledCodesAreBestColumnByColumn) {
    const HessianFixture layer = fixtureB();
    QuantEaseResult result = solve(layer, 3, options(60, false));
    const double settled = errorOf(layer, result.layer);
    for (std::size_t i = 0; i < result.layer.codes.size(); ++i)
        for (int step : {-1, 1}) {
            const std::int16_t code = result.layer.codes[i];
            if (code + step < 0 || code + step > 7)
                continue;
            result.layer.codes[i] = static_cast<std::int16_t>(code + step);
            EXPECT_GE(errorOf(layer, result.layer), settled * (1 - 1e-9));
            result.layer.codes[i] = code;
        }
}

TEST(QuantEaseSolver, DiagonalHessianGivesRoundToNearestInOneSweep) {
    RowMajorD hessian = RowMajorD::Zero(24, 24);
    hessian.diagonal() = normalMatrix(24, 1, 5).cwiseAbs2().array() + 0.1;
    const auto layer = HessianFixture::withHessian(normalMatrix(9, 24, 6), hessian);
    EXPECT_EQ(solve(layer, 3, options(1, false)).layer.codes, nearestOf(layer, 3).codes);
}

TEST(QuantEaseSolver, KeepBestIsNeverWorseThanItsStartInAnyRow) {
    int relaxedLost = 0;
    for (std::uint32_t seed = 20; seed < 26; ++seed) {
        // Few, strongly correlated inputs: a descent from the weights ends in poor local minima.
        const HessianFixture layer(normalMatrix(32, 12, seed),
                                   normalMatrix(40, 1, seed + 100) * RowMajorD::Ones(1, 12) +
                                       0.4 * normalMatrix(40, 12, seed + 200));
        const LayerCodes nearest = nearestOf(layer, 2);
        QuantEaseOptions best = options(3, true);
        const QuantEaseResult last = solve(layer, 2, best);
        best.keepBest = true;
        const QuantEaseResult kept = solve(layer, 2, best);
        for (Eigen::Index row = 0; row < 32; ++row) {
            const double rtn = rowErrorOf(layer, nearest, row);
            EXPECT_LE(rowErrorOf(layer, kept.layer, row), rtn * (1 + 1e-6));
            EXPECT_LE(rowErrorOf(layer, kept.layer, row), rowErrorOf(layer, last.layer, row) * (1 + 1e-5));
            relaxedLost += rtn < rowErrorOf(layer, last.layer, row) ? 1 : 0;
        }
    }
    EXPECT_GT(relaxedLost, 0) << "the case does not try what it should";
}

TEST(QuantEaseSolver, ScaledInputsGiveTheSameCodes) {
    const HessianFixture layer = fixtureB();
    const auto scaled = HessianFixture::withHessian(layer.exact, layer.hessianMatrix * 16.0);
    EXPECT_EQ(solve(scaled, 3, options(30, true)).layer.codes,
              solve(layer, 3, options(30, true)).layer.codes);
}

TEST(QuantEaseSolver, FineGridKeepsTheOutput) {
    const HessianFixture layer = fixtureB();
    EXPECT_LT(errorOf(layer, solve(layer, 15, options(30, true)).layer) / layer.energy(layer.exact), 1e-7);
}

TEST(QuantEaseSolver, QuantizedWeightsStayAsTheyAre) {
    const HessianFixture layer = fixtureB();
    SolverServices services = minMaxServices(3);
    services.fitGrid = [](std::span<const float>) { return ScaleZero{0.625f, 4}; };
    const auto once =
        solveQuantEase(weightsOf(layer), sliceScheme(3), hessianOf(layer), options(30, true), services);
    ASSERT_TRUE(once);
    const auto values = HessianFixture::withHessian(valuesOf(once->layer), layer.hessianMatrix);
    const auto twice =
        solveQuantEase(weightsOf(values), sliceScheme(3), hessianOf(layer), options(30, true), services);
    ASSERT_TRUE(twice);
    EXPECT_EQ(twice->layer.codes, once->layer.codes);
}

TEST(QuantEaseSolver, OrderOfActivationsKeepsGroupsWhereTheyAre) {
    const HessianFixture layer = fixtureB();
    QuantEaseOptions ordered = options(30, true);
    ordered.actOrder = true;
    ordered.keepBest = true;
    const QuantEaseResult result = solve(layer, 3, ordered, 16);
    EXPECT_EQ(result.layer.grids.scales, nearestOf(layer, 3, 16).grids.scales);
    EXPECT_LT(errorOf(layer, result.layer), 88.899); // GPTQ with both options
}

TEST(QuantEaseSolver, UnusedInputsAreSimplyRounded) {
    RowMajorD inputs = normalMatrix(64, 12, 3);
    inputs.col(4).setZero();
    const HessianFixture layer(normalMatrix(5, 12, 4), inputs);
    const QuantEaseResult result = solve(layer, 4, options(30, true));
    const LayerCodes nearest = nearestOf(layer, 4);
    for (std::size_t row = 0; row < 5; ++row)
        EXPECT_EQ(result.layer.codes[row * 12 + 4], nearest.codes[row * 12 + 4]);
}

TEST(QuantEaseSolver, ThreadsDoNotChangeTheResult) {
    const HessianFixture layer(normalMatrix(200, 300, 8), normalMatrix(400, 300, 9));
    for (double share : {0.0, 0.01}) {
        QuantEaseOptions sparse = options(6, true);
        sparse.outlierShare = share;
        SolverServices one = minMaxServices(3);
        one.maxThreads = 1;
        const auto first =
            solveQuantEase(weightsOf(layer), sliceScheme(3, 64), hessianOf(layer), sparse, one);
        const QuantEaseResult all = solve(layer, 3, sparse, 64);
        ASSERT_TRUE(first);
        EXPECT_EQ(first->layer.codes, all.layer.codes);
        EXPECT_EQ(first->outliers.elements, all.outliers.elements);
        EXPECT_EQ(first->outliers.values, all.outliers.values);
    }
}

TEST(QuantEaseSolver, BrokenHessianIsRefused) {
    HessianFixture layer = fixtureA();
    layer.hessianMatrix(1, 2) = std::nan("");
    const auto result = solveQuantEase(weightsOf(layer), sliceScheme(4), hessianOf(layer), options(3, false),
                                       minMaxServices(4));
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, HasSubstr("NaN"));
}

} // namespace
} // namespace qs::test
