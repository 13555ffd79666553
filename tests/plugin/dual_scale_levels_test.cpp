#include "plugins/grid/dual_scale_levels.h"

#include "tests/support/solver_fixture.h"

#include <gmock/gmock.h>

namespace qs::test {
namespace {

RowMajorD dequantize(const DualScaleCodes &codes, const Slices &slices) {
    RowMajorD values(slices.rows, slices.cols);
    for (std::int64_t i = 0; i < slices.count(); ++i)
        for (std::int64_t k = slices.begin(i); k < slices.begin(i) + slices.size(i); ++k)
            values.data()[k] =
                codes.slices[static_cast<std::size_t>(i)].value(codes.codes[static_cast<std::size_t>(k)]);
    return values;
}

DualScaleCodes plain(const HessianFixture &layer, const Slices &slices, const DualScaleGrid &grid) {
    auto codes = quantizeDualScales(viewOf(layer.weights), slices, grid, {});
    EXPECT_TRUE(codes);
    return codes ? *codes : DualScaleCodes{};
}

DualScaleCodes withFeedback(const HessianFixture &layer, const Slices &slices, const DualScaleGrid &grid,
                            double damping = 0.01, const SolverServices &services = {}) {
    auto codes = roundDualScalesWithFeedback(viewOf(layer.weights), slices, viewOf(layer.hessianMatrix),
                                             damping, grid, services);
    EXPECT_TRUE(codes);
    return codes ? *codes : DualScaleCodes{};
}

TEST(DualScaleLevels, CodesAreTheNearestLevels) {
    const HessianFixture layer = fixtureB();
    const Slices slices{16, 48, 20};
    for (int bits : {2, 3}) {
        const DualScaleCodes codes = plain(layer, slices, {bits});
        for (std::int64_t i = 0; i < slices.count(); ++i)
            for (std::int64_t k = slices.begin(i); k < slices.begin(i) + slices.size(i); ++k) {
                const DualScaleLevels &levels = codes.slices[static_cast<std::size_t>(i)];
                const float weight = layer.weights.data()[k];
                const float taken = levels.value(codes.codes[static_cast<std::size_t>(k)]);
                for (std::int16_t level = 0; level < (1 << bits); ++level)
                    EXPECT_LE(std::abs(weight - taken), std::abs(weight - levels.value(level)) + 1e-6f);
            }
    }
}

TEST(DualScaleLevels, FitOfASliceIsThatOfTheAlternation) {
    const HessianFixture layer = fixtureB();
    const Slices slices{16, 48, 16};
    DualScaleOptions options{2, 16, 15, false};
    const auto fit = fitDualScales(viewOf(layer.weights), options, {});
    ASSERT_TRUE(fit);
    const double error = (layer.exact - dequantize(plain(layer, slices, {2}), slices)).squaredNorm();
    EXPECT_NEAR(error / fit->objective.back(), 1, 1e-5);
}

TEST(DualScaleFeedback, DiagonalHessianGivesThePlainCodes) {
    RowMajorD hessian = RowMajorD::Zero(48, 48);
    hessian.diagonal() = normalMatrix(48, 1, 5).cwiseAbs2().array() + 0.1;
    const auto layer = HessianFixture::withHessian(normalMatrix(16, 48, 7), hessian);
    for (std::int64_t groupSize : {16, 20, 48}) {
        const Slices slices{16, 48, groupSize};
        EXPECT_EQ(withFeedback(layer, slices, {2}).codes, plain(layer, slices, {2}).codes) << groupSize;
    }
}

TEST(DualScaleFeedback, HugeDampingGivesThePlainCodes) {
    const HessianFixture layer = fixtureB();
    const Slices slices{16, 48, 16};
    EXPECT_EQ(withFeedback(layer, slices, {3}, 1e9).codes, plain(layer, slices, {3}).codes);
}

TEST(DualScaleFeedback, MakesTheOutputErrorSmaller) {
    const HessianFixture layer = fixtureB();
    for (int bits : {2, 3})
        for (std::int64_t groupSize : {16, 20, 48}) {
            const Slices slices{16, 48, groupSize};
            const double before =
                layer.energy(layer.exact - dequantize(plain(layer, slices, {bits}), slices));
            const double after =
                layer.energy(layer.exact - dequantize(withFeedback(layer, slices, {bits}), slices));
            EXPECT_LT(after, 0.8 * before) << bits << " bit, groups of " << groupSize;
        }
}

TEST(DualScaleFeedback, ThreadsDoNotChangeTheResult) {
    const HessianFixture layer(normalMatrix(200, 96, 7), normalMatrix(256, 96, 8));
    const Slices slices{200, 96, 32};
    const DualScaleCodes one = withFeedback(layer, slices, {2}, 0.01, onThreads(1));
    const DualScaleCodes two = withFeedback(layer, slices, {2}, 0.01, onThreads(2));
    EXPECT_EQ(one.codes, two.codes);
    EXPECT_EQ(dequantize(one, slices), dequantize(two, slices));
}

} // namespace
} // namespace qs::test
