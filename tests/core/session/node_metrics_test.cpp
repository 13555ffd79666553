#include "core/session/node_metrics.h"

#include "tests/core/exec/small_model.h"

namespace qs {
namespace {

std::shared_ptr<const Model> twoLayers() {
    return SmallModel()
        .input("x", DType::Float32, {-1, 2})
        .floats("w0", {2, 2}, {1, 2, 3, 4})
        .floats("w1", {2, 3}, {1, 2, 3, 4, 5, 6})
        .node("MatMul", {"x", "w0"}, {"h"})
        .node("Relu", {"h"}, {"r"})
        .node("MatMul", {"r", "w1"}, {"y"})
        .build();
}

TEST(NodeMetrics, IdsAreUniqueAndFound) {
    for (const NodeMetricInfo &info : allNodeMetrics()) {
        EXPECT_EQ(findNodeMetric(info.id)->metric, info.metric);
        EXPECT_EQ(nodeMetricInfo(info.metric).id, std::string(info.id));
    }
    EXPECT_EQ(findNodeMetric("nonsense"), nullptr);
}

TEST(NodeMetrics, WhatIsMissingIsSaid) {
    NodeMetricSources sources;
    sources.model = twoLayers();
    for (const NodeMetricInfo &info : allNodeMetrics()) {
        const bool needsNothing = info.metric == NodeMetric::None || info.metric == NodeMetric::Parameters;
        EXPECT_EQ(whyNoValues(info.metric, sources).empty(), needsNothing) << info.id;
        if (!needsNothing) {
            EXPECT_THAT(nodeMetricValues(info.metric, sources),
                        testing::Each(testing::Truly([](double value) { return std::isnan(value); })));
        }
    }
}

TEST(NodeMetrics, ValuesBelongToTheNodesOfLayers) {
    NodeMetricSources sources;
    sources.model = twoLayers();
    const std::vector<double> parameters = nodeMetricValues(NodeMetric::Parameters, sources);
    EXPECT_EQ(parameters[0], 4);
    EXPECT_TRUE(std::isnan(parameters[1]));
    EXPECT_EQ(parameters[2], 6);

    auto times = std::make_shared<NodeTimes>();
    times->seconds = {0.001, 0.002, 0.003};
    sources.times = times;
    EXPECT_DOUBLE_EQ(nodeMetricValues(NodeMetric::Time, sources)[1], 2);
}

TEST(NodeMetrics, NotANumberIsWorstNotAbsent) {
    NodeMetricSources sources;
    sources.model = twoLayers();
    auto errors = std::make_shared<ErrorPropagation>();
    NodeError broken;
    broken.accumulated.add(std::vector<float>{1}, std::vector<float>{NAN});
    errors->nodes = {broken, std::nullopt, std::nullopt};
    sources.errors = errors;
    const std::vector<double> values = nodeMetricValues(NodeMetric::AccumulatedSqnr, sources);
    EXPECT_EQ(values[0], -std::numeric_limits<double>::infinity());
    EXPECT_TRUE(std::isnan(values[1]));
}

TEST(NodeMetrics, BlocksShowWorstSumOrMean) {
    const std::vector<double> values = {3, NAN, 1, 2}, weights = {1, 100, 1, 2};
    EXPECT_EQ(blockValue(nodeMetricInfo(NodeMetric::WeightSqnr), values, weights), 1);
    EXPECT_EQ(blockValue(nodeMetricInfo(NodeMetric::OutlierScore), values, weights), 3);
    EXPECT_EQ(blockValue(nodeMetricInfo(NodeMetric::Time), values, weights), 6);
    EXPECT_EQ(blockValue(nodeMetricInfo(NodeMetric::EffectiveBits), values, weights), 2);
    EXPECT_TRUE(std::isnan(blockValue(nodeMetricInfo(NodeMetric::Time), std::vector<double>{NAN}, weights)));
}

} // namespace
} // namespace qs
