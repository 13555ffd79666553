// Scales that are fitted to codes: against the numbers of methods A, A33 and A34, and through the ABI.
#include "plugins/rounding/grid_refit.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/rounding_fixture.h"

#include <gmock/gmock.h>

namespace qs::test {
namespace {

TEST(ScaleRefit, FixtureAComesOutAsInTheSpecification) {
    HessianFixture layer = fixtureA();
    const LayerCodes nearest = nearestOf(layer, 3);
    EXPECT_NEAR(nearest.grids.scales[0], 0.228571, 1e-6);
    EXPECT_NEAR(nearest.grids.scales[1], 0.235714, 1e-6);
    LayerCodes refitted = nearest;
    refitted.grids = *refitGrids(weightsOf(layer), nearest, hessianOf(layer), false, {});
    EXPECT_NEAR(refitted.grids.scales[0], 0.240421, 1e-6);
    EXPECT_NEAR(refitted.grids.scales[1], 0.191321, 1e-6);
    EXPECT_NEAR(rowErrorOf(layer, refitted, 0), 0.001060, 1e-6);
    EXPECT_NEAR(rowErrorOf(layer, refitted, 1), 0.027033, 1e-6);
}

TEST(ScaleRefit, MethodIsNeverWorseThanNearestInAnyRow) {
    HessianFixture layer = fixtureB();
    const auto method = bundledMethod("scale-refit");
    ASSERT_TRUE(method);
    for (const bool asFloat16 : {false, true})
        for (const int bits : {2, 3, 4, 8}) {
            QuantizeRequest request = layer.request(bits);
            request.scheme.scaleAsFloat16 = asFloat16;
            const auto rtn = *makeRtnQuantizer()->quantize(request, {});
            const auto matrix = method->quantize(request, {});
            ASSERT_TRUE(matrix) << matrix.error().text();
            EXPECT_EQ(matrix->codes, rtn.codes);
            for (Eigen::Index row = 0; row < 16; ++row)
                EXPECT_LE(layer.rowError(*matrix, row), layer.rowError(rtn, row) * (1 + 1e-9)) << bits;
            EXPECT_LT(layer.error(*matrix), (bits == 2 ? 0.9 : 1) * layer.error(rtn));
        }
}

TEST(Udfc, SelfScaleOfFixtureBComesOutAsInTheSpecification) {
    HessianFixture layer = fixtureB();
    const LayerCodes nearest = nearestOf(layer, 3);
    LayerCodes scaled = nearest;
    scaled.grids = *fitScalesToWeights(weightsOf(layer), nearest, {});
    EXPECT_NEAR(scaled.grids.scales[0] / nearest.grids.scales[0], 1.01736, 1e-5);
    EXPECT_NEAR((layer.exact - valuesOf(nearest)).row(0).squaredNorm(), 1.40070, 1e-5);
    EXPECT_NEAR((layer.exact - valuesOf(scaled)).row(0).squaredNorm(), 1.38478, 1e-5);
}

TEST(Udfc, WeightsThatLieOnTheGridKeepTheirScale) {
    HessianFixture layer = fixtureB();
    const LayerCodes nearest = nearestOf(layer, 4);
    const RowMajorF onGrid = valuesOf(nearest).cast<float>();
    const auto grids =
        *fitScalesToWeights({onGrid.data(), onGrid.rows(), onGrid.cols()}, nearest, SolverServices{});
    for (std::size_t slice = 0; slice < grids.scales.size(); ++slice)
        EXPECT_NEAR(grids.scales[slice] / nearest.grids.scales[slice], 1, 1e-6);
}

TEST(Udfc, NeedsNoCalibrationAndLowersTheErrorOfTheWeights) {
    HessianFixture layer = fixtureB();
    const auto method = bundledMethod("udfc");
    ASSERT_TRUE(method);
    EXPECT_FALSE(method->info().needsCalibration());
    for (const std::int64_t groupSize : {0, 16}) {
        QuantizeRequest request = layer.request(2);
        request.services = nullptr;
        request.scheme.granularity = groupSize > 0 ? Granularity::PerGroup : Granularity::PerChannel;
        request.scheme.groupSize = groupSize;
        const auto rtn = *makeRtnQuantizer()->quantize(request, {});
        const auto matrix = method->quantize(request, {});
        ASSERT_TRUE(matrix) << matrix.error().text();
        const auto errorOfWeights = [&](const QuantizedMatrix &quantized) {
            double sum = 0;
            const Tensor values = quantized.dequantize();
            for (std::int64_t i = 0; i < values.numel(); ++i)
                sum += std::pow(values.values<float>()[static_cast<std::size_t>(i)] - layer.weights.data()[i],
                                2);
            return sum;
        };
        EXPECT_LT(errorOfWeights(*matrix), errorOfWeights(rtn));
        EXPECT_EQ(matrix->codes, rtn.codes);
    }
    QuantizeRequest request = layer.request(2);
    request.scheme.granularity = Granularity::PerTensor;
    EXPECT_THAT(method->supports(request).reason, testing::HasSubstr("per channel"));
}

} // namespace
} // namespace qs::test
