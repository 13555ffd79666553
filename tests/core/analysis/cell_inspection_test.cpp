#include "core/analysis/cell_facts.h"

#include "core/quant/quantizer.h"

#include <cmath>
#include <gmock/gmock.h>

namespace qs {
namespace {

Layer linear(std::int64_t outputs, std::int64_t inputs, bool transposed) {
    Layer layer;
    layer.name = "fc";
    layer.transposed = transposed;
    layer.outChannels = outputs;
    layer.inPerOut = inputs;
    layer.weightShape = transposed ? Shape{inputs, outputs} : Shape{outputs, inputs};
    return layer;
}

/// [4, 2, 2, 2] in two groups: 8 columns.
Layer groupedConvolution() {
    Layer layer;
    layer.name = "conv";
    layer.kind = LayerKind::Conv;
    layer.weightShape = {4, 2, 2, 2};
    layer.outChannels = 4;
    layer.inPerOut = 8;
    layer.groups = 2;
    return layer;
}

QuantizedMatrix rounded(const std::vector<float> &weights, std::int64_t rows, std::int64_t cols, int bits,
                        GridConvention convention, Granularity granularity, std::int64_t groupSize = 2) {
    QuantizeRequest request;
    request.weights = {weights.data(), rows, cols};
    request.scheme.grid.bits = bits;
    request.scheme.grid.convention = convention;
    request.scheme.granularity = granularity;
    request.scheme.groupSize = groupSize;
    const auto rtn = makeRtnQuantizer();
    request.parameters = rtn->schema().defaults();
    return rtn->quantize(request, {}).value();
}

CellInspection inspect(const Layer &layer, const std::vector<float> &weights, const QuantizedMatrix *matrix,
                       std::int64_t row, std::int64_t col) {
    return inspectCell(layer, {weights.data(), layer.outChannels, layer.inPerOut}, matrix, row, col, {})
        .value();
}

std::string factOf(const std::vector<CellFact> &facts, const std::string &name) {
    for (const CellFact &fact : facts)
        if (fact.name == name)
            return fact.value;
    return "missing";
}

TEST(CellInspection, SymmetricPerTensor) {
    // Largest 0.7 over 7 codes: scale 0.1, codes 7 -2 3 -1, errors 0 0 -0.01 -0.02.
    const std::vector<float> weights = {0.7f, -0.2f, 0.31f, -0.08f};
    const Layer layer = linear(2, 2, true);
    const QuantizedMatrix matrix =
        rounded(weights, 2, 2, 4, GridConvention::SymmetricRestricted, Granularity::PerTensor);
    const CellInspection cell = inspect(layer, weights, &matrix, 1, 0);
    EXPECT_EQ(cell.value, 0.31f);
    EXPECT_EQ(cell.quantized->code, 3);
    EXPECT_EQ(cell.quantized->bits, "0011");
    EXPECT_FLOAT_EQ(cell.quantized->grid.scale, 0.1f);
    EXPECT_EQ(cell.quantized->grid.zeroPoint, 0);
    EXPECT_FLOAT_EQ(cell.quantized->dequantized, 0.3f);
    EXPECT_NEAR(cell.quantized->error, -0.01, 1e-7);
    EXPECT_NEAR(cell.quantized->errorInSteps, -0.1, 1e-6);
    EXPECT_EQ(inspect(layer, weights, &matrix, 0, 1).quantized->bits, "1110"); // -2 in two's complement
    EXPECT_EQ(cell.block.slice, 0);
    EXPECT_EQ(cell.block.group, -1);
    EXPECT_EQ(cell.block.endRow - cell.block.firstRow, 2);
    EXPECT_EQ(cell.block.count, 4);
    EXPECT_FLOAT_EQ(static_cast<float>(cell.block.min), -0.2f);
    EXPECT_FLOAT_EQ(static_cast<float>(cell.block.max), 0.7f);
    EXPECT_NEAR(cell.block.mean, 0.1825, 1e-7);
    EXPECT_NEAR(cell.block.error->sqnrDb(), 10 * std::log10(0.6325 / 5e-4), 1e-4);
    // Stored as [in, out]: row 1, column 0 is element [0, 1].
    EXPECT_THAT(cell.place.storedPosition, testing::ElementsAre(0, 1));
    EXPECT_EQ(cell.place.storedIndex, 1);
    EXPECT_EQ(cell.place.matrixIndex, 2);
}

TEST(CellInspection, AsymmetricPerChannel) {
    // Range [-1, 2] in three steps: scale 1, zero point 1, codes 0 1 2 3.
    const std::vector<float> weights = {9, 9, 9, 9, -1, 0, 0.9f, 2};
    const QuantizedMatrix matrix =
        rounded(weights, 2, 4, 2, GridConvention::Asymmetric, Granularity::PerChannel);
    const CellInspection cell = inspect(linear(2, 4, false), weights, &matrix, 1, 2);
    EXPECT_EQ(cell.quantized->code, 2);
    EXPECT_EQ(cell.quantized->bits, "10");
    EXPECT_EQ(cell.quantized->grid.scale, 1);
    EXPECT_EQ(cell.quantized->grid.zeroPoint, 1);
    EXPECT_EQ(cell.quantized->dequantized, 1);
    EXPECT_NEAR(cell.quantized->errorInSteps, 0.1, 1e-6);
    EXPECT_EQ(cell.block.slice, 1);
    EXPECT_EQ(cell.block.firstRow, 1);
    EXPECT_EQ(cell.block.count, 4);
    EXPECT_NEAR(cell.block.mean, 0.475, 1e-7);
    EXPECT_NEAR(cell.block.error->sqnrDb(), 10 * std::log10(5.81 / 0.01), 1e-4);
}

TEST(CellInspection, ConvolutionPerGroup) {
    std::vector<float> weights(32, 0.5f);
    // Row 3, second group of four: range [-3, 12] in 15 steps: scale 1, zero point 3.
    const float group[] = {-3, 12, 1.25f, 0};
    std::copy(std::begin(group), std::end(group), weights.begin() + 28);
    const QuantizedMatrix matrix =
        rounded(weights, 4, 8, 4, GridConvention::Asymmetric, Granularity::PerGroup, 4);
    const Layer layer = groupedConvolution();
    const CellInspection cell = inspect(layer, weights, &matrix, 3, 6);
    EXPECT_EQ(cell.place.inputChannel, 3); // second half of the channels, its second one
    EXPECT_THAT(cell.place.kernel, testing::ElementsAre(1, 0));
    EXPECT_THAT(cell.place.storedPosition, testing::ElementsAre(3, 1, 1, 0));
    EXPECT_EQ(cell.place.storedIndex, 30);
    EXPECT_EQ(cell.block.group, 1);
    EXPECT_EQ(cell.block.slice, 7);
    EXPECT_EQ(cell.block.firstCol, 4);
    EXPECT_EQ(cell.block.endCol, 8);
    EXPECT_FALSE(cell.block.isScattered);
    EXPECT_EQ(cell.quantized->code, 4);
    EXPECT_EQ(cell.quantized->bits, "0100");
    EXPECT_EQ(cell.quantized->dequantized, 1);
    EXPECT_EQ(cell.quantized->error, -0.25);
    EXPECT_NEAR(cell.block.error->sqnrDb(), 10 * std::log10((9 + 144 + 1.5625) / 0.0625), 1e-9);
    const auto facts = cellFacts(layer, &matrix, cell);
    EXPECT_EQ(factOf(facts, "kernel y, x"), "1, 0");
    EXPECT_EQ(factOf(facts, "code"), "4 of 0 to 15");
    EXPECT_EQ(factOf(facts, "group columns"), "4 to 7");
    EXPECT_EQ(factOf(facts, "error in steps"), "-0.25");
    EXPECT_EQ(factOf(facts, "scale stored as"), "float32");
}

TEST(CellInspection, ConvolutionColumnsBelongToInputChannels) {
    const Layer layer = groupedConvolution();
    EXPECT_EQ(placeOfWeight(layer, 0, 0).inputChannel, 0);
    EXPECT_EQ(placeOfWeight(layer, 1, 7).inputChannel, 1);
    EXPECT_EQ(placeOfWeight(layer, 2, 3).inputChannel, 2); // second group: channels 2 and 3
    EXPECT_THAT(placeOfWeight(layer, 2, 7).kernel, testing::ElementsAre(1, 1));
}

TEST(CellInspection, ReorderedColumnsMakeAScatteredGroup) {
    const std::vector<float> weights = {1, 10, 3, 20, 5};
    QuantizedMatrix matrix = rounded(weights, 1, 5, 8, GridConvention::Asymmetric, Granularity::PerGroup, 3);
    matrix.groupOfColumn = {0, 1, 0, 1, 0};
    const CellInspection cell = inspect(linear(1, 5, false), weights, &matrix, 0, 3);
    EXPECT_EQ(cell.block.group, 1);
    EXPECT_TRUE(cell.block.isScattered);
    EXPECT_EQ(cell.block.count, 2);
    EXPECT_EQ(cell.block.firstCol, 1);
    EXPECT_EQ(cell.block.endCol, 4);
    EXPECT_EQ(cell.block.mean, 15);
    EXPECT_EQ(cell.quantized->grid.scale, matrix.scales[1]);
}

TEST(CellInspection, ClippedMeansBeyondTheLastCode) {
    const std::vector<float> weights = {5, 3.4f, -2};
    QuantizedMatrix matrix;
    matrix.rows = 1;
    matrix.cols = 3;
    matrix.bits = 2;
    matrix.layout = {Granularity::PerTensor, 1, 3, 0};
    matrix.codes = {3, 3, 0};
    matrix.scales = {1};
    matrix.zeroPoints = {0};
    const Layer layer = linear(1, 3, false);
    EXPECT_TRUE(inspect(layer, weights, &matrix, 0, 0).quantized->isClipped);
    EXPECT_FALSE(inspect(layer, weights, &matrix, 0, 1).quantized->isClipped);
    EXPECT_TRUE(inspect(layer, weights, &matrix, 0, 2).quantized->isClipped);
    EXPECT_EQ(inspect(layer, weights, &matrix, 0, 0).quantized->errorInSteps, -2);
}

TEST(CellInspection, FloatLayersShowTheirRowAndCountWhatIsNotANumber) {
    const std::vector<float> weights = {1, NAN, 4};
    const Layer layer = linear(1, 3, false);
    const CellInspection cell = inspect(layer, weights, nullptr, 0, 1);
    EXPECT_FALSE(cell.quantized);
    EXPECT_TRUE(std::isnan(cell.value));
    EXPECT_EQ(cell.block.notFinite, 1);
    EXPECT_EQ(cell.block.mean, 2.5);
    EXPECT_EQ(cell.block.slice, -1);
    const auto facts = cellFacts(layer, nullptr, cell);
    EXPECT_EQ(factOf(facts, "value"), "NaN");
    EXPECT_EQ(factOf(facts, "row not finite"), "1");
    EXPECT_EQ(factOf(facts, "code"), "missing");
}

TEST(CellInspection, OneElementIsItsOwnBlock) {
    const std::vector<float> weights = {0.5f};
    const QuantizedMatrix matrix =
        rounded(weights, 1, 1, 2, GridConvention::SymmetricRestricted, Granularity::PerTensor);
    const CellInspection cell = inspect(linear(1, 1, false), weights, &matrix, 0, 0);
    EXPECT_EQ(cell.block.count, 1);
    EXPECT_EQ(cell.quantized->error, 0);
    EXPECT_EQ(factOf(cellFacts(linear(1, 1, false), &matrix, cell), "tensor SQNR"), "exact");
}

TEST(CellInspection, SaysWhatThereIsNot) {
    const std::vector<float> weights = {1, 2};
    const auto cell = inspectCell(linear(1, 2, false), {weights.data(), 1, 2}, nullptr, 0, 2, {});
    ASSERT_FALSE(cell);
    EXPECT_EQ(cell.error().code, ErrorCode::InvalidArgument);
    EXPECT_THAT(cell.error().message, testing::HasSubstr("1 rows and 2 columns"));
}

TEST(CellInspection, CodesWithoutAnOriginalHaveNoError) {
    const std::vector<float> weights = {0.7f, -0.2f, 0.3f, -0.1f};
    const Layer layer = linear(2, 2, false);
    const QuantizedMatrix matrix =
        rounded(weights, 2, 2, 4, GridConvention::SymmetricRestricted, Granularity::PerTensor);
    CellInspection cell = inspect(layer, weights, &matrix, 0, 1);
    cell.forgetErrors();
    const auto facts = cellFacts(layer, &matrix, cell);
    EXPECT_EQ(factOf(facts, "error"), "not available");
    EXPECT_EQ(factOf(facts, "code"), "-2 of -7 to 7");
    for (const char *gone : {"error in steps", "tensor SQNR", "value", "clipped"})
        EXPECT_EQ(factOf(facts, gone), "missing") << gone;
}

TEST(CellInspection, RealZeroPointsAndLevelsTakeThePlaceOfTheZeroPoint) {
    const std::vector<float> weights = {0.7f, -0.2f, 0.3f, -0.1f};
    const Layer layer = linear(2, 2, false);
    QuantizedMatrix matrix = rounded(weights, 2, 2, 2, GridConvention::Asymmetric, Granularity::PerChannel);
    matrix.zeroPoints = {0, 0};
    matrix.realZeroPoints = {1.5f, 16};
    auto facts = cellFacts(layer, &matrix, inspect(layer, weights, &matrix, 1, 0));
    EXPECT_EQ(factOf(facts, "zero point"), "16");
    matrix.realZeroPoints.clear();
    matrix.levels = {-1, 0, 0.25f, 1};
    matrix.codes = {0, 1, 2, 3};
    facts = cellFacts(layer, &matrix, inspect(layer, weights, &matrix, 1, 0));
    EXPECT_EQ(factOf(facts, "level"), "0.25");
    EXPECT_EQ(factOf(facts, "zero point"), "missing");
}

TEST(CellInspection, WorstCellsComeWorstFirstAndTiesInOrder) {
    const std::vector<float> weights = {0, 0.25f, 1, -0.25f, 3, 0.125f};
    QuantizedMatrix matrix;
    matrix.rows = 2;
    matrix.cols = 3;
    matrix.bits = 4;
    matrix.convention = GridConvention::SymmetricRestricted;
    matrix.layout = {Granularity::PerTensor, 2, 3, 0};
    matrix.codes = {0, 0, 0, 0, 3, 0};
    matrix.scales = {1};
    matrix.zeroPoints = {0};
    using Cells = std::vector<std::pair<std::int64_t, std::int64_t>>;
    const MatrixView<const float> view{weights.data(), 2, 3};
    EXPECT_EQ(worstCells(view, matrix, 3, {}).value(), (Cells{{0, 2}, {0, 1}, {1, 0}}));
    EXPECT_EQ(worstCells(view, matrix, 99, {}).value().size(), 6u);
    EXPECT_EQ(worstCells(view, matrix, 99, {}).value().back(), (std::pair<std::int64_t, std::int64_t>{1, 1}));
}

} // namespace
} // namespace qs
