#include "core/exec/capture_source.h"

#include "core/exec/capture_memory.h"
#include "tests/core/exec/linear_chain.h"
#include "tests/core/exec/memory_set.h"
#include "tests/core/exec/small_model.h"

#include <gtest/gtest.h>

namespace qs {
namespace {

constexpr std::int64_t kWidth = 48;
constexpr int kLayers = 5;

struct CaptureSourceTest : testing::Test {
    std::shared_ptr<const Model> model = linearChain(kWidth, kLayers);
    std::shared_ptr<const Executor> executor = *Executor::create(model);
    std::shared_ptr<const CalibrationSet> set = std::make_shared<MemorySet>(normalValues(70, kWidth, 5));
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

void expectSame(const LayerCapture &part, const LayerCapture &whole) {
    ASSERT_EQ(part.hessian.shape(), whole.hessian.shape());
    EXPECT_TRUE(std::ranges::equal(part.hessian.values<double>(), whole.hessian.values<double>()));
    ASSERT_EQ(part.weightedHessians.size(), whole.weightedHessians.size());
    for (std::size_t i = 0; i < part.weightedHessians.size(); ++i)
        EXPECT_TRUE(std::ranges::equal(part.weightedHessians[i].matrix.values<double>(),
                                       whole.weightedHessians[i].matrix.values<double>()));
    EXPECT_EQ(part.channelSum, whole.channelSum);
    EXPECT_EQ(part.stats.mean, whole.stats.mean);
    EXPECT_EQ(part.histogram.counts(), whole.histogram.counts());
}

TEST_F(CaptureSourceTest, GroupsGiveTheSameBitsAndStayBelowTheLimit) {
    CaptureOptions options = all();
    const auto whole = *captureActivations(*executor, *set, options, findings, {});
    // Room for two of the five Hessians, and for finishing one.
    options.memoryLimit = memoryOf(options).total() - 3 * kWidth * kWidth * 8;
    const auto source = CaptureSource::open({executor, set, options}, findings, {});
    ASSERT_TRUE(source) << source.error().text();
    EXPECT_EQ((*source)->cost().groups, 3);
    EXPECT_EQ((*source)->cost().passes, 1) << "the first group comes with the statistics";
    for (const Layer &layer : model->layers)
        expectSame(**(*source)->layer(layer.id, findings, {}),
                   *whole->layers[static_cast<std::size_t>(layer.id)]);
    EXPECT_EQ((*source)->cost().passes, 3);
    EXPECT_GT((*source)->cost().peakBytes, 2 * kWidth * kWidth * 8);
    EXPECT_LE((*source)->cost().peakBytes, options.memoryLimit);
    EXPECT_TRUE((*source)->capture()->layers[0]->hessian.empty()) << "none is held for good";
    expectSame(**(*source)->layer(0, findings, {}), *whole->layers[0]);
    EXPECT_EQ((*source)->cost().passes, 4) << "a group that is asked for again is made again";
}

TEST_F(CaptureSourceTest, WithRoomForAllThereIsOnePass) {
    CaptureOptions options = all();
    options.memoryLimit = memoryOf(options).total();
    const auto source = *CaptureSource::open({executor, set, options}, findings, {});
    EXPECT_EQ(source->cost().groups, 0);
    EXPECT_EQ(source->cost().passes, 1);
    EXPECT_FALSE(source->capture()->layers[0]->hessian.empty());
    EXPECT_EQ(*source->layer(0, findings, {}), source->capture()->layers[0]);
    const auto again = *CaptureSource::open({executor, set, options, source->capture()}, findings, {});
    EXPECT_EQ(again->capture(), source->capture());
    EXPECT_EQ(again->cost().passes, 0);
}

TEST_F(CaptureSourceTest, StatisticsOfAnEarlierPassAreNotMadeAgain) {
    CaptureOptions options = all();
    const auto whole = *captureActivations(*executor, *set, options, findings, {});
    const auto base = statistics(options);
    options.memoryLimit = memoryOf(options).total() - 3 * kWidth * kWidth * 8;
    const auto source = *CaptureSource::open({executor, set, options, base}, findings, {});
    EXPECT_EQ(source->cost().passes, 0);
    EXPECT_EQ(source->capture()->layers[2], base->layers[2]);
    for (const Layer &layer : model->layers)
        expectSame(**source->layer(layer.id, findings, {}),
                   *whole->layers[static_cast<std::size_t>(layer.id)]);
    EXPECT_EQ(source->cost().passes, 3);
}

/// Attention can be computed by one node unless somebody looks at its probabilities: every group must look.
TEST_F(CaptureSourceTest, WeightedHessiansOfGroupsHaveTheSameBits) {
    constexpr std::int64_t tokens = 6;
    SmallModel small;
    small.input("x", DType::Float32, {-1, tokens, kWidth});
    for (const std::string name : {"q", "k", "v", "o"})
        small.constant("w" + name, normalValues(kWidth, kWidth, static_cast<std::uint64_t>(name[0]), 0.2F));
    for (const std::string name : {"q", "k", "v"})
        small.node("MatMul", {"x", "w" + name}, {name});
    model = small.node("Transpose", {"k"}, {"kt"}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}})
                .node("MatMul", {"q", "kt"}, {"scores"})
                .node("Softmax", {"scores"}, {"p"})
                .node("MatMul", {"p", "v"}, {"mixed"})
                .node("MatMul", {"mixed", "wo"}, {"y"})
                .build();
    executor = *Executor::create(model);
    set = std::make_shared<MemorySet>(normalValues(20 * tokens, kWidth, 5).reshaped({20, tokens, kWidth}));
    CaptureOptions options = all();
    for (const Layer &layer : model->layers)
        options.hessians.insert({layer.id, {TokenImportance::Attention, 0.1}});
    const auto whole = *captureActivations(*executor, *set, options, findings, {});
    options.memoryLimit = memoryOf(options).total() - 1;
    const auto source = *CaptureSource::open({executor, set, options}, findings, {});
    EXPECT_EQ(source->cost().groups, 2);
    for (const Layer &layer : model->layers)
        expectSame(**source->layer(layer.id, findings, {}),
                   *whole->layers[static_cast<std::size_t>(layer.id)]);
}

TEST_F(CaptureSourceTest, APassThatDoesNotFitIsRefusedBeforeItRuns) {
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

TEST_F(CaptureSourceTest, AHessianThatAloneIsTooLargeNamesItsLayer) {
    CaptureOptions options = all();
    options.memoryLimit = memoryOf(options).total();
    CaptureOptions without = options;
    without.hessians.clear();
    options.memoryLimit = memoryOf(without).total() + kWidth * kWidth * 8;
    const auto refused = CaptureSource::open({executor, set, options}, findings, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::OutOfMemory);
    EXPECT_EQ(refused.error().where, "fc0");
}

TEST_F(CaptureSourceTest, ActivationsOfAChainAreTwoAtATime) {
    const CaptureMemory memory = memoryOf(all());
    EXPECT_TRUE(memory.complete);
    EXPECT_EQ(memory.activations, 2 * 16 * kWidth * 4);
    EXPECT_GE(memory.hessians, kLayers * kWidth * kWidth * 8);
}

TEST_F(CaptureSourceTest, CancelStopsAGroup) {
    CaptureOptions options = all();
    options.memoryLimit = memoryOf(options).total() - 1;
    const auto source = *CaptureSource::open({executor, set, options}, findings, {});
    std::stop_source stop;
    stop.request_stop();
    const auto cancelled = source->layer(model->layers.back().id, findings, RunContext{stop.get_token()});
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs
