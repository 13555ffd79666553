#include "core/base/json_text.h"
#include "core/hardware/roofline_study.h"
#include "tests/core/hardware/configs.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

using nlohmann::json;

constexpr double kTolerance = 1e-6; // relative, as the golden file says

void expectNear(double value, double expected, const std::string &what) {
    EXPECT_NEAR(value, expected, kTolerance * std::abs(expected)) << what;
}

HardwareProfile deviceOf(const json &hw) {
    HardwareProfile device;
    device.name = "golden";
    device.bytesPerSecond = hw["bandwidth"];
    device.peaks = {{ComputeType::Fp16, hw["FP16"]}, {ComputeType::Int8, hw["INT8"]}};
    device.registerBytes = hw["onchip_buffer"].get<double>();
    return device;
}

json withFamily(json config) {
    config["model_type"] = "llama";
    return config;
}

PrecisionPlan compatiblePlan(double weight, double activation, double cache) {
    UniformPrecision precision;
    precision.weightBits = weight;
    precision.activationBits = activation;
    precision.cacheBits = cache;
    return uniformPlan("golden", precision);
}

WorkloadRequest compatibleRequest(Stage stage, std::int64_t batch, std::int64_t sequence,
                                  PrecisionPlan plan) {
    WorkloadRequest request;
    request.stage = stage;
    request.batch = batch;
    request.sequence = sequence;
    request.plan = std::move(plan);
    request.compatible = true;
    return request;
}

void compareOperator(const OperatorCost &cost, const json &golden, const std::string &where) {
    const Traffic &bytes = cost.work.bytes;
    expectNear(cost.work.operations, golden["OPs"], where + " OPs");
    expectNear(bytes.weights, golden["load_weight"], where + " load_weight");
    expectNear(bytes.activationsIn, golden["load_act"], where + " load_act");
    expectNear(bytes.activationsOut, golden["store_act"], where + " store_act");
    expectNear(bytes.cacheIn, golden["load_kv_cache"], where + " load_kv_cache");
    expectNear(bytes.cacheOut, golden["store_kv_cache"], where + " store_kv_cache");
    expectNear(bytes.total(), golden["memory_access"], where + " memory_access");
    expectNear(cost.seconds / cost.work.repeats, golden["inference_time"], where + " inference_time");
    EXPECT_EQ(boundName(cost.bound), golden["bound"].get<std::string>()) << where;
}

void compareTotals(const Roofline &line, const json &golden, const std::string &where) {
    expectNear(line.operations, golden["OPs"], where + " OPs");
    expectNear(line.bytes.total(), golden["memory_access"], where + " memory_access");
    expectNear(line.bytes.weights, golden["load_weight"], where + " load_weight");
    expectNear(line.bytes.activationsIn, golden["load_act"], where + " load_act");
    expectNear(line.bytes.activationsOut, golden["store_act"], where + " store_act");
    expectNear(line.bytes.cacheIn, golden["load_kv_cache"], where + " load_kv_cache");
    expectNear(line.bytes.cacheOut, golden["store_kv_cache"], where + " store_kv_cache");
    expectNear(line.seconds, golden["inference_time"], where + " inference_time");
    expectNear(line.memory.total(), golden["memory_consumption"], where + " memory_consumption");
    expectNear(line.memory.activations, golden["memory_consumption_tmp_act"], where + " tmp_act");
    expectNear(line.memory.weights, golden["memory_consumption_weight"], where + " weight");
    expectNear(line.memory.cache, golden["memory_consumption_kv_cache"], where + " kv_cache");
}

TEST(LlmViewer, CompatibleModeReproducesEveryGoldenNumber) {
    const auto golden = readJsonFile(std::filesystem::path(QS_TEST_DATA) / "hardware/llm_viewer.json");
    ASSERT_TRUE(golden) << golden.error().text();
    int compared = 0;
    for (const json &reference : (*golden)["cases"]) {
        const NetworkDescription network = describe(withFamily(reference["config"]));
        const json &args = reference["args"];
        for (const Stage stage : {Stage::Prefill, Stage::Decode}) {
            const WorkloadRequest request =
                compatibleRequest(stage, args["batchsize"], args["seqlen"],
                                  compatiblePlan(args["w_bit"], args["a_bit"], args["kv_bit"]));
            const auto line = costOnDevice(passOf(network, request), deviceOf(reference["hw"]), {});
            ASSERT_TRUE(line) << line.error().text();
            const std::string where = reference["model"].get<std::string>() + ' ' + stageName(stage);
            const json &operators = reference["results"][stageName(stage)];
            EXPECT_EQ(line->operators.size(), operators.size()) << where;
            for (const OperatorCost &cost : line->operators)
                compareOperator(cost, operators.at(cost.work.name), where + ' ' + cost.work.name), ++compared;
            compareTotals(*line, reference["results"]["total_results"][stageName(stage)], where);
        }
    }
    EXPECT_EQ(compared, 4 * 2 * 16);
}

// The specification's table of an executed run with flash attention (A.8), to the digits it prints.
TEST(LlmViewer, CompatibleFusedAttentionReproducesTheExecutedRun) {
    HardwareProfile a6000;
    a6000.bytesPerSecond = 768e9;
    a6000.peaks = {{ComputeType::Fp16, 154.8385e12}, {ComputeType::Int8, 309.7e12}};
    struct Row {
        Stage stage;
        double operations, access, loadAct, storeAct, loadKv, seconds, memory;
        double fusedOperations, fusedAccess, fusedSeconds;
    };
    for (const Row &row : {Row{Stage::Prefill, 1.3820531e13, 3.0142438e10, 4.2110894e9, 7.8853555e9,
                               4.2949673e9, 0.10137662, 1.3735297e10, 17347641344, 276824064, 3.60448e-4},
                           Row{Stage::Decode, 1.3627556e10, 1.3763435e10, 4120576, 7764480, 5.3687091e8,
                               0.017921139, 1.3489122e10, 16941056, 16916480, 2.2026667e-5}}) {
        WorkloadRequest request = compatibleRequest(row.stage, 1, 1024, compatiblePlan(16, 16, 16));
        request.fusedAttention = true;
        request.onChipBytes = 21504e3;
        const Workload pass = passOf(describe(llama2Small()), request);
        const Roofline line = *costOnDevice(pass, a6000, {});
        const auto printed = [](double value, double expected) {
            EXPECT_NEAR(value, expected, 1e-7 * expected);
        };
        printed(line.operations, row.operations);
        printed(line.bytes.total(), row.access);
        printed(line.bytes.activationsIn, row.loadAct);
        printed(line.bytes.activationsOut, row.storeAct);
        printed(line.bytes.cacheIn, row.loadKv);
        printed(line.seconds, row.seconds);
        printed(line.memory.total(), row.memory);
        const OperatorWork &fused = operatorOf(pass, "fused_attention");
        EXPECT_EQ(fused.operations, row.fusedOperations);
        EXPECT_EQ(fused.bytes.total(), row.fusedAccess);
        EXPECT_NEAR(fused.bytes.total() / a6000.bytesPerSecond, row.fusedSeconds, 1e-7 * row.fusedSeconds);
    }
}

TEST(LlmViewer, CompatibleModeReproducesThe70bRun) {
    HardwareProfile h100;
    h100.bytesPerSecond = 3072e9;
    h100.peaks = {{ComputeType::Fp16, 989.5e12}, {ComputeType::Int8, 1979e12}};
    const auto line = [&](Stage stage) {
        return *costOnDevice(
            passOf(describe(llama2Large()), compatibleRequest(stage, 8, 2048, compatiblePlan(16, 16, 16))),
            h100, {});
    };
    const Roofline prefill = line(Stage::Prefill), decode = line(Stage::Decode);
    EXPECT_NEAR(prefill.operations, 2.332019e15, 1e-6 * 2.332019e15);
    EXPECT_NEAR(prefill.bytes.total(), 2.2016951e12, 1e-7 * 2.2016951e12);
    EXPECT_NEAR(prefill.seconds, 2.8008758, 1e-7 * 2.8008758);
    EXPECT_NEAR(prefill.memory.total(), 1.5515569e11, 1e-7 * 1.5515569e11);
    EXPECT_NEAR(decode.operations, 1.1407773e12, 1e-7 * 1.1407773e12);
    EXPECT_NEAR(decode.bytes.total(), 1.4380966e11, 1e-7 * 1.4380966e11);
    EXPECT_NEAR(decode.seconds, 0.04681304, 1e-7 * 0.04681304);
    EXPECT_NEAR(decode.memory.total(), 1.4227708e11, 1e-7 * 1.4227708e11);
}

TEST(LlmViewer, WhatTheOriginalCannotDoIsRefused) {
    const NetworkDescription network = describe(llama2Small());
    const auto refusal = [&](WorkloadRequest request) {
        const auto pass = TransformerCost(network).workload(request, {});
        EXPECT_FALSE(pass);
        return pass ? std::string() : pass.error().message;
    };
    WorkloadRequest request = compatibleRequest(Stage::Inference, 1, 64, compatiblePlan(16, 16, 16));
    EXPECT_THAT(refusal(request), testing::HasSubstr("prefill and decode"));
    request.stage = Stage::Prefill;
    request.fusedAttention = true; // and the device does not say how large its register files are
    EXPECT_THAT(refusal(request), testing::HasSubstr("register_file_kb"));
    request.fusedAttention = false;
    request.plan.uniform = false;
    EXPECT_THAT(refusal(request), testing::HasSubstr("one width"));
}

} // namespace
} // namespace qs
