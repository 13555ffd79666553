#include "core/analysis/attention_map.h"
#include "core/base/random.h"
#include "core/io/calibration_set.h"
#include "tests/core/exec/small_model.h"
#include "tests/support/sample_run.h"

#include <numeric>

namespace qs {
namespace {

using testing::HasSubstr;

const std::filesystem::path kSamples = QS_SAMPLE_DATA;

AttentionSurveyRequest requestOf(std::shared_ptr<const Model> model, std::vector<Tensor> inputs) {
    AttentionSurveyRequest request;
    request.input.attention = std::make_shared<const AttentionSearch>(findAttention(*model));
    auto executor = Executor::create(std::move(model));
    EXPECT_TRUE(executor) << executor.error().text();
    request.input.executor = *executor;
    request.input.inputs = std::move(inputs);
    return request;
}

AttentionSurveyRequest sampleRequest(const char *model, const char *data) {
    const auto opened = openSample(kSamples / model);
    auto set = CalibrationSet::open(kSamples / data, {});
    EXPECT_TRUE(set) << set.error().text();
    return requestOf(opened, *readModelInputs(**set, opened->graph, 0, 1));
}

/// The same model with all weights rounded to some bits.
void quantize(AttentionSurveyRequest &request, int bits) {
    const auto &model = request.input.executor->model();
    WeightGridScheme scheme;
    scheme.grid.bits = bits;
    const qs::Run run = makeSampleRun(std::make_shared<Model>(model), scheme);
    request.quantized = *substitutions(model, run.quantizedLayers());
}

std::shared_ptr<const AttentionSurvey> survey(const AttentionSurveyRequest &request) {
    FindingList findings;
    const auto result = surveyAttention(request, {}, findings, {});
    EXPECT_TRUE(result) << result.error().text();
    EXPECT_TRUE(findings.snapshot().empty());
    return result ? *result : nullptr;
}

double sumOf(const std::vector<double> &values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

/// softmax(q · kᵀ + mask) · v with Q, K, V as inputs of the graph.
std::shared_ptr<const Model> plainAttention(std::int64_t heads, std::int64_t tokens, std::int64_t width,
                                            const std::vector<float> &mask = {}) {
    SmallModel model;
    for (const char *name : {"q", "k", "v"})
        model.input(name, DType::Float32, {heads, tokens, width});
    model.node("Transpose", {"k"}, {"kt"}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}})
        .node("MatMul", {"q", "kt"}, {"scores"});
    if (!mask.empty())
        model.floats("mask", {tokens, tokens}, mask).node("Add", {"scores", "mask"}, {"masked"});
    model.node("Softmax", {mask.empty() ? "scores" : "masked"}, {"p"}).node("MatMul", {"p", "v"}, {"o"});
    return model.build();
}

Tensor randomTensor(Shape shape, std::uint64_t seed) {
    return sampleValues(std::move(shape), seed, 2);
}

TEST(AttentionSurvey, VitHeadsSumToOnePerQuery) {
    const auto result = survey(sampleRequest("glyph-vit.onnx", "glyph-eval.h5"));
    ASSERT_EQ(result->layers.size(), 4U);
    for (const auto &layer : result->layers) {
        EXPECT_EQ(layer->queries, 65);
        EXPECT_FALSE(layer->causal);
        ASSERT_EQ(layer->heads.size(), 4U);
        EXPECT_EQ(layer->kvHeads.size(), 4U);
        for (const AttentionHead &head : layer->heads) {
            EXPECT_EQ(head.reference.rows, 65);
            EXPECT_NEAR(sumOf(head.reference.accumulated), 65, 1e-3);
            EXPECT_NEAR(sumOf(head.reference.distance), 1, 1e-9);
            EXPECT_LE(head.reference.normalizedEntropy.value(), 1);
            EXPECT_FALSE(head.agreement);
        }
    }
    // Importance: queries × heads × layers.
    EXPECT_NEAR(sumOf(result->importance), 65 * 4 * 4, 0.05);
    EXPECT_TRUE(result->complete);
}

TEST(AttentionSurvey, LlamaIsCausalWithTwoKeyHeads) {
    const auto result = survey(sampleRequest("tiny-llama.onnx", "tiny-llama-eval.h5"));
    for (const auto &layer : result->layers) {
        EXPECT_TRUE(layer->causal);
        EXPECT_EQ(layer->heads.size(), 4U);
        EXPECT_EQ(layer->kvHeads.size(), 2U);
        EXPECT_EQ(layer->kvHeads[0].keys.stats.count, 128 * 64);
        EXPECT_EQ(layer->kvHeads[0].keys.histogram.total(), 128 * 64);
        EXPECT_NEAR(layer->heads[0].reference.saliency[127], layer->heads[0].reference.accumulated[127],
                    1e-12);
    }
    EXPECT_EQ(result->ranks.size(), 4U);
}

TEST(AttentionSurvey, QuantizedDiffersMoreWithFewerBits) {
    AttentionSurveyRequest request = sampleRequest("tiny-llama.onnx", "tiny-llama-eval.h5");
    double errors[2] = {};
    for (const int bits : {8, 3}) {
        quantize(request, bits);
        const auto result = survey(request);
        for (const auto &layer : result->layers)
            for (const AttentionHead &head : layer->heads)
                errors[bits == 3] += head.agreement->relativeL1;
    }
    EXPECT_GT(errors[0], 0);
    EXPECT_GT(errors[1], 4 * errors[0]);
}

TEST(AttentionSurvey, MapsAreWhatTheHeadsWereMeasuredOn) {
    AttentionSurveyRequest request = sampleRequest("glyph-vit.onnx", "glyph-eval.h5");
    quantize(request, 4);
    const auto result = survey(request);
    const auto map = *captureAttentionMap(request, {2, 1}, {});
    const AttentionHead &head = result->layers[2]->heads[1];
    const MatrixView<const float> view{map.reference.values<float>().data(), 65, 65};
    EXPECT_EQ(measureAttentionHead(view, false, {})->accumulated, head.reference.accumulated);
    const Tensor error = difference(map.reference, map.quantized);
    EXPECT_TRUE(
        std::equal(error.values<float>().begin(), error.values<float>().end(),
                   head.differenceThumbnail.values<float>().begin())); // 65 cells fit into the thumbnail
    EXPECT_FALSE(captureAttentionMap(request, {2, 9}, {}));
    EXPECT_FALSE(captureAttentionMap(request, {7, 0}, {}));
}

TEST(AttentionSurvey, MeansAreMeansOverHeadsAndLayers) {
    const AttentionSurveyRequest request = sampleRequest("glyph-vit.onnx", "glyph-eval.h5");
    std::vector<double> layerMean(65 * 65), allMean(65 * 65);
    for (int block = 0; block < 4; ++block)
        for (int head = 0; head < 4; ++head) {
            const auto map = *captureAttentionMap(request, {block, head}, {});
            for (std::size_t i = 0; i < allMean.size(); ++i) {
                allMean[i] += static_cast<double>(map.reference.values<float>()[i]) / 16;
                layerMean[i] += block == 3 ? static_cast<double>(map.reference.values<float>()[i]) / 4 : 0;
            }
        }
    const auto layer = *captureAttentionMap(request, {3, -1}, {}),
               all = *captureAttentionMap(request, {-1, -1}, {});
    for (std::size_t i = 0; i < allMean.size(); ++i) {
        EXPECT_NEAR(layer.reference.values<float>()[i], layerMean[i], 1e-7);
        EXPECT_NEAR(all.reference.values<float>()[i], allMean[i], 1e-7);
    }
    EXPECT_TRUE(all.quantized.empty());
}

TEST(AttentionSurvey, GroupedQueriesMayHaveAnAxisOfTheirOwn) {
    SmallModel small; // [batch, K/V heads, queries per K/V head, tokens, width]
    small.input("q", DType::Float32, {1, 2, 3, 5, 4})
        .input("kt", DType::Float32, {1, 2, 1, 4, 5})
        .input("v", DType::Float32, {1, 2, 1, 5, 4})
        .node("MatMul", {"q", "kt"}, {"scores"})
        .node("Softmax", {"scores"}, {"p"})
        .node("MatMul", {"p", "v"}, {"o"});
    const auto result =
        survey(requestOf(small.build(), {randomTensor({1, 2, 3, 5, 4}, 1), randomTensor({1, 2, 1, 4, 5}, 2),
                                         randomTensor({1, 2, 1, 5, 4}, 3)}));
    EXPECT_EQ(result->layers[0]->heads.size(), 6U);
    EXPECT_EQ(result->layers[0]->kvHeads.size(), 2U);
    EXPECT_NEAR(sumOf(result->importance), 6 * 5, 1e-5);
}

TEST(AttentionSurvey, NanInScoresIsAFindingWithHeadAndQuery) {
    Tensor q = randomTensor({2, 5, 4}, 1);
    q.mutableValues<float>()[5 * 4 + 3 * 4] = std::numeric_limits<float>::quiet_NaN(); // head 1, query 3
    const auto request =
        requestOf(plainAttention(2, 5, 4), {q, randomTensor({2, 5, 4}, 2), randomTensor({2, 5, 4}, 3)});
    FindingList findings;
    const auto result = *surveyAttention(request, {}, findings, {});
    EXPECT_EQ(result->layers[0]->heads[0].reference.nonFiniteRows, 0);
    EXPECT_EQ(result->layers[0]->heads[1].reference.nonFiniteRows, 1);
    ASSERT_EQ(findings.snapshot().size(), 1U);
    EXPECT_THAT(findings.snapshot()[0].finding.what,
                testing::AllOf(HasSubstr("1 of 5 queries of head 1"), HasSubstr("query 3")));
}

TEST(AttentionSurvey, AMaskOfMinusInfinityOverAWholeRowIsAFinding) {
    const float inf = std::numeric_limits<float>::infinity();
    const std::vector<float> mask{0, -inf, -inf, -inf, -inf, -inf, 0, 0, 0};
    const auto request =
        requestOf(plainAttention(1, 3, 4, mask),
                  {randomTensor({1, 3, 4}, 1), randomTensor({1, 3, 4}, 2), randomTensor({1, 3, 4}, 3)});
    FindingList findings;
    const auto result = *surveyAttention(request, {}, findings, {});
    EXPECT_EQ(result->layers[0]->heads[0].reference.nonFiniteRows, 1);
    EXPECT_EQ(result->layers[0]->heads[0].reference.firstBadRow, 1);
    EXPECT_EQ(findings.snapshot().size(), 1U);
}

TEST(AttentionSurvey, ASequenceOfOneWorks) {
    const auto opened = openSample(kSamples / "tiny-llama.onnx");
    const std::int64_t id = 7;
    const auto result =
        survey(requestOf(opened, {Tensor::fromValues<std::int64_t>({1, 1}, std::span(&id, 1))}));
    const AttentionHeadMetrics &head = result->layers[0]->heads[0].reference;
    EXPECT_EQ(head.keys, 1);
    EXPECT_EQ(head.entropy, 0);
    EXPECT_FALSE(head.sinkShare);
    EXPECT_EQ(head.saliency.at(0), 1);
}

TEST(AttentionSurvey, WithoutAttentionTheErrorSaysWhatWasLookedFor) {
    const auto request = requestOf(openSample(kSamples / "glyph-cnn.onnx"), {});
    FindingList findings;
    const auto result = surveyAttention(request, {}, findings, {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::NotFound);
    EXPECT_THAT(result.error().message, HasSubstr("Looked for MatMul"));
}

TEST(AttentionSurvey, FourThousandTokensAgainstAPlainSoftmax) {
    constexpr std::int64_t kTokens = 4096, kWidth = 8;
    const Tensor q = randomTensor({2, kTokens, kWidth}, 1), k = randomTensor({2, kTokens, kWidth}, 2),
                 v = randomTensor({2, kTokens, kWidth}, 3);
    AttentionSurveyRequest request = requestOf(plainAttention(2, kTokens, kWidth), {q, k, v});
    const auto result = survey(request);
    EXPECT_EQ(result->largestMapBytes, 2 * kTokens * kTokens * 4);
    EXPECT_EQ(result->layers[0]->heads[0].thumbnail.shape(), (Shape{kThumbnailSide, kThumbnailSide}));
    EXPECT_NEAR(sumOf(result->importance), 2.0 * kTokens, 0.05);
    // One row of head 1 by plain float64 arithmetic.
    constexpr std::int64_t kQuery = 3001;
    const auto row = [](const Tensor &tensor, std::int64_t token) {
        return tensor.values<float>().subspan(static_cast<std::size_t>((kTokens + token) * kWidth), kWidth);
    };
    std::vector<double> expected;
    for (std::int64_t key = 0; key < kTokens; ++key)
        expected.push_back(std::exp(
            std::inner_product(row(q, kQuery).begin(), row(q, kQuery).end(), row(k, key).begin(), 0.0)));
    const double total = sumOf(expected);
    const auto map = *captureAttentionMap(request, {0, 1}, {});
    for (std::int64_t key = 0; key < kTokens; ++key)
        ASSERT_NEAR(map.reference.values<float>()[static_cast<std::size_t>(kQuery * kTokens + key)],
                    expected[static_cast<std::size_t>(key)] / total, 1e-7);

    request.input.maxMapBytes = 100 << 20;
    FindingList findings;
    const auto refused = surveyAttention(request, {}, findings, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::OutOfMemory);
    EXPECT_THAT(refused.error().message, HasSubstr("2 heads × 4096 queries"));
}

TEST(AttentionSurvey, StopsWhenCancelled) {
    const auto request = sampleRequest("glyph-vit.onnx", "glyph-eval.h5");
    std::stop_source source;
    RunContext ctx;
    ctx.stop = source.get_token();
    FindingList findings;
    const auto result = surveyAttention(
        request, [&](const auto &) { source.request_stop(); }, findings, ctx);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs
