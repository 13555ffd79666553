#include "core/exec/weighted_hessians.h"

#include "core/base/random.h"
#include "core/exec/capture.h"
#include "tests/core/exec/memory_set.h"
#include "tests/core/exec/small_model.h"

#include <numeric>

namespace qs {
namespace {

constexpr std::int64_t kSamples = 3, kTokens = 5, kWidth = 4;

Tensor numbers(Shape shape, std::uint64_t seed) {
    Tensor tensor = Tensor::allocate(DType::Float32, std::move(shape));
    Random random(seed);
    for (float &value : tensor.mutableValues<float>())
        value = static_cast<float>(random.normal());
    return tensor;
}

std::vector<float> weight(std::uint64_t seed) {
    const Tensor tensor = numbers({kWidth, kWidth}, seed);
    return {tensor.values<float>().begin(), tensor.values<float>().end()};
}

/// One head of attention with projections, then a layer behind it; the probabilities are an output.
std::shared_ptr<const Model> attentionModel() {
    SmallModel model;
    model.input("x", DType::Float32, {-1, kTokens, kWidth});
    for (const std::string name : {"q", "k", "v", "o"})
        model.floats("w" + name, {kWidth, kWidth}, weight(name[0]));
    for (const std::string name : {"q", "k", "v"})
        model.node("MatMul", {"x", "w" + name}, {name});
    model.node("Transpose", {"k"}, {"kt"}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}})
        .node("MatMul", {"q", "kt"}, {"scores"})
        .node("Softmax", {"scores"}, {"p"})
        .node("MatMul", {"p", "v"}, {"mixed"})
        .node("MatMul", {"mixed", "wo"}, {"y"});
    return model.build();
}

std::shared_ptr<const Model> withLayers(std::shared_ptr<const Model> model) {
    auto copy = std::make_shared<Model>(*model);
    copy->layers = findLayers(copy->graph);
    return copy;
}

struct Calibrated {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Capture> capture;
    std::vector<FindingList::Entry> findings;

    const LayerCapture &of(std::size_t layer) const { return *capture->layers[layer]; }
};

Calibrated calibrate(std::shared_ptr<const Model> model, const Tensor &values,
                     const TokenWeighting &weighting, std::int64_t batch) {
    CaptureOptions options;
    options.batchSize = batch;
    for (const Layer &layer : model->layers) {
        options.hessians.insert({layer.id});
        options.hessians.insert({layer.id, weighting});
    }
    FindingList findings;
    auto capture =
        captureActivations(**Executor::create(model), MemorySet(values), options, findings, RunContext{});
    EXPECT_TRUE(capture) << capture.error().text();
    return {model, *capture, findings.snapshot()};
}

TEST(AttentionReceived, SumsToHeadsTimesQueries) {
    Tensor map = Tensor::allocate(DType::Float32, {2, 3, 4, 4}); // samples, heads, queries, keys; causal
    const Tensor noise = numbers({2, 3, 4, 4}, 5);
    for (std::int64_t row = 0; row < 24; ++row) {
        double sum = 0;
        const std::int64_t query = row % 4;
        for (std::int64_t key = 0; key < 4; ++key) {
            const auto i = static_cast<std::size_t>(row * 4 + key);
            map.mutableValues<float>()[i] = key > query ? 0 : std::exp(noise.values<float>()[i]);
            sum += map.values<float>()[i];
        }
        for (std::int64_t key = 0; key < 4; ++key)
            map.mutableValues<float>()[static_cast<std::size_t>(row * 4 + key)] /= static_cast<float>(sum);
    }
    const auto received = attentionReceived(map, {2, {}});
    ASSERT_EQ(received.size(), 2u);
    for (const auto &sample : received)
        EXPECT_NEAR(std::accumulate(sample.begin(), sample.end(), 0.0), 3 * 4, 1e-5);
    // Padding at the end, which nobody sees in a causal map, takes its own query along.
    const auto padded = attentionReceived(map, {2, {1, 1, 1, 0, 1, 1, 1, 1}});
    EXPECT_NEAR(std::accumulate(padded[0].begin(), padded[0].end(), 0.0), 3 * 3, 1e-5);
    EXPECT_EQ(padded[0][3], 0.0);
    EXPECT_EQ(padded[1], received[1]);
    EXPECT_TRUE(attentionReceived(map, {4, {}}).empty());
}

TEST(WeightedHessians, TokensCountByTheAttentionThatTheyReceive) {
    const auto model = withLayers(attentionModel());
    const Tensor x = numbers({kSamples, kTokens, kWidth}, 1);
    const TokenWeighting weighting{TokenImportance::Attention, 0.05, 1, 0};
    const Calibrated calibrated = calibrate(model, x, weighting, 2);
    EXPECT_TRUE(calibrated.findings.empty());

    // The probabilities in one piece, from a pass of their own.
    Tensor probabilities;
    PassOptions options;
    for (const Node &node : model->graph.nodes())
        if (node.opType == "Softmax")
            options.taps[node.outputs[0]] = [&](const Tensor &value) { probabilities = value; };
    ASSERT_TRUE((*Executor::create(model))->run({x}, options, {}));
    double expected = 0, total = 0;
    for (std::size_t sample = 0; sample < kSamples; ++sample) {
        std::vector<double> received(kTokens, 0.0);
        for (std::size_t i = 0; i < kTokens * kTokens; ++i)
            received[i % kTokens] += probabilities.values<float>()[sample * kTokens * kTokens + i];
        const auto weights = tokenWeights(received, weighting);
        for (std::size_t token = 0; token < kTokens; ++token) {
            const float *row = x.values<float>().data() + (sample * kTokens + token) * kWidth;
            expected += weights[token] * row[1] * row[2];
            total += weights[token];
        }
    }
    EXPECT_NEAR(total, kSamples * kTokens, 1e-9);
    const Tensor &hessian = calibrated.of(0).find(weighting)->matrix;
    ASSERT_EQ(hessian.shape(), Shape({1, kWidth, kWidth}));
    EXPECT_NEAR(hessian.values<double>()[kWidth + 2], 2 * expected / total, 1e-6);
    EXPECT_NE(hessian.values<double>()[kWidth + 2], calibrated.of(0).hessian.values<double>()[kWidth + 2]);
    // Q, K and V read the same; what reads the attention's output has the same weights but another input.
    EXPECT_EQ(calibrated.of(2).find(weighting)->matrix.bytes(), hessian.bytes());
    EXPECT_NE(calibrated.of(3).find(weighting)->matrix.bytes(), hessian.bytes());
}

TEST(WeightedHessians, ConstantImportanceGivesThePlainHessianBitForBit) {
    const Tensor x = numbers({kSamples, kTokens, kWidth}, 2);
    const TokenWeighting weighting{TokenImportance::First, 0.05, 1, kTokens};
    const Calibrated calibrated = calibrate(withLayers(attentionModel()), x, weighting, 2);
    for (std::size_t layer = 0; layer < 4; ++layer)
        EXPECT_THAT(calibrated.of(layer).find(weighting)->matrix.values<double>(),
                    testing::ElementsAreArray(calibrated.of(layer).hessian.values<double>()));
}

TEST(WeightedHessians, LongActivationsCountMore) {
    Tensor x = Tensor::zeros(DType::Float32, {1, kTokens, kWidth});
    x.mutableValues<float>()[0] = 3;          // token 0 along channel 0
    x.mutableValues<float>()[kWidth + 1] = 1; // token 1 along channel 1
    const TokenWeighting weighting{TokenImportance::Norm, 0.5, 1, 0};
    const Calibrated calibrated = calibrate(withLayers(attentionModel()), x, weighting, 1);
    // Lengths 3, 1, 0, 0, 0 -> 1, 2/3, 1/2 (three times), whose sum is 19/6.
    const auto h = calibrated.of(0).find(weighting)->matrix.values<double>();
    const double scale = 5 / (19.0 / 6);
    EXPECT_NEAR(h[0], 2.0 / 5 * scale * 9, 1e-12);
    EXPECT_NEAR(h[kWidth + 1], 2.0 / 5 * scale * 2 / 3, 1e-12);
}

TEST(WeightedHessians, ModelsWithoutAttentionAreRefusedWithReason) {
    SmallModel plain;
    plain.input("x", DType::Float32, {-1, kTokens, kWidth})
        .floats("w", {kWidth, kWidth}, weight(3))
        .node("MatMul", {"x", "w"}, {"y"});
    const TokenWeighting weighting{TokenImportance::Attention, 0.05, 1, 0};
    const Calibrated calibrated =
        calibrate(withLayers(plain.build()), numbers({2, kTokens, kWidth}, 4), weighting, 2);
    const WeightedHessian *hessian = calibrated.of(0).find(weighting);
    ASSERT_NE(hessian, nullptr);
    EXPECT_TRUE(hessian->matrix.empty());
    EXPECT_THAT(hessian->refusal, testing::HasSubstr("0 Softmax nodes"));
}

TEST(WeightedHessians, LayersBeforeAnyAttentionCountTokensAlikeAndSaySo) {
    SmallModel model;
    model.input("x", DType::Float32, {-1, kTokens, kWidth}).floats("w0", {kWidth, kWidth}, weight(9));
    model.node("MatMul", {"x", "w0"}, {"h"});
    model.node("Transpose", {"h"}, {"ht"}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}})
        .node("MatMul", {"h", "ht"}, {"scores"})
        .node("Softmax", {"scores"}, {"p"})
        .node("MatMul", {"p", "h"}, {"mixed"})
        .node("Relu", {"mixed"}, {"r"})
        .floats("w1", {kWidth, kWidth}, weight(8))
        .node("MatMul", {"r", "w1"}, {"y"});
    const TokenWeighting weighting{TokenImportance::Attention, 0.05, 1, 0};
    auto built = withLayers(model.build());
    const bool belongs = findAttention(*built).blockOfLayer(0) >= 0;
    const Calibrated calibrated = calibrate(built, numbers({2, kTokens, kWidth}, 4), weighting, 2);
    // The layer that makes Q, K and V belongs to the attention behind it, so that it is weighted.
    EXPECT_EQ(calibrated.findings.empty(), belongs);
    EXPECT_FALSE(calibrated.of(1).find(weighting)->matrix.empty());
}

} // namespace
} // namespace qs
