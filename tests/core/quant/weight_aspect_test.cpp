#include "core/quant/weight_aspect.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

std::vector<float> all(const MatrixSource &source) {
    std::vector<float> values(static_cast<std::size_t>(source.size()));
    for (std::int64_t row = 0; row < source.rows(); ++row)
        source.read(row, 0,
                    std::span(values).subspan(static_cast<std::size_t>(row * source.cols()),
                                              static_cast<std::size_t>(source.cols())));
    return values;
}

std::shared_ptr<QuantizedMatrix> grouped() {
    auto matrix = std::make_shared<QuantizedMatrix>();
    matrix->rows = 2;
    matrix->cols = 3;
    matrix->bits = 4;
    matrix->layout = {Granularity::PerGroup, 2, 3, 2};
    matrix->codes = {0, 5, 15, 7, 8, 9};
    matrix->scales = {0.5f, 2, 1, 0.25f};
    matrix->zeroPoints = {5, 0, 8, 1};
    return matrix;
}

TEST(WeightAspect, EachIsReadFromCodesAndWeights) {
    const auto matrix = grouped();
    const Tensor weights = Tensor::fromValues<float>({2, 3}, std::vector<float>{-2, 0.25f, 30, -1, 0, 1});
    EXPECT_THAT(all(*aspectSource(WeightAspect::Weight, weights, nullptr)),
                testing::ElementsAre(-2, 0.25f, 30, -1, 0, 1));
    EXPECT_THAT(all(*aspectSource(WeightAspect::Codes, weights, matrix)),
                testing::ElementsAre(0, 5, 15, 7, 8, 9));
    EXPECT_THAT(all(*aspectSource(WeightAspect::Dequantized, weights, matrix)),
                testing::ElementsAre(-2.5f, 0, 30, -1, 0, 2));
    EXPECT_THAT(all(*aspectSource(WeightAspect::Error, weights, matrix)),
                testing::ElementsAre(-0.5f, -0.25f, 0, 0, 0, 1));
    EXPECT_EQ(aspectSource(WeightAspect::Dequantized, weights, matrix)->value(1, 2), 2);
    EXPECT_EQ(weights.storage().use_count(), 1); // nothing kept a copy
}

TEST(WeightAspect, ReorderedColumnsTakeTheScaleOfTheirGroup) {
    const auto matrix = grouped();
    matrix->groupOfColumn = {1, 0, 1};
    const Tensor reference = matrix->dequantize();
    const auto values = all(*aspectSource(WeightAspect::Dequantized, {}, matrix));
    EXPECT_THAT(values, testing::ElementsAreArray(reference.values<float>().begin(),
                                                  reference.values<float>().end()));
    EXPECT_EQ(values[0], 0);
}

TEST(WeightAspect, NamesGoBothWays) {
    for (const char *name : {"weight", "codes", "dequantized", "error"})
        EXPECT_EQ(weightAspectName(weightAspectFromName(name).value()), name);
    EXPECT_THAT(weightAspectFromName("colour").error().message, testing::HasSubstr("dequantized"));
}

} // namespace
} // namespace qs
