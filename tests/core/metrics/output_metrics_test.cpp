#include "core/metrics/output_metrics.h"

#include "tests/support/lcg.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace qs {
namespace {

Tensor tensorOf(Shape shape, const std::vector<float> &values) {
    return Tensor::fromValues<float>(std::move(shape), values);
}

OutputMetrics compare(const Tensor &reference, const Tensor &other, const TaskTargets &targets = {}) {
    OutputMetrics metrics;
    metrics.add(reference, other, targets);
    return metrics;
}

const Tensor kP = tensorOf({1, 4}, {2, 1, 0.1f, -1});
const Tensor kQ = tensorOf({1, 4}, {1.8f, 1.2f, 0, -0.8f});

} // namespace

TEST(OutputMetrics, DivergenceOfTheSpecification) {
    EXPECT_NEAR(compare(kP, kQ).klNats().value(), 0.015856, 5e-7);
    EXPECT_NEAR(compare(kQ, kP).klNats().value(), 0.016606, 5e-7);
    EXPECT_EQ(compare(kP, kP).klNats().value(), 0);
    EXPECT_EQ(compare(kP, kQ).top1Agreement().value(), 1);
}

TEST(OutputMetrics, DivergenceDoesNotDependOnShiftsOrOrder) {
    const double expected = compare(kP, kQ).klNats().value();
    // A common shift of 1000 would overflow a plain exp; the float32 logits lose digits, so the tolerance is
    // wide.
    const Tensor shifted = tensorOf({1, 4}, {1002, 1001, 1000.1f, 999});
    EXPECT_NEAR(compare(shifted, kQ).klNats().value(), expected, 1e-4);
    const Tensor p = tensorOf({1, 4}, {-1, 0.1f, 2, 1}), q = tensorOf({1, 4}, {-0.8f, 0, 1.8f, 1.2f});
    EXPECT_NEAR(compare(p, q).klNats().value(), expected, 1e-12);
}

/// A network that ends in Softmax has the divergence of the same network without it.
TEST(OutputMetrics, ProbabilitiesAreNotTakenForLogits) {
    const Tensor p = tensorOf({1, 4}, {0.62834f, 0.23115f, 0.09398f, 0.04653f});
    const Tensor q = tensorOf({1, 4}, {0.54871f, 0.30114f, 0.09070f, 0.05945f});
    const double expected = 0.62834 * std::log(0.62834 / 0.54871) + 0.23115 * std::log(0.23115 / 0.30114) +
                            0.09398 * std::log(0.09398 / 0.09070) + 0.04653 * std::log(0.04653 / 0.05945);
    EXPECT_TRUE(areProbabilities(p));
    TaskTargets targets;
    targets.areProbabilities = true;
    EXPECT_NEAR(compare(p, q, targets).klNats().value(), expected, 1e-6);
    EXPECT_FALSE(areProbabilities(kP));
    EXPECT_FALSE(areProbabilities(tensorOf({2, 2}, {0.5f, 0.5f, 0.5f, 0.6f})));
    EXPECT_FALSE(areProbabilities(tensorOf({1, 2}, {1.5f, -0.5f})));
}

TEST(OutputMetrics, AProbabilityThatVanishedIsNotInfinitelyFar) {
    TaskTargets targets;
    targets.areProbabilities = true;
    const Tensor p = tensorOf({1, 3}, {0.5f, 0.5f, 1e-30f}), q = tensorOf({1, 3}, {0.5f, 0.5f, 0});
    EXPECT_NEAR(compare(p, q, targets).klNats().value(), 0, 1e-9);
}

TEST(OutputMetrics, WithoutClassesThereAreOnlyErrors) {
    TaskTargets targets;
    targets.hasClasses = false;
    const OutputMetrics metrics = compare(kP, kQ, targets);
    EXPECT_FALSE(metrics.klNats().has_value());
    EXPECT_FALSE(metrics.top1Agreement().has_value());
    EXPECT_EQ(metrics.error.count, 4);
    targets.labels = {0}; // of a network that was trained with a sigmoid for each class
    EXPECT_EQ(compare(kP, kQ, targets).top1().value(), 1);
    EXPECT_FALSE(compare(kP, kQ, targets).klNats().has_value());
}

TEST(OutputMetrics, MaskedClassesCountNothing) {
    constexpr float kMinusInf = -std::numeric_limits<float>::infinity();
    const Tensor masked = tensorOf({1, 3}, {1, 2, kMinusInf}), open = tensorOf({1, 3}, {1, 2, -40});
    EXPECT_NEAR(compare(masked, open).klNats().value(), 0, 1e-9);
    EXPECT_EQ(compare(masked, masked).klNats().value(), 0);
    EXPECT_TRUE(std::isinf(compare(open, masked).klNats().value()));
}

TEST(OutputMetrics, NanNeitherAgreesNorHides) {
    const Tensor broken = tensorOf({1, 4}, {2, 1, std::nanf(""), -1});
    TaskTargets targets;
    targets.labels = {0};
    const OutputMetrics metrics = compare(kP, broken, targets);
    EXPECT_TRUE(std::isnan(metrics.klNats().value()));
    EXPECT_EQ(metrics.top1Agreement().value(), 0);
    EXPECT_EQ(metrics.top1().value(), 0);
}

TEST(OutputMetrics, LabelsAreCountedForClassifiers) {
    const Tensor reference = tensorOf({3, 2}, {1, 0, 0, 1, 1, 0});
    const Tensor other = tensorOf({3, 2}, {1, 0, 1, 0, 1, 0});
    TaskTargets targets;
    targets.labels = {0, 1, -1}; // the third has none
    const OutputMetrics metrics = compare(reference, other, targets);
    EXPECT_NEAR(metrics.top1Agreement().value(), 2.0 / 3, 1e-12);
    EXPECT_EQ(metrics.labelled, 2);
    EXPECT_EQ(metrics.top1().value(), 0.5);
    EXPECT_FALSE(metrics.perplexity().has_value());
}

TEST(OutputMetrics, PerplexityLooksOneTokenAhead) {
    // One sample, three positions, two classes; the logits at position t predict the token at t + 1.
    const Tensor logits = tensorOf({1, 3, 2}, {0, std::log(3.0f), std::log(4.0f), 0, 9, 9});
    TaskTargets targets;
    const std::int64_t tokens[] = {0, 1, 0};
    targets.tokens = Tensor::fromValues<std::int64_t>({1, 3}, tokens);
    const OutputMetrics metrics = compare(logits, logits, targets);
    EXPECT_EQ(metrics.targets, 2);
    EXPECT_NEAR(metrics.perplexity().value(), std::exp(-(std::log(0.75) + std::log(0.8)) / 2), 1e-6);
    EXPECT_EQ(metrics.predictions, 3);
}

TEST(OutputMetrics, UniformLogitsHaveThePerplexityOfTheVocabulary) {
    const Tensor logits = tensorOf({2, 5, 7}, std::vector<float>(70, 0.25f));
    TaskTargets targets;
    targets.tokens = Tensor::zeros(DType::Int64, {2, 5});
    EXPECT_NEAR(compare(logits, logits, targets).perplexity().value(), 7, 1e-12);
}

TEST(OutputMetrics, TargetsThatDoNotFitAreLeftOut) {
    const Tensor logits = tensorOf({1, 3, 2}, std::vector<float>(6, 1.0f));
    TaskTargets targets;
    const std::int64_t tokens[] = {0, 5, -1};
    targets.tokens = Tensor::fromValues<std::int64_t>({1, 3}, tokens);
    EXPECT_FALSE(compare(logits, logits, targets).perplexity().has_value());
    targets.tokens = Tensor::zeros(DType::Int64, {1, 4});
    EXPECT_FALSE(compare(logits, logits, targets).perplexity().has_value());
}

TEST(OutputMetrics, ImagesHaveNoProbabilities) {
    const Tensor image = Tensor::zeros(DType::Float32, {1, 1, 4, 4});
    const OutputMetrics metrics = compare(image, image);
    EXPECT_FALSE(metrics.hasLogits);
    EXPECT_FALSE(metrics.klNats().has_value());
    EXPECT_EQ(metricValue(metrics, Metric::OutputSqnr).value(), 150);
    EXPECT_FALSE(metricValue(metrics, Metric::Top1Agreement).has_value());
    EXPECT_FALSE(metricValue(OutputMetrics{}, Metric::OutputMse).has_value());
}

TEST(OutputMetrics, BatchesAddUpToTheWhole) {
    const std::vector<float> x = test::toFloats(test::lcgNormals(60 * 11, 1));
    const std::vector<float> y = test::toFloats(test::lcgNormals(60 * 11, 2));
    TaskTargets all;
    for (std::int64_t i = 0; i < 60; ++i)
        all.labels.push_back(i % 11);
    const OutputMetrics whole = compare(tensorOf({60, 11}, x), tensorOf({60, 11}, y), all);
    OutputMetrics parts;
    for (std::ptrdiff_t begin = 0; begin < 60; begin += 20) {
        auto slice = [&](const std::vector<float> &values) {
            return tensorOf({20, 11}, {values.begin() + begin * 11, values.begin() + (begin + 20) * 11});
        };
        TaskTargets targets;
        targets.labels = {all.labels.begin() + begin, all.labels.begin() + begin + 20};
        parts.merge(compare(slice(x), slice(y), targets));
    }
    EXPECT_NEAR(parts.klNats().value(), whole.klNats().value(), 1e-12);
    EXPECT_EQ(parts.agreements, whole.agreements);
    EXPECT_EQ(parts.correct, whole.correct);
    EXPECT_EQ(parts.labelled, 60);
}

TEST(OutputMetrics, ListOfMetricsIsInOrderAndComplete) {
    for (const MetricInfo &info : allMetrics()) {
        EXPECT_EQ(metricInfo(info.metric).id, info.id);
        EXPECT_EQ(findMetric(info.id), &info);
        EXPECT_NE(std::string(info.formula), "");
    }
    EXPECT_EQ(findMetric("nothing"), nullptr);
    EXPECT_NEAR(metricValue(compare(kP, kQ), Metric::Top1Agreement).value(), 100, 1e-12);
}

} // namespace qs
