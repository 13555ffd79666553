#include "core/analysis/graph_cost.h"
#include "core/graph/weights_only.h"
#include "core/hardware/cost_model.h"
#include "core/hardware/roofline_study.h"
#include "core/io/importer.h"
#include "tests/core/exec/small_model.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

using testing::HasSubstr;

Workload passOf(const CostSource &source, const WorkloadRequest &request) {
    auto pass = source.workload(request, {});
    EXPECT_TRUE(pass) << (pass ? "" : pass.error().text());
    return pass ? *pass : Workload{};
}

const OperatorWork &operatorOf(const Workload &pass, const std::string &part) {
    for (const OperatorWork &work : pass.operators)
        if (work.name.find(part) != std::string::npos)
            return work;
    ADD_FAILURE() << "no operator like " << part;
    return pass.operators.front();
}

/// image [batch, 2, 6, 6] → 4 kernels of 3×3 at stride 2 → [batch, 4, 2, 2] → ReLU → 16 values → 5 results.
SmallModel smallNetwork() {
    SmallModel model;
    model.input("image", DType::Float32, {-1, 2, 6, 6})
        .floats("kernel", {4, 2, 3, 3}, std::vector<float>(72, 0.5F))
        .floats("shift", {4}, {1, 2, 3, 4})
        .floats("w", {16, 5}, std::vector<float>(80, 0.25F))
        .node("Conv", {"image", "kernel", "shift"}, {"conv"}, {{"strides", std::vector<std::int64_t>{2, 2}}})
        .node("Relu", {"conv"}, {"relu"})
        .node("Flatten", {"relu"}, {"flat"})
        .node("MatMul", {"flat", "w"}, {"y"});
    return model;
}

WorkloadRequest batchOf(std::int64_t batch) {
    WorkloadRequest request;
    request.batch = batch;
    return request;
}

TEST(GraphCost, CountsByHand) {
    const GraphCost cost(smallNetwork().build());
    EXPECT_TRUE(cost.takesBatch());
    EXPECT_FALSE(cost.takesSequence());
    const Workload pass = passOf(cost, batchOf(3));
    ASSERT_EQ(pass.operators.size(), 3u); // the reshape is free
    const OperatorWork &conv = operatorOf(pass, "conv");
    EXPECT_EQ(conv.kind, OperatorKind::Convolution);
    EXPECT_EQ(conv.operations, 2 * (3 * 4 * 2 * 2) * (2 * 3 * 3) + 3 * 4 * 2 * 2);
    EXPECT_EQ(conv.bytes.weights, 2 * (72 + 4));
    EXPECT_EQ(conv.bytes.activationsIn, 2 * 3 * 2 * 6 * 6);
    EXPECT_EQ(conv.bytes.activationsOut, 2 * 3 * 4 * 2 * 2);
    EXPECT_EQ(operatorOf(pass, "Relu").operations, 48);
    const OperatorWork &linear = operatorOf(pass, "y");
    EXPECT_EQ(linear.kind, OperatorKind::Linear);
    EXPECT_EQ(linear.operations, 2 * 3 * 16 * 5);
    EXPECT_EQ(linear.layer, 1);
    EXPECT_EQ(pass.memory.weights, 2 * (72 + 4 + 80));
    EXPECT_EQ(pass.parameters, 156);
    // Image and convolution are needed at one time: 216 + 48 values.
    EXPECT_EQ(pass.memory.activations, 2 * (216 + 48));
}

TEST(GraphCost, WidthsOfARecipeReachTheirLayer) {
    WeightChoice weights;
    weights.scheme.grid.bits = 4;
    weights.scheme.grid.convention = GridConvention::SymmetricRestricted;
    weights.scheme.granularity = Granularity::PerGroup;
    weights.scheme.groupSize = 8;
    weights.scheme.scaleAsFloat16 = true;
    Recipe recipe = uniformRecipe("w4", weights, ActivationChoice{});
    recipe.rules.front().layers = std::string("y"); // g++ 12 warns of plain assignment
    WorkloadRequest request = batchOf(3);
    request.plan = recipePlan(recipe, 16);
    const Workload pass = passOf(GraphCost(smallNetwork().build()), request);
    const OperatorWork &linear = operatorOf(pass, "y");
    EXPECT_EQ(linear.leftBits, 8);
    EXPECT_EQ(linear.rightBits, 4);
    EXPECT_EQ(linear.bytes.weights, 80 * (4 + 16.0 / 8) / 8);
    EXPECT_EQ(linear.bytes.activationsIn, 3 * 16 * 1);
    EXPECT_EQ(linear.bytes.activationsOut, 3 * 5 * 2);
    EXPECT_EQ(operatorOf(pass, "conv").rightBits, 16);
    EXPECT_EQ(pass.memory.weights, 2 * 76 + 80 * 6.0 / 8);
}

// Specification D: an unmodified model's weights take the bytes that its file holds.
TEST(GraphCost, FloatWeightsTakeTheBytesOfTheFile) {
    FindingList findings;
    for (const char *name : {"glyph-cnn.onnx", "glyph-vit.onnx", "tiny-llama.onnx"}) {
        const auto model = openModel(std::filesystem::path(QS_SAMPLE_DATA) / name, findings, {});
        ASSERT_TRUE(model);
        UniformPrecision full;
        full.weightBits = full.activationBits = full.cacheBits = full.floatBits = 32;
        WorkloadRequest request = batchOf(1);
        request.sequence = 64;
        request.plan = uniformPlan("FP32", full);
        const Workload pass = passOf(GraphCost(*model), request);
        double bytes = 0;
        for (const auto &[id, tensor] : (*model)->graph.constants())
            bytes += static_cast<double>(tensor.sizeBytes());
        EXPECT_EQ(pass.memory.weights, bytes) << name;
        EXPECT_EQ(pass.parameters, static_cast<double>((*model)->graph.parameterCount())) << name;
    }
}

// The same network once as a graph and once as a config: its matrix products must agree.
TEST(GraphCost, AgreesWithTheConfigOnTheSampleTransformer) {
    FindingList findings;
    const std::filesystem::path samples = QS_SAMPLE_DATA;
    const auto model = openModel(samples / "tiny-llama.onnx", findings, {});
    ASSERT_TRUE(model);
    WorkloadRequest request;
    request.batch = 2;
    request.sequence = 128;
    const Workload graph = passOf(GraphCost(*model), request);
    double linear = 0, weights = 0;
    for (const OperatorWork &work : graph.operators)
        if (work.kind == OperatorKind::Linear) {
            linear += work.operations;
            weights += work.bytes.weights;
        }
    // Tokens × multiply-adds of q, k, v, o, gate, up, down in four blocks and the head.
    const double perToken = 4 * (256.0 * 256 * 2 + 256 * 128 * 2 + 3 * 256 * 768) + 256 * 65;
    EXPECT_EQ(linear, 2 * 2 * 128 * perToken);
    EXPECT_EQ(weights, 2 * perToken);
    EXPECT_TRUE(std::none_of(graph.notes.begin(), graph.notes.end(), [](const std::string &note) {
        return note.find("Partial") != std::string::npos;
    }));
}

TEST(GraphCost, GapsAndUnmodelledOperatorsAreTold) {
    SmallModel model;
    model.input("x", DType::Float32, {-1, 3})
        .node("Relu", {"x"}, {"a"})
        .node("Mystery", {"a"}, {"b"})
        .node("Relu", {"b"}, {"c"});
    const Workload pass = passOf(GraphCost(model.build()), batchOf(2));
    EXPECT_EQ(pass.operators.size(), 1u);
    EXPECT_THAT(pass.notes,
                testing::Contains(testing::AllOf(HasSubstr("Partial: 2 nodes"), HasSubstr("Mystery"))));
    SmallModel determinant;
    determinant.input("x", DType::Float32, {-1, 3}).node("ThresholdedRelu", {"x"}, {"a"});
    EXPECT_THAT(passOf(GraphCost(determinant.build()), batchOf(2)).notes,
                testing::Contains(HasSubstr("ThresholdedRelu")));
}

TEST(GraphCost, StagesWithACacheAreRefused) {
    const GraphCost cost(smallNetwork().build());
    WorkloadRequest request = batchOf(1);
    request.stage = Stage::Decode;
    const auto decode = cost.workload(request, {});
    ASSERT_FALSE(decode);
    EXPECT_THAT(decode.error().message, HasSubstr("config.json"));
    request.stage = Stage::Inference;
    request.compatible = true;
    EXPECT_FALSE(cost.workload(request, {}));
}

// The sample's tables of rotations end at 256 positions.
TEST(GraphCost, SequencesThatTheModelDoesNotTakeAreToldAndBoundTheSearch) {
    FindingList findings;
    const auto model = openModel(std::filesystem::path(QS_SAMPLE_DATA) / "tiny-llama.onnx", findings, {});
    ASSERT_TRUE(model);
    const GraphCost cost(*model);
    WorkloadRequest request = batchOf(1);
    request.sequence = 300;
    const auto refused = cost.workload(request, {});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("300 tokens"));
    request.sequence = 64;
    const auto fit = largestThatFits(cost, request, FitDimension::Sequence, 1e12, {});
    ASSERT_TRUE(fit) << fit.error().text();
    EXPECT_EQ(fit->value, 256);
    EXPECT_TRUE(fit->byModel);
    request.sequence = 100;
    const double usable = passOf(cost, request).memory.total();
    const auto small = largestThatFits(cost, request, FitDimension::Sequence, usable, {});
    EXPECT_EQ(small->value, 100);
    EXPECT_FALSE(small->byModel);
}

TEST(GraphCost, HugeBatchesStayFinite) {
    FindingList findings;
    const auto model = openModel(std::filesystem::path(QS_SAMPLE_DATA) / "tiny-llama.onnx", findings, {});
    ASSERT_TRUE(model);
    WorkloadRequest request = batchOf(kMostBatch);
    request.sequence = 256;
    for (const OperatorWork &work : passOf(GraphCost(*model), request).operators)
        EXPECT_TRUE(std::isfinite(work.operations) && std::isfinite(work.bytes.total())) << work.name;
}

TEST(GraphCost, WeightsWithoutAGraphHaveNone) {
    GraphBuilder builder;
    builder.setOpset(std::string(kWeightsOnlyDomain), 1);
    auto model = std::make_shared<Model>();
    model->graph = *std::move(builder).finish();
    const auto study = studyRoofline(GraphCost(model), {}, {}, {});
    ASSERT_FALSE(study);
    EXPECT_EQ(study.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(study.error().message, testing::HasSubstr("without a graph"));
}

} // namespace
} // namespace qs
