#include "core/tensor/max_pool.h"

#include "tests/support/lcg.h"

#include <cmath>
#include <gmock/gmock.h>

namespace qs {
namespace {

PooledMagnitudes pooled(const std::vector<float> &values, std::int64_t rows, std::int64_t cols,
                        std::int64_t mostRows, std::int64_t mostCols) {
    return poolMagnitudes(*matrixSource(MatrixView<const float>{values.data(), rows, cols}), mostRows,
                          mostCols, {})
        .value();
}

TEST(MaxPool, KeepsTheLargestOfEveryBlockAndItsPlace) {
    // 3 x 5 in blocks of 2 x 2: the blocks at the end are smaller.
    const std::vector<float> values = {1, -7, 2, 3, 0,  //
                                       0, 0,  0, 4, -1, //
                                       5, 0,  0, 0, -0.5};
    const PooledMagnitudes result = pooled(values, 3, 5, 2, 3);
    EXPECT_TRUE(result.isReduced());
    EXPECT_EQ(result.rowsPerPoint, 2);
    EXPECT_EQ(result.colsPerPoint, 2);
    EXPECT_EQ(result.rows, 2);
    EXPECT_EQ(result.cols, 3);
    EXPECT_THAT(result.values, testing::ElementsAre(7, 4, 1, 5, 0, 0.5f));
    EXPECT_EQ(result.positions[0], 1);
    EXPECT_EQ(result.positions[1], 8);
    EXPECT_EQ(result.positions[5], 14);
    EXPECT_EQ(result.highest, 7);
}

TEST(MaxPool, SmallMatricesAreNotReduced) {
    const PooledMagnitudes result = pooled({-3}, 1, 1, 100, 100);
    EXPECT_FALSE(result.isReduced());
    EXPECT_THAT(result.values, testing::ElementsAre(3));
    EXPECT_THAT(result.positions, testing::ElementsAre(0));
    EXPECT_EQ(pooled({}, 0, 4, 10, 10).rows, 0);
}

TEST(MaxPool, WhatIsNotANumberWinsAndIsCounted) {
    const PooledMagnitudes result = pooled({1, NAN, 9, INFINITY}, 1, 4, 1, 2);
    EXPECT_TRUE(std::isnan(result.values[0]));
    EXPECT_EQ(result.positions[0], 1);
    EXPECT_TRUE(std::isinf(result.values[1]));
    EXPECT_EQ(result.notFinite, 2);
    EXPECT_EQ(result.highest, 0);
}

TEST(MaxPool, OneThreadGivesTheSameAsMany) {
    const auto values = test::toFloats(test::lcgNormals(100 * 77, 5));
    const auto source = matrixSource(MatrixView<const float>{values.data(), 100, 77});
    const auto many = poolMagnitudes(*source, 30, 20, {}).value();
    const auto one = poolMagnitudes(*source, 30, 20, {{}, nullptr, 1}).value();
    EXPECT_EQ(many.values, one.values);
    EXPECT_EQ(many.positions, one.positions);
}

} // namespace
} // namespace qs
