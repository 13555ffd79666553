// Jobs that calibrate under a limit: the same results bit for bit, less memory, and the truth about it.
#include "core/analysis/quantize_layer.h"
#include "core/exec/capture_memory.h"
#include "core/io/importer.h"
#include "core/session/project_json.h"
#include "core/session/project_prepared.h"
#include "core/session/recipe_network.h"
#include "core/session/sensitivity_run.h"
#include "core/session/sweep/run_sweep.h"
#include "tests/core/exec/linear_chain.h"
#include "tests/core/exec/memory_set.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/resident_peak.h"
#include "tests/support/temp_dir.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

using testing::HasSubstr;

const std::filesystem::path kSamples = QS_SAMPLE_DATA;

struct Sample {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Executor> executor;
    std::shared_ptr<const CalibrationSet> set;
};

Sample chain(std::int64_t width, int layers) {
    const auto model = linearChain(width, layers);
    return {model, *Executor::create(model), std::make_shared<MemorySet>(normalValues(70, width, 5))};
}

Sample openSample(const std::string &name, const std::string &data) {
    FindingList findings;
    const auto model = *openModel(kSamples / name, findings, {});
    return {model, *Executor::create(model), *CalibrationSet::open(kSamples / data, {})};
}

Recipe recipeOf(const std::string &method, const std::vector<std::string> &transforms = {}) {
    WeightChoice weights;
    weights.method = method;
    weights.scheme.grid.bits = 3;
    Recipe recipe = uniformRecipe(method, weights, {});
    for (const std::string &transform : transforms)
        recipe.transforms.push_back({".*", {transform, nlohmann::json::object()}});
    return recipe;
}

struct MemoryLimitTest : testing::Test {
    FindingList findings;
    std::shared_ptr<const MethodRegistry> methods = test::bundledMethods(findings);

    /// Enough for everything but the Hessians, and for these many of the largest of them.
    std::int64_t limitFor(const Sample &sample, std::int64_t samples, std::int64_t hessians) const {
        CaptureOptions options;
        options.maxSamples = samples;
        const auto batch = *batchShapes(*sample.model, *sample.set, options);
        std::int64_t largest = 0, room = 0;
        for (const Layer &layer : sample.model->layers)
            if (layer.kind != LayerKind::Embedding) {
                const std::int64_t own = hessianRoom(*sample.model, {{layer.id}});
                largest = std::max(largest, layer.groups * layer.inPerOut * layer.inPerOut * 8);
                room = std::max(room, own);
            }
        return planCaptureMemory(*sample.model, options, batch, {})->total() + room +
               (hessians - 1) * largest;
    }
    std::string told(const char *part) const {
        std::string text;
        for (const FindingList::Entry &entry : findings.snapshot())
            if (entry.finding.what.find(part) != std::string::npos)
                text += entry.finding.what + "\n";
        return text;
    }
    SensitivityRequest sensitivity(const Sample &sample, const Recipe &recipe) const {
        SensitivityRequest request{sample.model, sample.executor, sample.set, sample.set,
                                   nullptr,      methods,         {}};
        request.options.recipe = recipe;
        request.options.bits = {3, 4};
        request.options.samples = 16;
        return request;
    }
    RunRequest run(const Sample &sample, const Recipe &recipe) const {
        RunRequest request;
        request.model = sample.model;
        request.executor = sample.executor;
        request.calibration = sample.set;
        request.methods = methods;
        request.recipe = recipe;
        request.calibrationSamples = request.evaluationSamples = 16;
        request.measureInNetwork = false;
        return request;
    }
    std::shared_ptr<const qs::Run> execute(const RunRequest &request) {
        auto run = executeRun(request, {}, findings, {});
        EXPECT_TRUE(run) << (run ? "" : run.error().text());
        return run ? *run : nullptr;
    }
    void expectKept(const CalibrationCost &cost, std::int64_t limit, std::int64_t groups) const {
        EXPECT_EQ(cost.limit, limit);
        EXPECT_EQ(cost.groups, groups);
        EXPECT_GT(cost.peakBytes, limit / 2);
        EXPECT_LE(cost.peakBytes, limit);
    }
};

TEST_F(MemoryLimitTest, SensitivityInGroupsGivesTheSameTable) {
    const Sample sample = chain(96, 6);
    SensitivityRequest request = sensitivity(sample, recipeOf("gptq"));
    const auto free = runSensitivity(request, {}, findings, {});
    ASSERT_TRUE(free) << free.error().text();
    EXPECT_EQ((*free)->calibrationCost.passes, 1);
    EXPECT_EQ(told("Calibration held"), "");
    request.memoryLimit = limitFor(sample, 0, 2);
    const auto kept = runSensitivity(request, {}, findings, {});
    ASSERT_TRUE(kept) << kept.error().text();
    EXPECT_EQ(sensitivityToJson(**kept, *sample.model), sensitivityToJson(**free, *sample.model));
    expectKept((*kept)->calibrationCost, request.memoryLimit, 3);
    EXPECT_EQ((*kept)->calibrationCost.passes, 3);
    EXPECT_THAT(told("Calibration held"), HasSubstr("in 3 passes: 3 groups of layers"));
}

TEST_F(MemoryLimitTest, OnlyLayersThatAreMeasuredAreCalibrated) {
    const Sample sample = chain(96, 6);
    SensitivityRequest request = sensitivity(sample, recipeOf("gptq"));
    request.options.layers = {1, 4};
    request.memoryLimit = limitFor(sample, 0, 2);
    const auto kept = runSensitivity(request, {}, findings, {});
    ASSERT_TRUE(kept) << kept.error().text();
    EXPECT_EQ((*kept)->calibrationCost.groups, 0) << "two Hessians fit at once";
    EXPECT_EQ((*kept)->calibrationCost.passes, 1);
}

TEST_F(MemoryLimitTest, TransformInGroupsGivesTheSameModel) {
    const Sample sample = chain(96, 6);
    Recipe recipe = recipeOf("rtn", {"awq"});
    recipe.transforms.front().method.parameters = {{"insert_operators", true}};
    PrepareRequest request{sample.model, sample.executor, sample.set, 0, methods, &recipe};
    const auto free = prepareModel(request, findings, {});
    ASSERT_TRUE(free) << free.error().text();
    ASSERT_FALSE(free->edits.empty());
    request.memoryLimit = limitFor(sample, 0, 2);
    const auto kept = prepareModel(request, findings, {});
    ASSERT_TRUE(kept) << kept.error().text();
    EXPECT_EQ(preparedHash(*kept, *sample.model), preparedHash(*free, *sample.model));
    expectKept(kept->calibrationCost, request.memoryLimit, 3);
    EXPECT_THAT(told("Calibration held"), HasSubstr("3 groups of layers"));
}

TEST_F(MemoryLimitTest, RunBehindATransformGivesTheSameReport) {
    const Sample sample = openSample("glyph-vit.onnx", "glyph-calib.h5");
    RunRequest request = run(sample, recipeOf("gptq", {"smoothquant", "awq"}));
    const auto free = execute(request);
    request.memoryLimit = limitFor(sample, 16, 2);
    const auto kept = execute(request);
    EXPECT_EQ(runReport(*kept).dump(), runReport(*free).dump());
    EXPECT_EQ(free->calibrationCost.passes, 3);
    EXPECT_GT(kept->calibrationCost.passes, 6);
    EXPECT_GT(kept->calibrationCost.groups, 1);
    EXPECT_LE(kept->calibrationCost.peakBytes, request.memoryLimit);
}

TEST_F(MemoryLimitTest, TokenWeightsOfGroupsGiveTheSameReport) {
    const Sample sample = openSample("glyph-vit.onnx", "glyph-calib.h5");
    RunRequest request = run(sample, recipeOf("rsq"));
    const auto free = execute(request);
    request.memoryLimit = limitFor(sample, 16, 2);
    const auto kept = execute(request);
    EXPECT_EQ(runReport(*kept).dump(), runReport(*free).dump());
    EXPECT_GT(kept->calibrationCost.groups, 1);
}

/// Everything but times and notes.
std::string figuresOf(SweepResults results) {
    for (SweepRecord &record : results.records) {
        record.wallSeconds = 0;
        record.values.erase("seconds");
        record.notes.clear();
    }
    return sweepToJson(results).dump();
}

struct SweepLimitTest : MemoryLimitTest {
    TempDir folder;
    SweepPlan plan;
    Sample sample = openSample("glyph-vit.onnx", "glyph-calib.h5");

    SweepLimitTest() {
        plan.models = {modelFiles(kSamples / "glyph-vit.onnx")};
        plan.methods = {"rtn", "gptq", "smoothquant+gptq"};
        plan.bits = {3};
        plan.calibrationSamples = plan.evaluationSamples = 16;
    }
    SweepSummary sweep(const std::string &file) {
        auto summary = runSweep(plan, folder.path() / file, methods, {}, findings, {});
        EXPECT_TRUE(summary) << (summary ? "" : summary.error().text());
        return summary ? *summary : SweepSummary{std::make_shared<SweepResults>(), 0, 0, {}};
    }
};

TEST_F(SweepLimitTest, FiguresAreTheSame) {
    const SweepSummary free = sweep("free.json");
    plan.memoryLimit = limitFor(sample, 16, 2);
    const SweepSummary kept = sweep("kept.json");
    EXPECT_EQ(figuresOf(*kept.results), figuresOf(*free.results));
    EXPECT_GT(kept.calibrationCost.groups, 1);
    EXPECT_LE(kept.calibrationCost.peakBytes, plan.memoryLimit);
    ASSERT_EQ(kept.results->records.size(), 3U);
    for (const SweepRecord &record : kept.results->records) {
        EXPECT_EQ(record.state, SweepRecord::State::Done) << record.reason;
        const auto notes = testing::Contains(HasSubstr("groups of layers"));
        const bool calibratesItself = record.job.method != "rtn";
        EXPECT_EQ(testing::Value(record.notes, notes), calibratesItself) << record.job.method;
    }
    EXPECT_THAT(told("Calibration held"), HasSubstr("groups of layers"));
}

TEST_F(SweepLimitTest, JobsShareOnePassWhenItFits) {
    plan.methods = {"rtn", "gptq"};
    plan.bits = {4, 3};
    plan.memoryLimit = std::int64_t(1) << 30;
    const SweepSummary kept = sweep("kept.json");
    EXPECT_EQ(kept.calibrationCost.passes, 1);
    EXPECT_EQ(kept.calibrationCost.groups, 0);
    EXPECT_EQ(kept.calibrationCost.limit, plan.memoryLimit);
    EXPECT_EQ(told("Calibration held"), "");
}

TEST_F(SweepLimitTest, JobsThatDoNotFitFailAndTheOthersGoOn) {
    plan.methods = {"rtn", "gptq"};
    plan.memoryLimit = limitFor(sample, 16, 1) - 1;
    const SweepSummary kept = sweep("kept.json");
    ASSERT_EQ(kept.results->records.size(), 2U);
    EXPECT_EQ(kept.results->records[0].state, SweepRecord::State::Done);
    EXPECT_EQ(kept.results->records[1].state, SweepRecord::State::Failed);
    EXPECT_THAT(kept.results->records[1].reason, HasSubstr("Raise the memory limit"));
    EXPECT_THAT(told("Raise the memory limit"), HasSubstr("its Hessian needs"));
}

TEST_F(MemoryLimitTest, TooLittleForOneLayerIsRefusedWithTheLayer) {
    const Sample sample = chain(96, 6);
    SensitivityRequest request = sensitivity(sample, recipeOf("gptq"));
    request.memoryLimit = limitFor(sample, 0, 1) - 1;
    const auto refused = runSensitivity(request, {}, findings, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::OutOfMemory);
    EXPECT_THAT(refused.error().text(),
                testing::AllOf(HasSubstr("fc0"), HasSubstr("Raise the memory limit")));
    const Recipe recipe = recipeOf("rtn", {"awq"});
    const auto unchanged = prepareModel(
        {sample.model, sample.executor, sample.set, 0, methods, &recipe, request.memoryLimit}, findings, {});
    ASSERT_FALSE(unchanged);
    EXPECT_EQ(unchanged.error().code, ErrorCode::OutOfMemory);
    EXPECT_THAT(unchanged.error().text(),
                testing::AllOf(HasSubstr("transform awq"), HasSubstr("Raise the memory limit")));
}

/// Asks for the Hessian and rounds to nearest: needs no memory of its own.
class HessianReader final : public Quantizer {
public:
    HessianReader() {
        m_info.id = m_info.name = "reader";
        m_info.needsHessian = true;
    }
    const MethodInfo &info() const override { return m_info; }
    const ParameterSchema &schema() const override { return m_rtn->schema(); }
    Support supports(const QuantizeRequest &) const override { return {}; }
    Result<QuantizedMatrix> quantize(const QuantizeRequest &request, const RunContext &ctx) const override {
        QS_TRY(const MatrixView<const double> hessian, request.services->hessian(0));
        EXPECT_EQ(hessian.rows, request.weights.cols);
        return m_rtn->quantize(request, ctx);
    }

private:
    MethodInfo m_info;
    std::shared_ptr<const Quantizer> m_rtn = makeRtnQuantizer();
};

/// What the process holds, not what we count.
TEST_F(MemoryLimitTest, TheProcessStaysBelowTheLimitWhileSensitivityIsMeasured) {
    auto registry = std::make_shared<MethodRegistry>();
    ASSERT_TRUE(registry->add(std::make_shared<HessianReader>()));
    methods = registry;
    const Sample sample = chain(1024, 12); // a Hessian has 8 MiB, all of them 96 MiB
    SensitivityRequest request = sensitivity(sample, recipeOf("reader"));
    request.options.bits = {4};
    request.memoryLimit = limitFor(sample, 0, 2);
    const auto measured = [&] {
        const ResidentPeak peak;
        EXPECT_TRUE(runSensitivity(request, {}, findings, {}));
        return peak.bytes();
    };
    const std::int64_t limit = request.memoryLimit, kept = measured();
    request.memoryLimit = 0;
    const std::int64_t free = measured();
    RecordProperty("limit, with it, without it",
                   mebibytes(limit) + ", " + mebibytes(kept) + ", " + mebibytes(free));
    EXPECT_GT(kept, 2 * 1024 * 1024 * 8) << "two Hessians";
    EXPECT_LT(kept, limit) << mebibytes(kept) << " of " << mebibytes(limit);
    EXPECT_GT(free, limit) << "without a limit this test would not notice";
}

} // namespace
} // namespace qs
