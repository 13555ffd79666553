#include "core/analysis/weight_values.h"

#include "core/base/machine_memory.h"
#include "core/graph/model_graph.h"
#include "core/graph/weights_only.h"
#include "core/tensor/convert.h"
#include "tests/support/lcg.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <sys/mman.h>

namespace qs {
namespace {

constexpr std::int64_t kRows = 37, kCols = 300;

struct Case {
    ModelGraph graph;
    Layer layer;
};

/// A layer of 37 outputs that read 300 inputs: some zero outputs, one that is NaN and zero, one Inf.
Case layerOf(DType type, bool transposed) {
    std::vector<float> values = test::toFloats(test::lcgNormals(kRows * kCols, 11));
    for (std::int64_t i = 0; i < kRows * kCols; ++i) {
        float &value = values[static_cast<std::size_t>(i)];
        const std::int64_t output = transposed ? i % kRows : i / kCols;
        if (output == 3 || output == 20 || output == 36)
            value = i % 2 ? 0.0f : -0.0f;
        if (output == 20)
            value = std::numeric_limits<float>::quiet_NaN();
        if (output == 5 && value > 1)
            value = -std::numeric_limits<float>::infinity();
    }
    const Shape shape = transposed ? Shape{kCols, kRows} : Shape{kRows, kCols};
    const Tensor stored = *castTensor(Tensor::fromValues<float>(shape, values), type);
    Case result;
    if (transposed) {
        GraphBuilder builder;
        builder.addInput(builder.value("x"));
        EXPECT_TRUE(builder.addConstant(builder.value("w"), stored));
        Node node;
        node.name = "/fc/MatMul";
        node.opType = "MatMul";
        node.inputs = {builder.value("x"), builder.value("w")};
        node.outputs = {builder.value("y")};
        EXPECT_TRUE(builder.addNode(std::move(node)));
        builder.addOutput(builder.value("y"));
        result.graph = *std::move(builder).finish();
    } else {
        WeightsOnlyBuilder builder("m");
        EXPECT_TRUE(builder.add("fc.weight", stored));
        result.graph = *std::move(builder).finish();
    }
    result.layer = findLayers(result.graph).at(0);
    return result;
}

class EveryLayout : public testing::TestWithParam<std::tuple<DType, bool>> {
protected:
    Case m_case = layerOf(std::get<0>(GetParam()), std::get<1>(GetParam()));
    WeightValues m_values = *WeightValues::open(m_case.layer, m_case.graph);
    Tensor m_matrix = *weightMatrix(m_case.layer, m_case.graph);

    float at(std::int64_t row, std::int64_t col) const {
        return m_matrix.values<float>()[static_cast<std::size_t>(row * kCols + col)];
    }
};

INSTANTIATE_TEST_SUITE_P(Weights, EveryLayout,
                         testing::Combine(testing::Values(DType::Float32, DType::Float16, DType::BFloat16,
                                                          DType::Float64, DType::Float8E5M2),
                                          testing::Bool()));

TEST_P(EveryLayout, MagnitudesAreThoseOfAPlainLoop) {
    const WeightValues::Magnitudes found = *m_values.magnitudes({});
    ASSERT_EQ(found.largest.size(), static_cast<std::size_t>(kRows));
    std::int64_t zeroRows = 0;
    for (std::int64_t row = 0; row < kRows; ++row) {
        float largest = 0;
        bool isZero = true;
        for (std::int64_t col = 0; col < kCols; ++col) {
            if (std::isfinite(at(row, col)))
                largest = std::max(largest, std::fabs(at(row, col)));
            isZero = isZero && at(row, col) == 0;
        }
        EXPECT_EQ(found.largest[static_cast<std::size_t>(row)], largest) << row;
        zeroRows += isZero;
    }
    EXPECT_EQ(found.zeroRows, zeroRows);
    EXPECT_EQ(zeroRows, 2); // the row of NaN is none
}

TEST_P(EveryLayout, RowsAndScanShowTheMatrix) {
    EXPECT_EQ(m_values.isDirect(), !std::get<1>(GetParam()));
    for (const std::int64_t first : {0, 1, 30}) {
        const Tensor rows = *m_values.read(first, 7);
        EXPECT_EQ(rows.shape(), (Shape{7, kCols}));
        for (std::int64_t i = 0; i < 7 * kCols; ++i) {
            const float found = rows.values<float>()[static_cast<std::size_t>(i)];
            const float expected = at(first + i / kCols, i % kCols);
            ASSERT_TRUE(found == expected || (std::isnan(found) && std::isnan(expected)));
        }
    }
    const TensorStats found = m_values.scan(nullptr, {})->stats();
    const TensorStats expected = *computeStats(m_matrix.values<float>(), {});
    EXPECT_EQ(found.count, expected.count);
    EXPECT_EQ(found.nanCount, expected.nanCount);
    EXPECT_EQ(found.infCount, expected.infCount);
    EXPECT_EQ(found.min, expected.min);
    EXPECT_EQ(found.max, expected.max);
    EXPECT_NEAR(found.m4, expected.m4, 1e-11 * expected.m4);
}

TEST(WeightValues, MayBeLargerThanMemoryWhereACopyIsRefused) {
    // Addresses without memory: nothing is written, and of the values little is read.
    const std::int64_t cols = 1 << 20;
    const auto rows = static_cast<std::int64_t>(machineMemoryBytes() / 8) / cols + 1;
    const std::size_t size = static_cast<std::size_t>(rows * cols) * sizeof(std::uint16_t);
    void *pages = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    const std::shared_ptr<std::byte> bytes(static_cast<std::byte *>(pages),
                                           [size](std::byte *first) { munmap(first, size); });
    WeightsOnlyBuilder builder("m");
    ASSERT_TRUE(builder.add("fc.weight", Tensor::wrap(DType::BFloat16, {rows, cols}, bytes)));
    const ModelGraph graph = *std::move(builder).finish();
    const Layer layer = findLayers(graph).at(0);
    const auto copy = weightMatrix(layer, graph);
    ASSERT_FALSE(copy);
    EXPECT_EQ(copy.error().code, ErrorCode::OutOfMemory);
    EXPECT_NE(copy.error().text().find("fc: would take"), std::string::npos) << copy.error().text();
    const WeightValues values = *WeightValues::open(layer, graph);
    EXPECT_EQ(values.read(rows - 1, 1)->numel(), cols);
}

} // namespace
} // namespace qs
