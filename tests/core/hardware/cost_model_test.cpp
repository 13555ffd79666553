#include "core/hardware/roofline_study.h"
#include "tests/core/hardware/configs.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

HardwareProfile simpleDevice() {
    HardwareProfile device;
    device.id = device.name = "simple";
    device.bytesPerSecond = 100;
    device.memoryBytes = 1000;
    device.peaks = {{ComputeType::Fp32, 10}, {ComputeType::Fp16, 1000}};
    return device;
}

OperatorWork matrixWork(double operations, double bytes) {
    OperatorWork work;
    work.name = "product";
    work.operations = operations;
    work.bytes.activationsIn = bytes;
    work.matrix = true;
    return work;
}

OperatorCost costOf(const OperatorWork &work, const DeviceUse &use = {}) {
    Workload pass;
    pass.operators = {work};
    const auto line = costOnDevice(pass, simpleDevice(), use);
    EXPECT_TRUE(line);
    return line->operators.front();
}

TEST(CostModel, TimeIsTheLongerOfComputingAndMoving) {
    const OperatorCost memory = costOf(matrixWork(500, 100)); // 0.5 s and 1 s
    EXPECT_DOUBLE_EQ(memory.seconds, 1);
    EXPECT_EQ(memory.bound, Bound::Memory);
    EXPECT_DOUBLE_EQ(memory.intensity, 5);
    EXPECT_DOUBLE_EQ(memory.operationsPerSecond, 500);
    EXPECT_DOUBLE_EQ(memory.ridge(), 10);
    const OperatorCost compute = costOf(matrixWork(2000, 100)); // 2 s and 1 s
    EXPECT_DOUBLE_EQ(compute.seconds, 2);
    EXPECT_EQ(compute.bound, Bound::Compute);
    EXPECT_DOUBLE_EQ(compute.operationsPerSecond, 1000);
}

TEST(CostModel, EfficienciesAndOverheadCount) {
    const OperatorCost cost = costOf(matrixWork(2000, 100), {0.5, 0.8, 0.25, 0.9});
    EXPECT_DOUBLE_EQ(cost.seconds, 4.25);
    EXPECT_DOUBLE_EQ(cost.ridge(), 500.0 / 80);
    OperatorWork repeated = matrixWork(2000, 100);
    repeated.repeats = 3;
    EXPECT_DOUBLE_EQ(costOf(repeated).seconds, 6);
    Workload empty;
    EXPECT_FALSE(costOnDevice(empty, simpleDevice(), {0, 1, 0, 1}));
    EXPECT_FALSE(costOnDevice(empty, simpleDevice(), {1, 1.5, 0, 1}));
    EXPECT_FALSE(costOnDevice(empty, simpleDevice(), {1, 1, -1, 1}));
    EXPECT_FALSE(costOnDevice(empty, simpleDevice(), {1, 1, NAN, 1}));
}

TEST(CostModel, OtherOperatorsRunAtTheVectorRate) {
    OperatorWork norm = matrixWork(30, 100);
    norm.matrix = false;
    EXPECT_DOUBLE_EQ(costOf(norm).seconds, 3); // 30 operations at 10/s, not at the 1000/s of the matrix units
    OperatorWork copy;
    copy.bytes.activationsOut = 50;
    EXPECT_DOUBLE_EQ(costOf(copy).seconds, 0.5);
    EXPECT_EQ(costOf(copy).bound, Bound::Memory);
}

TEST(CostModel, WidthWithoutARateNamesDeviceAndOperator) {
    Workload pass;
    pass.operators = {matrixWork(1, 1)};
    HardwareProfile npu = simpleDevice();
    npu.peaks = {{ComputeType::Int8, 10}};
    const auto line = costOnDevice(pass, npu, {});
    ASSERT_FALSE(line);
    EXPECT_EQ(line.error().where, "product");
    EXPECT_THAT(line.error().message, testing::HasSubstr("simple"));
}

/// Memory: 100 + 10 · batch · sequence.
class FakeSource final : public CostSource {
public:
    std::string name() const override { return "fake"; }
    std::vector<Stage> stages() const override { return {Stage::Inference}; }
    bool takesBatch() const override { return true; }
    bool takesSequence() const override { return true; }
    Result<Workload> workload(const WorkloadRequest &request, const RunContext &) const override {
        Workload pass;
        pass.memory.weights = 100;
        pass.memory.activations = 10.0 * static_cast<double>(request.batch * request.sequence);
        return pass;
    }
};

TEST(LargestThatFits, FindsTheBorderExactly) {
    const FakeSource source;
    WorkloadRequest request;
    request.sequence = 7;
    const auto batch = [&](double bytes) {
        return largestThatFits(source, request, FitDimension::Batch, bytes, {})->value;
    };
    EXPECT_EQ(batch(169), 0); // 100 + 70 is the least
    EXPECT_EQ(batch(170), 1);
    EXPECT_EQ(batch(239), 1);
    EXPECT_EQ(batch(240), 2);
    EXPECT_EQ(batch(100 + 70 * 1000.5), 1000);
    request.batch = 4;
    EXPECT_EQ(largestThatFits(source, request, FitDimension::Sequence, 100 + 40 * 333, {})->value, 333);
    const auto unlimited = largestThatFits(source, request, FitDimension::Batch, 1e30, {});
    EXPECT_EQ(unlimited->value, kMostBatch);
    EXPECT_TRUE(unlimited->atLimit);
}

TEST(RooflineStudy, ComparesPrecisionsAndFindsWhatFits) {
    HardwareProfile device = simpleDevice();
    device.bytesPerSecond = 1e12;
    device.memoryBytes = 24e9;
    device.peaks = {{ComputeType::Fp32, 1e13}, {ComputeType::Fp16, 1e14}, {ComputeType::Int8, 2e14}};
    StudyRequest request;
    request.base.stage = Stage::Decode;
    request.base.batch = 1;
    request.base.sequence = 2048;
    UniformPrecision four;
    four.weightBits = 4;
    request.plans = {uniformPlan("FP16", {}), uniformPlan("W4A16", four)};
    const TransformerCost source(describe(llama2Small()));
    const auto study = studyRoofline(source, device, request, {});
    ASSERT_TRUE(study) << study.error().text();
    ASSERT_EQ(study->precisions.size(), 2u);
    const PrecisionStudy &fp16 = study->precisions[0], &w4 = study->precisions[1];
    // Decode is bound by memory: a quarter of the weights takes about a quarter of the time.
    EXPECT_GT(fp16.line.seconds / w4.line.seconds, 3);
    EXPECT_LT(fp16.line.seconds / w4.line.seconds, 16 / 4.125);
    EXPECT_NEAR(w4.throughput, 1 / w4.line.seconds, 1e-9);
    // 24 GB × 0.9 hold 13.48 GB of FP16 weights and 0.5 MiB of cache a token: (21.6e9 − 13.48e9) / 524288
    // ≈ 15.5 k tokens.
    EXPECT_NEAR(static_cast<double>(fp16.sequence->value), (21.6e9 - fp16.line.memory.weights) / 524288.0,
                20);
    EXPECT_GT(w4.sequence->value, 2 * fp16.sequence->value);
    // What fits, fits, and one more does not.
    WorkloadRequest border = request.base;
    border.plan = request.plans[0];
    border.batch = fp16.batch->value;
    EXPECT_LE(source.workload(border, {})->memory.total(), 21.6e9);
    ++border.batch;
    EXPECT_GT(source.workload(border, {})->memory.total(), 21.6e9);
    const auto report = rooflineReport(*study);
    EXPECT_EQ(report["precisions"].size(), 2u);
    EXPECT_EQ(report["corrected_defects"].size(), 11u);
    EXPECT_EQ(report.dump(), rooflineReport(*studyRoofline(source, device, request, {})).dump());
}

TEST(RooflineStudy, PrecisionThatCannotBeModelledLeavesTheOthers) {
    HardwareProfile npu = simpleDevice();
    npu.peaks = {{ComputeType::Int8, 1e13}};
    StudyRequest request;
    UniformPrecision eight;
    eight.weightBits = eight.activationBits = 8;
    request.plans = {uniformPlan("FP16", {}), uniformPlan("W8A8", eight)};
    const auto study = studyRoofline(TransformerCost(describe(llama2Small())), npu, request, {});
    ASSERT_TRUE(study);
    EXPECT_TRUE(study->precisions[0].failure);
    EXPECT_FALSE(study->precisions[1].failure);
    EXPECT_THAT(study->precisions[1].line.notes, testing::Contains(testing::HasSubstr("fp32")));
    EXPECT_TRUE(rooflineReport(*study)["precisions"][0].contains("error"));
}

} // namespace
} // namespace qs
