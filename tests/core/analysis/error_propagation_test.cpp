#include "core/analysis/error_propagation.h"

#include "core/analysis/evaluator.h"
#include "core/analysis/node_timing.h"
#include "core/base/random.h"
#include "core/io/importer.h"
#include "tests/core/exec/memory_set.h"
#include "tests/core/exec/small_model.h"

namespace qs {
namespace {

constexpr std::int64_t kWidth = 4;
const double kExact = ErrorMetrics::kMaxSqnrDb;

/// x → fc0 → Relu → fc1 → Relu → fc2, every weight the identity.
std::shared_ptr<const Executor> chain() {
    std::vector<float> identity(kWidth * kWidth, 0);
    for (std::size_t i = 0; i < kWidth; ++i)
        identity[i * (kWidth + 1)] = 1;
    SmallModel model;
    model.input("x", DType::Float32, {-1, kWidth});
    for (const char *weight : {"w0", "w1", "w2"})
        model.floats(weight, {kWidth, kWidth}, identity);
    return model.node("MatMul", {"x", "w0"}, {"h0"})
        .node("Relu", {"h0"}, {"r0"})
        .node("MatMul", {"r0", "w1"}, {"h1"})
        .node("Relu", {"h1"}, {"r1"})
        .node("MatMul", {"r1", "w2"}, {"y"})
        .executor();
}

/// The identity times `factor` as the layer's quantized weight.
QuantizedLayer scaledIdentity(LayerId layer, float factor) {
    QuantizedMatrix matrix;
    matrix.rows = matrix.cols = kWidth;
    matrix.convention = GridConvention::SymmetricRestricted;
    matrix.layout = {Granularity::PerTensor, kWidth, kWidth, 0};
    matrix.codes.assign(kWidth * kWidth, 0);
    for (std::size_t i = 0; i < kWidth; ++i)
        matrix.codes[i * (kWidth + 1)] = factor == 0 ? 0 : 1;
    matrix.scales = {factor == 0 ? 1.0f : factor};
    matrix.zeroPoints = {0};
    return {layer, std::make_shared<const QuantizedMatrix>(matrix), std::nullopt, std::nullopt};
}

MemorySet positiveSamples(std::int64_t count) {
    Tensor values = Tensor::allocate(DType::Float32, {count, kWidth});
    Random random(1);
    for (float &value : values.mutableValues<float>())
        value = static_cast<float>(random.uniform() + 0.5);
    return MemorySet(values);
}

TEST(ErrorPropagation, TellsOwnFromInheritedError) {
    const auto executor = chain();
    // The first layer is 1 % off (40 dB), the second one loses everything (0 dB), the third one is exact.
    const std::vector<QuantizedLayer> layers = {scaledIdentity(0, 1.01f), scaledIdentity(1, 0),
                                                scaledIdentity(2, 1)};
    const auto result = measureErrorPropagation(*executor, positiveSamples(40), layers, 0, {});
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_EQ((*result)->samples, 40);
    const auto &nodes = (*result)->nodes;
    ASSERT_EQ(nodes.size(), 5u);
    EXPECT_EQ(nodes[0]->accumulated.count, 40 * kWidth);
    EXPECT_NEAR(nodes[0]->accumulatedDb(), 40, 0.01);
    EXPECT_NEAR(nodes[0]->ownDb(), 40, 0.01);
    EXPECT_EQ(nodes[0]->inheritedDb(), kExact);
    EXPECT_NEAR(nodes[1]->accumulatedDb(), 40, 0.01); // Relu keeps what is positive
    EXPECT_FALSE(nodes[1]->own);
    EXPECT_EQ(nodes[1]->ownDb(), kExact);
    EXPECT_NEAR(nodes[1]->inheritedDb(), 40, 0.01);
    EXPECT_NEAR(nodes[2]->ownDb(), 0, 1e-6);
    EXPECT_NEAR(nodes[2]->inheritedDb(), 40, 0.01);
    EXPECT_NEAR(nodes[2]->accumulatedDb(), 0, 1e-6);
    EXPECT_EQ(nodes[4]->ownDb(), kExact);
    EXPECT_NEAR(nodes[4]->inheritedDb(), 0, 1e-6);

    EXPECT_EQ(firstDivergence(**result, 20), 2);
    EXPECT_EQ(firstDivergence(**result, 45), 0);
    EXPECT_EQ(firstDivergence(**result, -1), kNoNode);
}

TEST(ErrorPropagation, NotANumberDiverges) {
    ErrorPropagation errors;
    NodeError fine, broken;
    fine.accumulated.add(std::vector<float>{1, 2}, std::vector<float>{1, 2});
    broken.accumulated.add(std::vector<float>{1, 2}, std::vector<float>{1, NAN});
    errors.nodes = {std::nullopt, fine, broken};
    EXPECT_EQ(firstDivergence(errors, 10), 2);
}

TEST(ErrorPropagation, FloatNetworkIsExactAndOutputMatchesTheEvaluator) {
    FindingList findings;
    const auto model = *openModel(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-vit.onnx", findings, {});
    const auto executor = *Executor::create(model);
    const auto set = *CalibrationSet::open(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-eval.h5", {});
    const auto exact = measureErrorPropagation(*executor, *set, {}, 4, {});
    ASSERT_TRUE(exact) << exact.error().text();
    for (const auto &error : (*exact)->nodes)
        EXPECT_TRUE(!error || error->accumulatedDb() == kExact);

    QuantizedLayer layer;
    layer.layer = 3;
    layer.activationScheme = GridScheme{};
    layer.activationScheme->bits = 3;
    layer.activation = ScaleZero{0.5f, 3};
    const auto errors = measureErrorPropagation(*executor, *set, std::span(&layer, 1), 20, {});
    const auto evaluator = Evaluator::create(executor, set, 20, findings, {});
    ASSERT_TRUE(errors && evaluator);
    const auto total = (*evaluator)->evaluate(std::span(&layer, 1), {});
    ASSERT_TRUE(total);
    const NodeId last = model->graph.value(model->graph.outputs()[0]).producer;
    EXPECT_NEAR((*errors)->nodes[static_cast<std::size_t>(last)]->accumulatedDb(), total->error.sqnrDb(),
                0.01);
    const NodeId first = firstDivergence(**errors, kExact);
    EXPECT_EQ(first, model->layers[3].node);
}

TEST(ErrorPropagation, CanBeCancelled) {
    std::stop_source stop;
    stop.request_stop();
    const auto result = measureErrorPropagation(*chain(), positiveSamples(4), {}, 0, {stop.get_token()});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Cancelled);
}

TEST(NodeTimes, EveryNodeHasAPositiveTime) {
    const auto times = measureNodeTimes(*chain(), positiveSamples(8), 4, 3, {});
    ASSERT_TRUE(times) << times.error().text();
    EXPECT_EQ((*times)->batch, 4);
    ASSERT_EQ((*times)->seconds.size(), 5u);
    double sum = 0;
    for (const double seconds : (*times)->seconds) {
        EXPECT_GT(seconds, 0);
        sum += seconds;
    }
    EXPECT_DOUBLE_EQ((*times)->totalSeconds(), sum);
}

} // namespace
} // namespace qs
