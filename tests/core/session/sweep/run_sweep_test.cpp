#include "tests/core/session/sweep/sweep_fixtures.h"
#include "tests/support/temp_dir.h"

#include "core/analysis/evaluator.h"
#include "core/io/importer.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

using testing::HasSubstr;
using State = SweepRecord::State;

const auto kFine = [](const QuantizeRequest &) { return Status(); };

struct SweepTest : testing::Test {
    TempDir folder;
    std::filesystem::path file = folder.path() / "sweep.json";
    FindingList findings;

    SweepSummary sweep(const SweepPlan &plan, const std::shared_ptr<const MethodRegistry> &methods) {
        auto summary = runSweep(plan, file, methods, {}, findings, {});
        EXPECT_TRUE(summary) << (summary ? "" : summary.error().text());
        return summary ? *summary : SweepSummary{std::make_shared<SweepResults>(), 0, 0};
    }
};

TEST_F(SweepTest, ResultsAreThoseOfARunOfTheSameRecipe) {
    const auto methods = registryWith({});
    const SweepPlan plan = smallPlan({"rtn"}, {4});
    const SweepSummary summary = sweep(plan, methods);
    ASSERT_EQ(summary.results->records.size(), 1u);
    const SweepRecord &record = summary.results->records.front();

    RunRequest request;
    request.model = *openModel(plan.models.front().model, findings, {});
    request.executor = *Executor::create(request.model);
    request.calibration = *CalibrationSet::open(plan.models.front().calibration, {});
    request.evaluation = *CalibrationSet::open(plan.models.front().evaluation, {});
    request.methods = methods;
    request.recipe = record.job.recipe;
    request.calibrationSamples = 8;
    request.evaluationSamples = 16;
    request.measureInNetwork = false;
    const auto run = executeRun(request, {}, findings, {});
    ASSERT_TRUE(run);
    EXPECT_EQ(record.value("effective_bits"), (*run)->effectiveBits());
    for (const char *id : {"sqnr", "kl", "top1", "weight_sqnr_db"})
        EXPECT_EQ(record.value(id), findRunFigure(id)->valueOf(**run)) << id;
    const SweepModel &model = summary.results->models.front();
    EXPECT_EQ(model.taskMetric, "top1");
    EXPECT_EQ(model.baseline.at("top1"), metricValue(*(*run)->baseline, Metric::Top1));
    EXPECT_EQ(model.sha256, request.model->sha256);
    EXPECT_EQ(model.calibration.samples, 8);
    EXPECT_EQ(model.evaluation.samples, 16);
}

TEST_F(SweepTest, SecondCallRunsOnlyWhatIsMissing) {
    std::atomic<int> layers{0};
    const auto count = [&](const QuantizeRequest &) {
        ++layers;
        return Status();
    };
    const auto methods = registryWith({std::make_shared<FakeMethod>("fake", "1", count)});
    EXPECT_EQ(sweep(smallPlan({"fake"}, {8}), methods).ran, 1);
    const int perJob = layers;
    EXPECT_GT(perJob, 0);
    const SweepSummary second = sweep(smallPlan({"fake"}, {8, 4}), methods);
    EXPECT_EQ(second.planned, 2);
    EXPECT_EQ(second.ran, 1);
    EXPECT_EQ(layers, 2 * perJob);
    EXPECT_EQ(second.results->records.size(), 2u);
    EXPECT_EQ(sweep(smallPlan({"fake"}, {8, 4}), methods).ran, 0);
    EXPECT_EQ(layers, 2 * perJob);
}

TEST_F(SweepTest, AnotherVersionOfTheMethodRunsAgain) {
    sweep(smallPlan({"fake"}, {8}), registryWith({std::make_shared<FakeMethod>("fake", "1", kFine)}));
    const auto newer = registryWith({std::make_shared<FakeMethod>("fake", "2", kFine)});
    const SweepSummary summary = sweep(smallPlan({"fake"}, {8}), newer);
    EXPECT_EQ(summary.ran, 1);
    ASSERT_EQ(summary.results->records.size(), 1u);
    EXPECT_EQ(summary.results->records.front().methodVersions.at("fake"), "2");
}

TEST_F(SweepTest, RefusalIsARecordWithItsReason) {
    const auto refuse = [](const QuantizeRequest &) { return Support{false, "needs 3 bits"}; };
    const auto methods = registryWith({std::make_shared<FakeMethod>("fake", "1", kFine, refuse)});
    const SweepSummary summary = sweep(smallPlan({"fake", "rtn"}, {4}), methods);
    const SweepRecord &record = summary.results->records.front();
    EXPECT_EQ(record.state, State::NotApplicable);
    EXPECT_THAT(record.reason, HasSubstr("needs 3 bits"));
    EXPECT_TRUE(record.values.empty()) << "a float network is no result of the method";
    EXPECT_EQ(summary.results->records.back().state, State::Done);
    EXPECT_EQ(sweep(smallPlan({"fake"}, {4}), methods).ran, 0) << "it will be refused again";
}

TEST_F(SweepTest, LayersThatStayInFloatAreCounted) {
    const auto onlySmall = [](const QuantizeRequest &request) {
        return request.weights.cols < 20 ? Support{} : Support{false, "is too wide"};
    };
    const auto methods = registryWith({std::make_shared<FakeMethod>("fake", "1", kFine, onlySmall)});
    const SweepSummary summary = sweep(smallPlan({"fake"}, {4}), methods);
    const SweepRecord &record = summary.results->records.front();
    EXPECT_EQ(record.state, State::Partial);
    EXPECT_GT(record.floatLayers, 0);
    EXPECT_LT(record.floatLayers, record.layers);
    EXPECT_THAT(record.reason, HasSubstr(std::to_string(record.floatLayers) + " of "));
    EXPECT_THAT(record.reason, HasSubstr("is too wide"));
    EXPECT_TRUE(record.value("top1"));
}

TEST_F(SweepTest, FailureIsKeptToldAndTriedAgain) {
    std::atomic<bool> broken{true};
    const auto look = [&](const QuantizeRequest &) -> Status {
        if (broken)
            return fail(ErrorCode::PluginFailure, "the plugin broke");
        return {};
    };
    const auto methods = registryWith({std::make_shared<FakeMethod>("fake", "1", look)});
    const SweepSummary first = sweep(smallPlan({"fake", "rtn"}, {4}), methods);
    EXPECT_EQ(first.results->records.front().state, State::Failed);
    EXPECT_THAT(first.results->records.front().reason, HasSubstr("the plugin broke"));
    EXPECT_EQ(first.results->records.back().state, State::Done) << "the sweep goes on";
    const auto told = findings.snapshot();
    EXPECT_TRUE(std::any_of(told.begin(), told.end(), [](const FindingList::Entry &entry) {
        return entry.finding.severity == Severity::Error &&
               entry.finding.what.find("the plugin broke") != std::string::npos;
    }));
    broken = false;
    const SweepSummary second = sweep(smallPlan({"fake", "rtn"}, {4}), methods);
    EXPECT_EQ(second.ran, 1);
    EXPECT_EQ(second.results->records.front().state, State::Done);
}

TEST_F(SweepTest, CancelKeepsWhatIsFinishedAndResumes) {
    std::stop_source stop;
    SweepPlan plan = smallPlan({"rtn"}, {8, 6, 4, 3});
    plan.jobsAtOnce = 1;
    const auto stopAfterTwo = [&](const std::shared_ptr<const SweepResults> &results) {
        if (results->records.size() == 2)
            stop.request_stop();
    };
    RunContext ctx;
    ctx.stop = stop.get_token();
    const auto cancelled = runSweep(plan, file, registryWith({}), stopAfterTwo, findings, ctx);
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, ErrorCode::Cancelled);
    ASSERT_EQ(readSweep(file)->records.size(), 2u);
    const SweepSummary rest = sweep(plan, registryWith({}));
    EXPECT_EQ(rest.ran, 2);
    EXPECT_EQ(rest.results->records.size(), 4u);
}

/// Everything but times.
std::string figuresOf(const SweepResults &results) {
    SweepResults timeless = results;
    for (SweepRecord &record : timeless.records) {
        record.wallSeconds = 0;
        record.values.erase("seconds");
    }
    return sweepToJson(timeless).dump();
}

TEST_F(SweepTest, FiguresAndOrderDoNotDependOnJobsAtOnce) {
    SweepPlan plan = smallPlan({"rtn"}, {8, 6, 4, 3});
    plan.jobsAtOnce = 1;
    const std::string one = figuresOf(*sweep(plan, registryWith({})).results);
    file = folder.path() / "other.json";
    plan.jobsAtOnce = 4;
    EXPECT_EQ(figuresOf(*sweep(plan, registryWith({})).results), one);
}

TEST_F(SweepTest, ResultsOnOtherDataAreNotMixed) {
    SweepPlan plan = smallPlan({"rtn"}, {4});
    sweep(plan, registryWith({}));
    const std::string before = readFile(file);
    plan.evaluationSamples = 32;
    const auto mixed = runSweep(plan, file, registryWith({}), {}, findings, {});
    ASSERT_FALSE(mixed);
    EXPECT_THAT(mixed.error().text(), HasSubstr("16 samples"));
    EXPECT_THAT(mixed.error().text(), HasSubstr("32 samples"));
    EXPECT_EQ(readFile(file), before);
}

TEST_F(SweepTest, FileThatIsSomethingElseStaysAsItIs) {
    folder.write("sweep.json", "{\"my\": \"notes\"}");
    const auto refused = runSweep(smallPlan({"rtn"}, {4}), file, registryWith({}), {}, findings, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::CorruptFile);
    EXPECT_EQ(readFile(file), "{\"my\": \"notes\"}");
}

TEST_F(SweepTest, SetThatOnlyItsNameSuggestsMayNotFit) {
    SweepPlan plan = smallPlan({"rtn"}, {8});
    plan.models = {modelFiles(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-cnn.onnx")};
    plan.models.front().evaluation = std::filesystem::path(QS_SAMPLE_DATA) / "tiny-llama-eval.h5";
    EXPECT_EQ(sweep(plan, registryWith({})).results->models.front().evaluation.file, "glyph-calib.h5");
    plan.models.front().dataFoundByName = false;
    EXPECT_FALSE(runSweep(plan, folder.path() / "b.json", registryWith({}), {}, findings, {}));
}

} // namespace
} // namespace qs
