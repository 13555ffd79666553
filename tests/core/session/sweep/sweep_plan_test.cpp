#include "tests/core/session/sweep/sweep_fixtures.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(SweepJobs, AreTheProductOnceEach) {
    SweepPlan plan = smallPlan({"rtn", "rtn"}, {8, 4, 8});
    plan.activationBits = {0, 8};
    plan.slices = {{}, {Granularity::PerGroup, 32}};
    const auto jobs = sweepJobs(plan, *registryWith({}));
    ASSERT_TRUE(jobs) << jobs.error().text();
    ASSERT_EQ(jobs->size(), 2u * 2u * 2u);
    EXPECT_EQ(weightBits(jobs->front().recipe), 8);
    EXPECT_EQ(activationBits(jobs->front().recipe), 0);
    EXPECT_EQ(sliceText(slices(jobs->front().recipe)), "channel");
    EXPECT_EQ(weightBits(jobs->back().recipe), 4);
    EXPECT_EQ(activationBits(jobs->back().recipe), 8);
    EXPECT_EQ(sliceText(slices(jobs->back().recipe)), "groups of 32");
}

TEST(SweepJobs, PlanThatCannotRunIsRefusedBeforeItStarts) {
    const auto refusal = [](const SweepPlan &plan) {
        const auto jobs = sweepJobs(plan, *registryWith({}));
        return jobs ? std::string("accepted") : jobs.error().text();
    };
    SweepPlan plan = smallPlan({}, {4});
    EXPECT_THAT(refusal(plan), HasSubstr("method"));
    plan.methods = {"nonsense"};
    EXPECT_THAT(refusal(plan), HasSubstr("quantizer: rtn"));
    plan.methods = {"rtn"};
    plan.bits = {4, 17};
    EXPECT_THAT(refusal(plan), HasSubstr("17"));
    plan.bits = {4};
    plan.models.push_back(plan.models.front());
    EXPECT_THAT(refusal(plan), HasSubstr("two models"));
    plan.models.clear();
    EXPECT_THAT(refusal(plan), HasSubstr("model"));
}

TEST(ExpandedMethods, AllStandsForEveryMethod) {
    const auto fine = [](const QuantizeRequest &) { return Status(); };
    const auto methods = registryWith({std::make_shared<FakeMethod>("fake", "1", fine)});
    EXPECT_THAT(expandedMethods({"all"}, *methods).value(), ElementsAre("rtn", "fake"));
    EXPECT_FALSE(expandedMethods({"rtn", "nonsense"}, *methods));
}

TEST(ModelFiles, FindsDataByNameAndByFamily) {
    const std::filesystem::path samples = QS_SAMPLE_DATA;
    const ModelFiles vit = modelFiles(samples / "glyph-vit.onnx");
    EXPECT_EQ(vit.name, "glyph-vit");
    EXPECT_EQ(vit.calibration.filename(), "glyph-calib.h5");
    EXPECT_EQ(vit.evaluation.filename(), "glyph-eval.h5");
    EXPECT_EQ(modelFiles(samples / "glyph-dit.onnx").calibration.filename(), "glyph-dit-calib.h5");
    EXPECT_TRUE(modelFiles("/nowhere/model.onnx").calibration.empty());
}

} // namespace
} // namespace qs
