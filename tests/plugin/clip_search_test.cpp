#include "plugins/grid/clip_search.h"

#include "tests/support/solver_fixture.h"

#include <gmock/gmock.h>

namespace qs::test {
namespace {

const auto kNeverCancelled = [] { return false; };

ClipResult search(const HessianFixture &layer, const ClipGridOptions &grid, const ClipStrategy &strategy,
                  std::int64_t groupSize = 0) {
    Slices slices = rowSlices(layer.weights);
    if (groupSize > 0)
        slices.groupSize = groupSize;
    auto result = searchClips(viewOf(layer.weights), slices, viewOf(layer.hessianMatrix), grid, strategy, {});
    EXPECT_TRUE(result);
    return result ? *result : ClipResult{};
}

RowMajorD dequantize(const ClipResult &result, const Slices &slices) {
    RowMajorD values(slices.rows, slices.cols);
    for (std::int64_t i = 0; i < slices.count(); ++i)
        for (std::int64_t k = slices.begin(i); k < slices.begin(i) + slices.size(i); ++k)
            values.data()[k] =
                result.scales[static_cast<std::size_t>(i)] *
                (result.codes[static_cast<std::size_t>(k)] - result.zeroPoints[static_cast<std::size_t>(i)]);
    return values;
}

TEST(SliceError, FollowsThePlainFormulaFromGridToGrid) {
    const HessianFixture layer = fixtureB();
    for (GridConvention convention : {GridConvention::Asymmetric, GridConvention::SymmetricRestricted}) {
        ClipGridOptions options;
        options.bits = 3;
        options.convention = convention;
        const std::span<const float> row(layer.weights.data() + 2 * 48, 48);
        SliceError error(row, layer.hessianMatrix.data(), 48, options);
        for (double factor : {1.0, 0.5, 0.9, 0.3, 1.0}) {
            const SliceError::Trial trial = error.at({-2 * factor, 1.5 * factor});
            RowMajorD difference(1, 48);
            for (Eigen::Index j = 0; j < 48; ++j)
                difference(0, j) = layer.weights(2, j) -
                                   static_cast<double>(trial.grid.scale) *
                                       (quantizeValue(layer.weights(2, j), trial.grid,
                                                      codeRange(3, convention), RoundingMode::HalfEven) -
                                        trial.grid.zeroPoint);
            EXPECT_NEAR(trial.error, layer.energy(difference), 1e-9 * layer.energy(layer.exact));
        }
    }
}

TEST(FactorStrategy, FixtureAGivesTheRangeOfTheOracle) {
    const HessianFixture layer = fixtureA();
    ClipGridOptions grid;
    grid.bits = 2;
    const ClipResult result = search(layer, grid, factorStrategy({}, grid, kNeverCancelled));
    EXPECT_NEAR(result.errors[0], 0.126822, 1e-6);
    EXPECT_NEAR(result.scales[0], (0.84 * 1.2 + 0.5 * 0.4) / 3, 1e-6);
    const RowMajorD values = dequantize(result, rowSlices(layer.weights));
    const std::vector<double> expected = {0.805333, 0, 0.402667, 1.208};
    for (Eigen::Index j = 0; j < 4; ++j)
        EXPECT_NEAR(values(0, j), expected[static_cast<std::size_t>(j)], 1e-6);
}

TEST(FactorStrategy, NeverLosesAgainstTheFullRange) {
    const HessianFixture layer = fixtureB();
    ClipGridOptions grid;
    grid.bits = 3;
    const ClipResult pairs = search(layer, grid, factorStrategy({}, grid, kNeverCancelled));
    FactorSearch inTurn;
    inTurn.everyPair = false;
    const ClipResult turns = search(layer, grid, factorStrategy(inTurn, grid, kNeverCancelled));
    // All steps at the factor 1: plain rounding.
    const ClipResult full = search(layer, grid, factorStrategy({2, 1.0}, grid, kNeverCancelled));
    double total = 0;
    for (std::size_t row = 0; row < 16; ++row) {
        EXPECT_LE(pairs.errors[row], turns.errors[row] * (1 + 1e-9));
        EXPECT_LE(turns.errors[row], full.errors[row] * (1 + 1e-9));
        total += full.errors[row];
    }
    EXPECT_NEAR(total, 242.981, 1e-3 * 242.981); // round-to-nearest of methods A 0.10
    const RowMajorD values = dequantize(pairs, rowSlices(layer.weights));
    EXPECT_NEAR(layer.energy(layer.weights.cast<double>() - values),
                std::accumulate(pairs.errors.begin(), pairs.errors.end(), 0.0), 1e-6);
}

TEST(FactorStrategy, SymmetricGridsShareOneFactor) {
    const HessianFixture layer = fixtureB();
    ClipGridOptions grid;
    grid.bits = 3;
    grid.convention = GridConvention::SymmetricRestricted;
    const ClipResult result = search(layer, grid, factorStrategy({}, grid, kNeverCancelled));
    for (Eigen::Index row = 0; row < 16; ++row) {
        const auto i = static_cast<std::size_t>(row);
        const double steps = (1 - result.scales[i] * 3 / layer.weights.row(row).cwiseAbs().maxCoeff()) * 100;
        EXPECT_NEAR(steps, std::round(steps), 1e-3);
        EXPECT_EQ(result.zeroPoints[i], 0);
    }
}

TEST(MagnitudeStrategy, FixtureAGivesTheClipsOfTheOracle) {
    const HessianFixture layer = fixtureA();
    ClipGridOptions grid;
    grid.bits = 3;
    const ClipResult result = search(layer, grid, magnitudeStrategy(20, 0.5, kNeverCancelled));
    // The oracle's error is a mean over tokens: half of E, as H has the factor 2.
    EXPECT_NEAR(result.errors[0] / 2, 0.039199, 1e-6);
    EXPECT_NEAR(result.errors[1] / 2, 0.0216086, 1e-6);
    EXPECT_NEAR(result.scales[0], 1.6 / 7, 1e-6);
    EXPECT_NEAR(result.scales[1], (0.825 + 0.55) / 7, 1e-6);
}

TEST(MagnitudeStrategy, GroupsSeeTheirBlockOfTheHessian) {
    const HessianFixture layer = fixtureB();
    ClipGridOptions grid;
    grid.bits = 3;
    const Slices groups{16, 48, 20}; // the last group of a row has 8 columns
    const ClipResult result = search(layer, grid, magnitudeStrategy(20, 0.5, kNeverCancelled), 20);
    const RowMajorD difference = layer.weights.cast<double>() - dequantize(result, groups);
    for (std::int64_t i = 0; i < groups.count(); ++i) {
        const auto first = groups.firstColumn(i);
        const auto size = groups.size(i);
        const RowMajorD e = difference.block(groups.row(i), first, 1, size);
        const double expected =
            (e * layer.hessianMatrix.block(first, first, size, size) * e.transpose())(0, 0);
        EXPECT_NEAR(result.errors[static_cast<std::size_t>(i)], expected, 1e-6 * (1 + expected));
    }
}

TEST(ClipSearch, OddSlicesHaveGrids) {
    RowMajorD weights(5, 6);
    weights << 0, 0, 0, 0, 0, 0, -0.75, -0.75, -0.75, -0.75, -0.75, -0.75, 1, 2, 3, 4, 5, 6, 1e-41, 1e-41, 0,
        0, 0, 1e-41, 1e20, -2e20, 1e19, 3e20, 0, 0;
    const auto layer = HessianFixture::withHessian(weights, RowMajorD::Identity(6, 6));
    ClipGridOptions grid;
    const ClipResult result = search(layer, grid, factorStrategy({}, grid, kNeverCancelled));
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_GT(result.scales[i], 0);
        EXPECT_TRUE(std::isfinite(result.scales[i]));
        EXPECT_TRUE(std::isfinite(result.errors[i]));
    }
    EXPECT_EQ(dequantize(result, rowSlices(layer.weights)).row(0).norm(), 0);
}

TEST(ClipSearch, ThreadsDoNotChangeTheResult) {
    const HessianFixture layer = fixtureB();
    ClipGridOptions grid;
    grid.bits = 2;
    const auto strategy = factorStrategy({}, grid, kNeverCancelled);
    const auto one = searchClips(viewOf(layer.weights), {16, 48, 16}, viewOf(layer.hessianMatrix), grid,
                                 strategy, onThreads(1));
    const auto two = searchClips(viewOf(layer.weights), {16, 48, 16}, viewOf(layer.hessianMatrix), grid,
                                 strategy, onThreads(2));
    ASSERT_TRUE(one && two);
    EXPECT_EQ(one->codes, two->codes);
    EXPECT_EQ(one->errors, two->errors);
}

} // namespace
} // namespace qs::test
