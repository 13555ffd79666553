#include "core/hardware/cost_model.h"
#include "tests/core/hardware/configs.h"

namespace qs {
namespace {

using nlohmann::json;

// A model small enough to count by hand: 4 query heads on 2 key heads of width 3, which is not 8 / 4.
constexpr double kHidden = 8, kHeads = 4, kKeyHeads = 2, kHeadDim = 3, kBlocks = 2, kWidth = 16,
                 kVocabulary = 10;
constexpr double kBatch = 3, kTokens = 5;

json tinyConfig() {
    json config = llama2Config(8, 2, 4, 2, 16);
    config["vocab_size"] = 10;
    config["head_dim"] = 3;
    return config;
}

WorkloadRequest requestFor(Stage stage) {
    WorkloadRequest request;
    request.stage = stage;
    request.batch = 3;
    request.sequence = 5;
    return request;
}

Workload tinyPass(Stage stage) {
    return passOf(describe(tinyConfig()), requestFor(stage));
}

// Defect 1: the head counts two operations per multiply-add, every token, and activations of the whole batch.
TEST(TransformerCost, HeadCountsEveryTokenOfTheBatch) {
    const OperatorWork head = operatorOf(tinyPass(Stage::Prefill), "lm_head");
    EXPECT_EQ(head.operations, 2 * kBatch * kTokens * kHidden * kVocabulary);
    EXPECT_EQ(head.bytes.activationsIn, 2 * kBatch * kTokens * kHidden);
    EXPECT_EQ(head.bytes.activationsOut, 2 * kBatch * kTokens * kVocabulary);
    EXPECT_EQ(operatorOf(tinyPass(Stage::Decode), "lm_head").operations, 2 * kBatch * kHidden * kVocabulary);
    WorkloadRequest last = requestFor(Stage::Prefill);
    last.lastLogitsOnly = true;
    EXPECT_EQ(operatorOf(passOf(describe(tinyConfig()), last), "lm_head").operations,
              2 * kBatch * kHidden * kVocabulary);
}

// Defect 2: silu (4) and the product with up (1) run over the width of the MLP.
TEST(TransformerCost, ActivationFunctionRunsOverTheWidthOfTheMlp) {
    const OperatorWork act = operatorOf(tinyPass(Stage::Prefill), "mlp_act");
    EXPECT_EQ(act.operations, 5 * kBatch * kTokens * kWidth);
    EXPECT_EQ(act.bytes.activationsIn, 2 * 2 * kBatch * kTokens * kWidth);
    EXPECT_EQ(act.bytes.activationsOut, 2 * kBatch * kTokens * kWidth);
    EXPECT_EQ(act.repeats, kBlocks);
}

// Defects 3 and 11: all query heads are read; a causal prefill has 1 + 2 + … + 5 pairs per head.
TEST(TransformerCost, PrefillReadsAllQueryHeadsAndCountsCausalPairs) {
    const Workload pass = tinyPass(Stage::Prefill);
    const double pairs = 1 + 2 + 3 + 4 + 5;
    const OperatorWork &product = operatorOf(pass, "qk_matmul");
    EXPECT_EQ(product.operations, 2 * kBatch * kHeads * pairs * kHeadDim);
    EXPECT_EQ(product.bytes.activationsIn, 2 * kBatch * kTokens * kHeads * kHeadDim);
    EXPECT_EQ(product.bytes.activationsOut, 2 * kBatch * kHeads * kTokens * kTokens);
    EXPECT_EQ(product.bytes.cacheIn, 2 * kBatch * kKeyHeads * kTokens * kHeadDim);
    EXPECT_EQ(operatorOf(pass, "softmax").operations, 5 * kBatch * kHeads * pairs);
    EXPECT_EQ(operatorOf(pass, "sv_matmul").operations, 2 * kBatch * kHeads * pairs * kHeadDim);
    // Decode: one query over all five tokens.
    EXPECT_EQ(operatorOf(tinyPass(Stage::Decode), "qk_matmul").operations,
              2 * kBatch * kHeads * kTokens * kHeadDim);
}

TEST(TransformerCost, SlidingWindowLimitsPairsAndCache) {
    json config = tinyConfig();
    config["model_type"] = "mistral";
    config["sliding_window"] = 2;
    const Workload prefill = passOf(describe(config), requestFor(Stage::Prefill));
    const double pairs = 1 + 2 + 2 + 2 + 2;
    EXPECT_EQ(operatorOf(prefill, "qk_matmul").operations, 2 * kBatch * kHeads * pairs * kHeadDim);
    EXPECT_EQ(prefill.memory.cache, 2 * kBlocks * kBatch * kKeyHeads * kHeadDim * 2 * 2);
    const Workload decode = passOf(describe(config), requestFor(Stage::Decode));
    EXPECT_EQ(operatorOf(decode, "qk_matmul").operations, 2 * kBatch * kHeads * 2 * kHeadDim);
}

// Defects 4 and 5: the output is written once; K and V are read once per key head and block of queries.
TEST(TransformerCost, FusedAttentionWritesTheOutputOnceAndReadsKeyHeads) {
    WorkloadRequest request = requestFor(Stage::Prefill);
    request.fusedAttention = true;
    const OperatorWork fused = operatorOf(passOf(describe(tinyConfig()), request), "fused_attention");
    EXPECT_EQ(fused.bytes.activationsIn, 2 * kBatch * kTokens * kHeads * kHeadDim);
    EXPECT_EQ(fused.bytes.activationsOut, 2 * kBatch * kTokens * kHeads * kHeadDim);
    EXPECT_EQ(fused.bytes.cacheIn, 2 * (2 * kBatch * kKeyHeads * kTokens * kHeadDim));
    EXPECT_EQ(fused.operations, kBatch * kHeads * 15 * (4 * kHeadDim + 5));
    // 200 tokens × 2 heads per key head are 400 rows; 64 fit when the device says nothing, 100 with 2400
    // bytes.
    request.sequence = 200;
    const auto reads = [&] {
        return operatorOf(passOf(describe(tinyConfig()), request), "fused_attention").bytes.cacheIn;
    };
    EXPECT_EQ(reads(), 2 * (2 * kBatch * kKeyHeads * 200 * kHeadDim) * 7);
    request.onChipBytes = 2400;
    EXPECT_EQ(reads(), 2 * (2 * kBatch * kKeyHeads * 200 * kHeadDim) * 4);
}

// Defect 6: OPT has no gate.
TEST(TransformerCost, OptHasNoGate) {
    const json config = {{"model_type", "opt"},          {"hidden_size", 8}, {"num_hidden_layers", 2},
                         {"num_attention_heads", 4},     {"ffn_dim", 16},    {"vocab_size", 10},
                         {"max_position_embeddings", 32}};
    const Workload pass = passOf(describe(config), requestFor(Stage::Prefill));
    EXPECT_FALSE(hasOperator(pass, "gate_proj"));
    EXPECT_EQ(operatorOf(pass, "mlp_act").operations, kBatch * kTokens * kWidth); // ReLU
    // Bias: one more operation per result, 16 bit each (defect 8).
    const OperatorWork &up = operatorOf(pass, "up_proj");
    EXPECT_EQ(up.operations, kBatch * kTokens * kWidth * (2 * kHidden + 1));
    EXPECT_EQ(up.bytes.weights, 2 * (kHidden * kWidth + kWidth));
    EXPECT_EQ(operatorOf(pass, "position_add").bytes.weights, 2 * kTokens * kHidden);
    // The key needs no rotation: it goes to the cache at once.
    EXPECT_FALSE(hasOperator(pass, "rotary"));
    EXPECT_EQ(operatorOf(pass, "k_proj").bytes.cacheOut, 2 * kBatch * kTokens * kHidden);
    WorkloadRequest compatible = requestFor(Stage::Prefill);
    compatible.compatible = true;
    EXPECT_TRUE(hasOperator(passOf(describe(config), compatible), "gate_proj"));
}

// Defect 7: heads have the width that the config says.
TEST(TransformerCost, HeadsHaveTheirOwnWidth) {
    const Workload pass = tinyPass(Stage::Prefill);
    const double rows = kBatch * kTokens, queries = kHeads * kHeadDim, keys = kKeyHeads * kHeadDim;
    EXPECT_EQ(operatorOf(pass, "q_proj").operations, 2 * rows * kHidden * queries);
    EXPECT_EQ(operatorOf(pass, "k_proj").operations, 2 * rows * kHidden * keys);
    EXPECT_EQ(operatorOf(pass, "out_proj").bytes.weights, 2 * queries * kHidden);
    EXPECT_EQ(operatorOf(pass, "v_proj").bytes.cacheOut, 2 * rows * keys);
    EXPECT_EQ(operatorOf(pass, "rotary").operations, 3 * rows * (queries + keys));
    EXPECT_EQ(operatorOf(pass, "rotary").bytes.cacheOut, 2 * rows * keys);
}

// Defect 8: embeddings, norm weights and head are in memory and are read.
TEST(TransformerCost, EmbeddingsAndNormWeightsCount) {
    const Workload pass = tinyPass(Stage::Prefill);
    EXPECT_EQ(operatorOf(pass, "embed_tokens").bytes.weights, 2 * kBatch * kTokens * kHidden);
    EXPECT_EQ(operatorOf(pass, "embed_tokens").operations, 0);
    EXPECT_EQ(operatorOf(pass, "attn_norm").bytes.weights, 2 * kHidden);
    EXPECT_EQ(operatorOf(pass, "attn_norm").operations, 4 * kBatch * kTokens * kHidden);
    const double block =
        kHidden * (2 * kHeads + 2 * kKeyHeads) * kHeadDim + 3 * kHidden * kWidth + 2 * kHidden;
    EXPECT_EQ(pass.memory.weights, 2 * (2 * kVocabulary * kHidden + kBlocks * block + kHidden));
    EXPECT_EQ(pass.memory.cache, 2 * kBlocks * kBatch * kTokens * kKeyHeads * kHeadDim * 2);
}

// Defect 10: a device without an int8 rate takes the next wider type; compatible mode fails as the original
// does.
TEST(TransformerCost, DeviceWithoutInt8TakesTheNextWiderType) {
    HardwareProfile device;
    device.name = "no int8";
    device.bytesPerSecond = 1e9;
    device.peaks = {{ComputeType::Fp16, 1e12}};
    WorkloadRequest request = requestFor(Stage::Prefill);
    UniformPrecision eight;
    eight.weightBits = eight.activationBits = eight.cacheBits = 8;
    request.plan = uniformPlan("W8A8", eight);
    const auto line = costOnDevice(passOf(describe(tinyConfig()), request), device, {});
    ASSERT_TRUE(line) << line.error().text();
    for (const OperatorCost &cost : line->operators)
        EXPECT_EQ(cost.roof.has_value(), cost.work.matrix) << cost.work.name; // no fp32 rate for the others
    request.compatible = true;
    const auto original = costOnDevice(passOf(describe(tinyConfig()), request), device, {});
    ASSERT_FALSE(original);
    EXPECT_EQ(original.error().code, ErrorCode::Unsupported);
}

TEST(TransformerCost, ScalesOfWeightsAndCacheCount) {
    UniformPrecision precision;
    precision.weightBits = 4;
    precision.cacheBits = 8;
    precision.groupSize = 128;
    precision.headDim = 128;
    const PrecisionPlan plan = uniformPlan("W4", precision);
    EXPECT_EQ(plan.layer({"", kNoLayer, 4096, 4096}).storedBits, 4.125); // specification B.1
    EXPECT_EQ(plan.layer({"", kNoLayer, 4096, 32}).storedBits, 4.5);     // a row shorter than a group
    EXPECT_EQ(plan.cacheStoredBits, 8.125);
    precision.groupSize = 0;
    EXPECT_EQ(uniformPlan("W4", precision).layer({"", kNoLayer, 4096, 4096}).storedBits, 4 + 16.0 / 4096);
    EXPECT_EQ(uniformPlan("FP16", {}).layer({"", kNoLayer, 8, 8}).storedBits, 16);
}

TEST(TransformerCost, BlocksOfDifferentPrecisionAreOperatorsOfTheirOwn) {
    WorkloadRequest request = requestFor(Stage::Prefill);
    request.plan.layer = [](const WeightSite &site) {
        const bool first = site.name == "model.layers.0.self_attn.q_proj";
        return LayerPrecision{first ? 8.0 : 4.0, first ? 8.0 : 4.0, 16};
    };
    request.plan.uniform = false;
    const Workload pass = passOf(describe(tinyConfig()), request);
    std::vector<std::pair<double, double>> queries; // bits, repeats
    for (const OperatorWork &work : pass.operators)
        if (work.name == "q_proj")
            queries.emplace_back(work.rightBits, work.repeats);
    EXPECT_EQ(queries, (std::vector<std::pair<double, double>>{{8, 1}, {4, 1}}));
    EXPECT_EQ(operatorOf(pass, "k_proj").repeats, 2);
}

TEST(TransformerCost, InferenceKeepsNoCache) {
    const Workload pass = tinyPass(Stage::Inference);
    EXPECT_EQ(pass.memory.cache, 0);
    Traffic bytes;
    for (const OperatorWork &work : pass.operators)
        bytes += work.bytes;
    EXPECT_EQ(bytes.cacheIn + bytes.cacheOut, 0);
    EXPECT_EQ(operatorOf(pass, "v_proj").bytes.activationsOut, 2 * kBatch * kTokens * kKeyHeads * kHeadDim);
}

// ViT-B/16 at 224: 17.6 G multiply-adds in the literature; tolerance 3 %.
TEST(TransformerCost, VisionTransformerCountsWhatTheLiteratureSays) {
    const json config = {{"model_type", "vit"},       {"hidden_size", 768},        {"num_hidden_layers", 12},
                         {"num_attention_heads", 12}, {"intermediate_size", 3072}, {"image_size", 224},
                         {"patch_size", 16},          {"num_labels", 1000}};
    const Workload pass = passOf(describe(config), {});
    double operations = 0;
    for (const OperatorWork &work : pass.operators)
        operations += work.repeats * work.operations;
    EXPECT_NEAR(operations, 2 * 17.6e9, 0.03 * 2 * 17.6e9);
    EXPECT_EQ(operatorOf(pass, "qk_matmul").operations, 2.0 * 12 * 197 * 197 * 64); // not causal
    EXPECT_EQ(pass.memory.cache, 0);
    const auto prefill = TransformerCost(describe(config)).workload(requestFor(Stage::Prefill), {});
    ASSERT_FALSE(prefill);
    EXPECT_EQ(prefill.error().code, ErrorCode::InvalidArgument);
}

TEST(TransformerCost, AbsurdRequestsAreRefusedAndHugeOnesStayFinite) {
    const TransformerCost cost(describe(llama2Large()));
    WorkloadRequest request = requestFor(Stage::Prefill);
    for (const auto &[batch, sequence] : {std::pair<std::int64_t, std::int64_t>{0, 5},
                                          {5, 0},
                                          {-1, 5},
                                          {kMostBatch + 1, 5},
                                          {5, kMostSequence + 1},
                                          {INT64_MAX, INT64_MAX}}) {
        request.batch = batch;
        request.sequence = sequence;
        const auto refused = cost.workload(request, {});
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::InvalidArgument);
    }
    request.batch = kMostBatch;
    request.sequence = kMostSequence;
    const Workload pass = passOf(cost.network(), request);
    for (const OperatorWork &work : pass.operators) {
        EXPECT_TRUE(std::isfinite(work.operations) && work.operations >= 0) << work.name;
        EXPECT_TRUE(std::isfinite(work.bytes.total()) && work.bytes.total() > 0) << work.name;
    }
    EXPECT_TRUE(std::isfinite(pass.memory.total()));
    request.plan.activationBits = 1e9;
    EXPECT_FALSE(cost.workload(request, {}));
}

} // namespace
} // namespace qs
