#include "core/figure/roofline_bars.h"
#include "core/figure/roofline_figure.h"
#include "core/hardware/transformer_cost.h"
#include "tests/support/temp_dir.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

HardwareProfile device() {
    HardwareProfile device;
    device.id = device.name = "some";
    device.bytesPerSecond = 1e12;
    device.memoryBytes = 24e9;
    device.peaks = {{ComputeType::Fp32, 1e13}, {ComputeType::Fp16, 1e14}, {ComputeType::Int8, 2e14}};
    device.verifiedFields = {"memory_bandwidth_gbs", "peak_dense_tops.fp16"};
    return device;
}

std::shared_ptr<const RooflineStudy> study(std::vector<PrecisionPlan> plans) {
    StudyRequest request;
    request.base.stage = Stage::Decode;
    request.base.sequence = 128;
    request.plans = std::move(plans);
    const auto network = readNetworkConfig(std::filesystem::path(QS_SAMPLE_DATA) / "tiny-llama/config.json");
    EXPECT_TRUE(network);
    auto made = studyRoofline(TransformerCost(*network), device(), request, {});
    EXPECT_TRUE(made);
    return std::make_shared<const RooflineStudy>(std::move(*made));
}

PrecisionPlan eightBit() {
    UniformPrecision eight;
    eight.weightBits = eight.activationBits = eight.cacheBits = 8;
    return uniformPlan("W8 A8", eight);
}

TEST(RooflineFigure, AxesHoldEveryPointAndRidge) {
    const auto both = study({uniformPlan("FP16", {}), eightBit()});
    const RooflineRange range = rooflineRange(*both);
    for (const PrecisionStudy &precision : both->precisions)
        for (const OperatorCost &cost : precision.line.operators)
            if (cost.intensity > 0) {
                EXPECT_GT(cost.intensity, range.leastIntensity);
                EXPECT_LT(cost.intensity, range.mostIntensity);
                EXPECT_GT(cost.operationsPerSecond, range.leastRate);
                EXPECT_LT(cost.operationsPerSecond, range.mostRate);
            }
    EXPECT_GT(range.mostIntensity, 200); // the ridge of int8
    EXPECT_GT(range.mostRate, 2e14);
}

TEST(RooflineFigure, RoofsAreThoseInUseAndSayWhatIsUnverified) {
    const auto both = study({uniformPlan("FP16", {}), eightBit()});
    std::map<std::string, bool> roofs;
    for (const NamedRoof &roof : usedRoofs(*both))
        roofs[roof.name] = roof.verified;
    EXPECT_EQ(roofs, (std::map<std::string, bool>{
                         {"fp16 matrix", true}, {"fp32 vector", false}, {"int8 matrix", false}}));
    EXPECT_EQ(usedRoofs(*study({uniformPlan("FP16", {})})).size(), 2u);
    EXPECT_THAT(unverifiedText(device()),
                testing::AllOf(testing::HasSubstr("memory_gb"), testing::HasSubstr("peak_dense_tops.int8"),
                               testing::Not(testing::HasSubstr("fp16"))));
}

TEST(RooflineFigure, BarsAddUp) {
    const auto single = study({uniformPlan("FP16", {})});
    const Roofline &line = single->precisions[0].line;
    double seconds = 0, bytes = 0;
    for (const BarPart &part : timeParts(line))
        seconds += part.value;
    for (const BarPart &part : memoryParts(line))
        bytes += part.value;
    EXPECT_NEAR(seconds, line.seconds, 1e-9 * line.seconds);
    EXPECT_NEAR(bytes, line.memory.total(), 1e-3);
}

TEST(RooflineFigure, IsDrawnInEveryFormatAlsoWithoutAnyOperator) {
    const TempDir folder;
    auto empty = std::make_shared<RooflineStudy>();
    for (const auto &shown :
         {study({uniformPlan("FP16", {}), eightBit()}), std::shared_ptr<const RooflineStudy>(empty)})
        for (const char *name : {"x.png", "x.svg", "x.pdf"}) {
            const Status written = writeFigure(*makeRooflineFigure(shown), {}, folder.path() / name);
            EXPECT_TRUE(written) << (written ? "" : written.error().text());
        }
}

} // namespace
} // namespace qs
