#include "core/exec/grouped_capture.h"

#include "core/base/random.h"
#include "core/exec/capture_memory.h"
#include "tests/core/exec/memory_set.h"

#include <gtest/gtest.h>

namespace qs {
namespace {

constexpr std::int64_t kWidth = 48;
constexpr int kLayers = 5;

/// A chain of linear layers with a ReLU in between, so that nodes can be fused.
std::shared_ptr<const Model> chain() {
    GraphBuilder builder;
    builder.setOpset("", 17);
    ValueId x = builder.value("x");
    builder.describe(x, DType::Float32, Shape({-1, kWidth}));
    builder.addInput(x);
    Random random(11);
    for (int i = 0; i < kLayers; ++i) {
        const std::string name = "fc" + std::to_string(i);
        Tensor weight = Tensor::allocate(DType::Float32, {kWidth, kWidth});
        for (float &value : weight.mutableValues<float>())
            value = static_cast<float>(random.normal()) * 0.2f;
        EXPECT_TRUE(builder.addConstant(builder.value(name + ".w"), weight));
        Node product, relu;
        product.name = name;
        product.opType = "MatMul";
        product.inputs = {x, builder.value(name + ".w")};
        product.outputs = {builder.value(name + ".y")};
        relu.name = name + ".relu";
        relu.opType = "Relu";
        relu.inputs = {product.outputs[0]};
        relu.outputs = {builder.value(name + ".z")};
        x = relu.outputs[0];
        EXPECT_TRUE(builder.addNode(std::move(product)));
        EXPECT_TRUE(builder.addNode(std::move(relu)));
    }
    builder.addOutput(x);
    auto model = std::make_shared<Model>();
    model->graph = *std::move(builder).finish();
    model->layers = findLayers(model->graph);
    return model;
}

Tensor rows(std::int64_t count) {
    Tensor values = Tensor::allocate(DType::Float32, {count, kWidth});
    Random random(5);
    for (float &value : values.mutableValues<float>())
        value = static_cast<float>(random.normal());
    return values;
}

struct GroupedCaptureTest : testing::Test {
    std::shared_ptr<const Model> model = chain();
    std::shared_ptr<const Executor> executor = *Executor::create(model);
    std::shared_ptr<const CalibrationSet> set = std::make_shared<MemorySet>(rows(70));
    FindingList findings;

    CaptureOptions all() const {
        CaptureOptions options;
        options.sampleTokens = 4;
        for (const Layer &layer : model->layers)
            options.hessians.insert({layer.id});
        return options;
    }
    CaptureMemory memoryOf(const CaptureOptions &options) const {
        return *planCaptureMemory(*model, options, *batchShapes(*model, *set, options), {});
    }
    std::shared_ptr<const Capture> statistics(CaptureOptions options) {
        options.hessians.clear();
        return *captureActivations(*executor, *set, options, findings, {});
    }
};

TEST_F(GroupedCaptureTest, GroupsGiveTheSameBitsAndStayBelowTheLimit) {
    CaptureOptions options = all();
    const auto whole = *captureActivations(*executor, *set, options, findings, {});
    const CaptureMemory memory = memoryOf(options);
    // Room for two of the five Hessians, and for finishing one.
    options.memoryLimit = memory.total() - 3 * kWidth * kWidth * 8;
    auto grouped = GroupedCapture::create(executor, set, options, statistics(options), {});
    ASSERT_TRUE(grouped) << grouped.error().text();
    EXPECT_EQ((*grouped)->groups(), 3u);
    for (const Layer &layer : model->layers) {
        const auto part = *(*grouped)->layer(layer.id, findings, {});
        const auto &expected = whole->layers[static_cast<std::size_t>(layer.id)];
        ASSERT_EQ(part->hessian.shape(), expected->hessian.shape());
        EXPECT_TRUE(std::ranges::equal(part->hessian.values<double>(), expected->hessian.values<double>()));
        EXPECT_EQ(part->channelSum, expected->channelSum);
        EXPECT_EQ(part->stats.mean, expected->stats.mean);
    }
    EXPECT_GT((*grouped)->peakBytes(), 2 * kWidth * kWidth * 8);
    EXPECT_LE((*grouped)->peakBytes(), options.memoryLimit);
}

TEST_F(GroupedCaptureTest, APassThatDoesNotFitIsRefusedBeforeItRuns) {
    CaptureOptions options = all();
    options.memoryLimit = memoryOf(options).total() - 1;
    const auto refused = captureActivations(*executor, *set, options, findings, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::OutOfMemory);
    EXPECT_NE(refused.error().text().find("Raise the memory limit"), std::string::npos);
    ++options.memoryLimit;
    const auto fits = captureActivations(*executor, *set, options, findings, {});
    ASSERT_TRUE(fits);
    EXPECT_GT((*fits)->peakBytes, 0);
    EXPECT_LE((*fits)->peakBytes, options.memoryLimit);
}

TEST_F(GroupedCaptureTest, AHessianThatAloneIsTooLargeNamesItsLayer) {
    CaptureOptions options = all();
    options.memoryLimit = memoryOf(options).total();
    const auto base = statistics(options);
    CaptureOptions without = options;
    without.hessians.clear();
    options.memoryLimit = memoryOf(without).total() + kWidth * kWidth * 8;
    const auto refused = GroupedCapture::create(executor, set, options, base, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::OutOfMemory);
    EXPECT_EQ(refused.error().where, "fc0");
}

TEST_F(GroupedCaptureTest, ActivationsOfAChainAreTwoAtATime) {
    const CaptureMemory memory = memoryOf(all());
    EXPECT_TRUE(memory.complete);
    EXPECT_EQ(memory.activations, 2 * 16 * kWidth * 4);
    EXPECT_GE(memory.hessians, kLayers * kWidth * kWidth * 8);
}

TEST_F(GroupedCaptureTest, CancelStopsAGroup) {
    CaptureOptions options = all();
    options.memoryLimit = memoryOf(options).total();
    auto grouped = *GroupedCapture::create(executor, set, options, statistics(options), {});
    std::stop_source source;
    source.request_stop();
    const auto cancelled = grouped->layer(0, findings, RunContext{source.get_token()});
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs
