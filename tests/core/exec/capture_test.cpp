#include "core/exec/capture.h"

#include "core/base/random.h"
#include "tests/core/exec/memory_set.h"

#include <limits>

namespace qs {
namespace {

/// y = x·A, z = x·B: two linear layers of width 5 that read the same activation.
std::shared_ptr<const Model> twoReaders(std::int64_t batch = -1) {
    GraphBuilder builder;
    builder.setOpset("", 17);
    const ValueId x = builder.value("x");
    builder.describe(x, DType::Float32, Shape({batch, 5}));
    builder.addInput(x);
    for (const std::string name : {"a", "b"}) {
        EXPECT_TRUE(builder.addConstant(builder.value("w" + name), Tensor::zeros(DType::Float32, {5, 3})));
        Node node;
        node.name = name;
        node.opType = "MatMul";
        node.inputs = {x, builder.value("w" + name)};
        node.outputs = {builder.value("y" + name)};
        EXPECT_TRUE(builder.addNode(std::move(node)));
        builder.addOutput(builder.value("y" + name));
    }
    auto model = std::make_shared<Model>();
    model->graph = *std::move(builder).finish();
    model->layers = findLayers(model->graph);
    return model;
}

Tensor normalRows(std::int64_t rows, std::int64_t cols) {
    Tensor values = Tensor::allocate(DType::Float32, {rows, cols});
    Random random(3);
    for (float &value : values.mutableValues<float>())
        value = static_cast<float>(random.normal());
    return values;
}

std::shared_ptr<const Capture> captureOf(const std::shared_ptr<const Model> &model, const Tensor &values,
                                         const CaptureOptions &options, FindingList &findings) {
    const auto executor = Executor::create(model);
    EXPECT_TRUE(executor);
    const auto capture = captureActivations(**executor, MemorySet(values), options, findings, {});
    EXPECT_TRUE(capture) << capture.error().text();
    return *capture;
}

// Issue 5: torch.onnx.export() without dynamic axes fixes the batch that the model was traced with.
TEST(CaptureActivations, AFixedBatchIsRunAsOftenAsItFits) {
    const Tensor values = normalRows(37, 5);
    FindingList findings;
    const auto open = captureOf(twoReaders(), values, {}, findings);
    const auto single = captureOf(twoReaders(1), values, {}, findings);
    EXPECT_EQ(single->samples, 37);
    EXPECT_EQ(single->layers.at(0)->tokens, 37);
    EXPECT_EQ(single->layers.at(0)->stats.max, open->layers.at(0)->stats.max);
    EXPECT_EQ(single->layers.at(0)->channelMin, open->layers.at(0)->channelMin);
    const auto eight = captureOf(twoReaders(8), values, {}, findings);
    EXPECT_EQ(eight->samples, 32); // what is left over fills no batch
    EXPECT_EQ(eight->layers.at(0)->tokens, 32);
    const auto refused =
        captureActivations(**Executor::create(twoReaders(38)), MemorySet(values), {}, findings, {});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text(), testing::HasSubstr("exactly 38 samples at a time, the file has 37"));
}

// Tokens first, states of recurrent nets, numbers: axis 0 of the model counts no samples.
TEST(CaptureActivations, SamplesMayBeWholeInputs) {
    const Tensor rows = normalRows(36, 5);
    const auto model = twoReaders(4);
    FindingList findings;
    const auto capture = captureOf(model, rows.reshaped({9, 4, 5}), {}, findings);
    EXPECT_EQ(capture->samples, 9);
    EXPECT_EQ(capture->layers.at(0)->tokens, 36);
    EXPECT_EQ(capture->layers.at(0)->stats.max, computeStats(rows.values<float>(), {})->max);
}

TEST(CaptureActivations, StatisticsAreThoseOfAllBatches) {
    const Tensor values = normalRows(37, 5);
    CaptureOptions options;
    options.batchSize = 8; // the last batch is ragged
    options.sampleTokens = 10;
    FindingList findings;
    const auto capture = captureOf(twoReaders(), values, options, findings);
    const LayerCapture &layer = *capture->layers.at(1);
    const auto all = computeStats(values.values<float>(), {});
    EXPECT_EQ(layer.tokens, 37);
    EXPECT_EQ(layer.stats.min, all->min);
    EXPECT_EQ(layer.stats.max, all->max);
    EXPECT_NEAR(layer.stats.mean, all->mean, 1e-12);
    EXPECT_NEAR(layer.stats.kurtosis(), all->kurtosis(), 1e-9);
    EXPECT_EQ(layer.histogram.total(), 37 * 5);
    EXPECT_EQ(layer.sample.shape(), Shape({10, 5}));
    for (std::size_t channel = 0; channel < 5; ++channel) {
        float lo = std::numeric_limits<float>::max(), hi = std::numeric_limits<float>::lowest();
        double squares = 0;
        for (std::size_t row = 0; row < 37; ++row) {
            const float value = values.values<float>()[row * 5 + channel];
            lo = std::min(lo, value);
            hi = std::max(hi, value);
            squares += static_cast<double>(value) * value;
        }
        EXPECT_EQ(layer.channelMin[channel], lo);
        EXPECT_EQ(layer.channelMax[channel], hi);
        EXPECT_NEAR(layer.channelSumOfSquares[channel], squares, 1e-9);
    }
    EXPECT_TRUE(findings.snapshot().empty());
}

TEST(CaptureActivations, LayersThatReadTheSameShareTheirHessian) {
    CaptureOptions options;
    options.hessians = {{0}, {1}};
    FindingList findings;
    const auto capture = captureOf(twoReaders(), normalRows(20, 5), options, findings);
    EXPECT_EQ(capture->layers[0]->hessian.bytes(), capture->layers[1]->hessian.bytes());
    EXPECT_EQ(capture->layers[0]->hessian.shape(), Shape({1, 5, 5}));
    // The trace is 2/n times the sum of squares.
    double trace = 0, squares = 0;
    for (std::size_t i = 0; i < 5; ++i) {
        trace += capture->layers[0]->hessian.values<double>()[i * 6];
        squares += capture->layers[0]->channelSumOfSquares[i];
    }
    EXPECT_NEAR(trace, 2.0 / 20 * squares, 1e-9);
}

TEST(CaptureActivations, NonFiniteValuesAreAFindingWithLayerAndIndex) {
    Tensor values = normalRows(6, 5);
    values.mutableValues<float>()[13] = std::numeric_limits<float>::quiet_NaN();
    values.mutableValues<float>()[17] = std::numeric_limits<float>::infinity();
    FindingList findings;
    CaptureOptions options;
    options.batchSize = 2;
    const auto capture = captureOf(twoReaders(), values, options, findings);
    EXPECT_EQ(capture->layers[0]->stats.count, 28);
    ASSERT_EQ(findings.snapshot().size(), 2u);
    const Finding finding = findings.snapshot()[0].finding;
    EXPECT_EQ(finding.where, "a");
    EXPECT_THAT(finding.what, testing::HasSubstr("1 NaN and 1 Inf values; first at element 13"));
}

TEST(CaptureActivations, OnlyAsManySamplesAsAskedFor) {
    CaptureOptions options;
    options.maxSamples = 7;
    FindingList findings;
    const auto capture = captureOf(twoReaders(), normalRows(20, 5), options, findings);
    EXPECT_EQ(capture->samples, 7);
    EXPECT_EQ(capture->layers[0]->tokens, 7);
}

} // namespace
} // namespace qs
