#include "core/tensor/tensor_pyramid.h"

#include "tests/support/lcg.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace qs {
namespace {

MatrixView<const float> view(const std::vector<float> &values, std::int64_t rows, std::int64_t cols) {
    return {values.data(), rows, cols};
}

/// Minimum, maximum and mean of the elements that a cell stands for, straight from the matrix.
PyramidCell direct(MatrixView<const float> values, int level, std::int64_t row, std::int64_t col) {
    const std::int64_t side = std::int64_t{1} << level;
    float lowest = std::numeric_limits<float>::infinity(), highest = -lowest;
    double sum = 0;
    std::int64_t count = 0;
    for (std::int64_t r = row * side; r < std::min(values.rows, (row + 1) * side); ++r)
        for (std::int64_t c = col * side; c < std::min(values.cols, (col + 1) * side); ++c) {
            lowest = std::min(lowest, values(r, c));
            highest = std::max(highest, values(r, c));
            sum += values(r, c);
            ++count;
        }
    return {lowest, highest, static_cast<float>(sum / static_cast<double>(count))};
}

} // namespace

TEST(TensorPyramid, EveryCellOfRaggedSizesIsExact) {
    const std::pair<std::int64_t, std::int64_t> sizes[] = {{1, 1}, {1, 7},   {9, 1},   {2, 2},    {3, 5},
                                                           {8, 8}, {17, 33}, {64, 63}, {100, 257}};
    for (auto [rows, cols] : sizes) {
        const std::vector<float> values =
            test::toFloats(test::lcgNormals(static_cast<std::size_t>(rows * cols), 3));
        const auto matrix = view(values, rows, cols);
        const TensorPyramid pyramid = TensorPyramid::build(matrixSource(matrix), {}).value();
        for (int level = 0; level < pyramid.levels(); ++level) {
            const std::int64_t side = std::int64_t{1} << level;
            ASSERT_EQ(pyramid.rowsAt(level), (rows + side - 1) / side);
            ASSERT_EQ(pyramid.colsAt(level), (cols + side - 1) / side);
            for (std::int64_t row = 0; row < pyramid.rowsAt(level); ++row)
                for (std::int64_t col = 0; col < pyramid.colsAt(level); ++col) {
                    const PyramidCell found = pyramid.cell(level, row, col);
                    const PyramidCell expected = direct(matrix, level, row, col);
                    EXPECT_EQ(found.min, expected.min);
                    EXPECT_EQ(found.max, expected.max);
                    EXPECT_NEAR(found.mean, expected.mean, 1e-6);
                }
        }
        EXPECT_EQ(pyramid.rowsAt(pyramid.levels() - 1), 1);
        EXPECT_EQ(pyramid.colsAt(pyramid.levels() - 1), 1);
    }
}

TEST(TensorPyramid, OneOutlierShowsAtEveryLevel) {
    std::vector<float> values(130 * 70, 0.0f);
    values[77 * 70 + 69] = -5;
    const TensorPyramid pyramid = TensorPyramid::build(matrixSource(view(values, 130, 70)), {}).value();
    for (int level = 0; level < pyramid.levels(); ++level)
        EXPECT_EQ(pyramid.cell(level, 77 >> level, 69 >> level).min, -5);
}

TEST(TensorPyramid, NanMakesItsParentsNan) {
    std::vector<float> values(6 * 6, 1.0f);
    values[2 * 6 + 3] = std::nanf("");
    values[5 * 6 + 5] = std::numeric_limits<float>::infinity();
    const TensorPyramid pyramid = TensorPyramid::build(matrixSource(view(values, 6, 6)), {}).value();
    for (int level = 0; level < pyramid.levels(); ++level) {
        const PyramidCell cell = pyramid.cell(level, 2 >> level, 3 >> level);
        EXPECT_TRUE(std::isnan(cell.min) && std::isnan(cell.max) && std::isnan(cell.mean));
    }
    EXPECT_EQ(pyramid.cell(1, 0, 0).mean, 1);
    EXPECT_EQ(pyramid.cell(1, 2, 2).max, std::numeric_limits<float>::infinity());
}

TEST(TensorPyramid, EmptyMatrixHasOnlyItself) {
    const TensorPyramid pyramid =
        TensorPyramid::build(matrixSource(MatrixView<const float>{nullptr, 0, 5}), {}).value();
    EXPECT_EQ(pyramid.levels(), 1);
    EXPECT_EQ(pyramid.rowsAt(0), 0);
}

TEST(TensorPyramid, CancelledBuildGivesAnError) {
    std::stop_source source;
    source.request_stop();
    const std::vector<float> values(100);
    const auto pyramid =
        TensorPyramid::build(matrixSource(view(values, 10, 10)), {source.get_token(), nullptr, 0});
    ASSERT_FALSE(pyramid.has_value());
    EXPECT_EQ(pyramid.error().code, ErrorCode::Cancelled);
}

} // namespace qs
