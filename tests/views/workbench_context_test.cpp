#include "core/analysis/quantize_layer.h"
#include "core/exec/capture_memory.h"
#include "core/io/calibration_set.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_dir.h"
#include "tests/views/workbench_fixture.h"

#include <csignal>
#include <sys/stat.h>

namespace qs::views {
namespace {

using WorkbenchContextTest = WorkbenchTest;
using ::testing::HasSubstr;

TEST_F(WorkbenchContextTest, OpensModelAndSetsByContentWhateverTheirNames) {
    const TempDir folder;
    const auto model = folder.write("model.h5", readFile(sample("glyph-cnn.onnx").toStdString()));
    const auto set = folder.write("data.onnx", readFile(sample("glyph-calib.h5").toStdString()));
    m_context.openFile(QString::fromStdString(set));
    m_context.openFile(QString::fromStdString(model));
    ASSERT_TRUE(wait());
    ASSERT_TRUE(m_context.model());
    EXPECT_TRUE(m_context.executor());
    ASSERT_TRUE(m_context.calibration());
    EXPECT_EQ(m_context.calibration()->samples(), 256);
    EXPECT_EQ(m_context.selection().layer, 0);
    EXPECT_EQ(errors(), 0);
}

/// A checkpoint with codes, and the plain network that it was made from, as far as tests need one.
TEST_F(WorkbenchContextTest, AModelBringsItsRunAndAnotherFileIsReadAsARunOfTheOpenModel) {
    const std::filesystem::path golden = QS_TEST_DATA;
    const QString packed = QString::fromStdString(golden / "checkpoints" / "gptq-4");
    EXPECT_FALSE(m_context.whyNotReadStored().isEmpty()) << "nothing is open";
    m_context.openModel(packed);
    ASSERT_TRUE(wait());
    ASSERT_TRUE(m_context.run());
    EXPECT_FALSE(m_context.run()->hasOriginal());
    ASSERT_EQ(m_context.runs().entries().size(), 1U);
    EXPECT_EQ(m_context.run()->quantizedLayers().size(), 2U);
    const Recipe before = m_context.recipe();
    m_context.adoptRecipeOf(1);
    EXPECT_EQ(m_context.recipe(), before) << "nothing can run the recipe of codes";

    m_context.openModel(QString::fromStdString(golden / "architectures" / "qwen2"));
    ASSERT_TRUE(wait());
    EXPECT_TRUE(m_context.runs().entries().empty());
    EXPECT_FALSE(m_context.run());
    m_context.readStoredRun(packed);
    ASSERT_TRUE(wait());
    ASSERT_TRUE(m_context.run());
    EXPECT_TRUE(m_context.run()->hasOriginal());
    EXPECT_EQ(m_context.run()->quantizedLayers().size(), 2U);
    const auto layer = m_context.model()->findLayer("layers.0.self_attn.q_proj")->id;
    EXPECT_TRUE(m_context.run()->layers[static_cast<std::size_t>(layer)]->weightError);
    EXPECT_EQ(errors(), 0);

    const auto shown = m_context.run();
    m_context.readStoredRun(sample("glyph-cnn.onnx")); // holds no codes
    ASSERT_TRUE(wait());
    EXPECT_EQ(m_context.run(), shown);
    EXPECT_EQ(errors(), 1);
    EXPECT_THAT(lastFinding().what, HasSubstr("holds no quantized weight"));
}

TEST_F(WorkbenchContextTest, SecondSetNamedEvalBecomesTheEvaluationSetInAnyOrder) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    ASSERT_TRUE(open("glyph-eval.h5"));
    EXPECT_TRUE(m_context.calibration());
    EXPECT_FALSE(m_context.evaluation());
    ASSERT_TRUE(open("glyph-calib.h5"));
    ASSERT_TRUE(m_context.calibration() && m_context.evaluation());
    EXPECT_EQ(m_context.calibration()->samples(), 256);
    EXPECT_EQ(m_context.evaluation()->samples(), 1000);
}

TEST_F(WorkbenchContextTest, BadFilesGiveAFindingAndLeaveWhatIsOpen) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    const auto model = m_context.model();
    const TempDir folder;
    const std::string onnx = readFile(sample("glyph-cnn.onnx").toStdString());
    const std::string hdf5 = readFile(sample("glyph-calib.h5").toStdString());
    const std::vector<std::filesystem::path> files = {
        folder.path() / "missing.onnx",
        folder.path(),
        folder.write("empty.onnx", ""),
        folder.write("text.onnx", "this is no model\n"),
        folder.write("cut.onnx", onnx.substr(0, onnx.size() / 2)),
        folder.write("cut.h5", hdf5.substr(0, 1000)),
        folder.write("odd.json", "{\"rules\": 3}"),
        folder.write("cut.json", "{\"rules\": ["),
    };
    int before = errors();
    for (const auto &file : files) {
        m_context.openFile(QString::fromStdString(file));
        ASSERT_TRUE(wait()) << file;
        EXPECT_GT(errors(), before) << file;
        before = errors();
        EXPECT_FALSE(lastFinding().what.empty());
        EXPECT_THAT(lastFinding().where, HasSubstr(file.filename().string()));
    }
    EXPECT_EQ(m_context.model(), model);
    EXPECT_FALSE(m_context.calibration());
}

TEST_F(WorkbenchContextTest, APipeDoesNotBlockTheWindow) {
    const TempDir folder;
    const std::string pipe = folder.path() / "pipe";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    m_context.openFile(QString::fromStdString(pipe));
    ASSERT_TRUE(wait());
    EXPECT_EQ(errors(), 1);
}

TEST_F(WorkbenchContextTest, ASetThatDoesNotFitIsRefusedWithNameShapeAndType) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    ASSERT_TRUE(open("tiny-llama-calib.h5"));
    EXPECT_FALSE(m_context.calibration());
    EXPECT_EQ(errors(), 1);
    EXPECT_THAT(lastFinding().what, HasSubstr("image"));
    EXPECT_THAT(lastFinding().where, HasSubstr("tiny-llama-calib.h5"));
}

TEST_F(WorkbenchContextTest, ANewModelKeepsTheSetThatFitsAndDropsTheOneThatDoesNot) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    ASSERT_TRUE(open("glyph-calib.h5"));
    const auto set = m_context.calibration();
    m_context.calibrate();
    ASSERT_TRUE(wait());
    EXPECT_TRUE(m_context.capture());
    ASSERT_TRUE(open("glyph-vit.onnx"));
    EXPECT_EQ(m_context.calibration(), set);
    EXPECT_FALSE(m_context.capture());
    ASSERT_TRUE(open("tiny-llama.onnx"));
    EXPECT_FALSE(m_context.calibration());
    EXPECT_EQ(errors(), 1);
}

TEST_F(WorkbenchContextTest, WishesThatCannotBeFulfilledSayWhy) {
    EXPECT_FALSE(m_context.whyNotRun().isEmpty());
    m_context.calibrate();
    m_context.startRun();
    m_context.startSensitivity({});
    m_context.exportRun("/nowhere/x.onnx", "onnx-qdq", {});
    EXPECT_FALSE(m_context.jobs().anyRunning());
    EXPECT_EQ(m_context.findings()->snapshot().size(), 4U);
}

TEST_F(WorkbenchContextTest, ARecipeThatNeedsCalibrationWaitsForASet) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    ASSERT_TRUE(m_context.recipe().rules.front().choice.activation);
    EXPECT_TRUE(m_context.whyNotRun().contains("calibration set")) << m_context.whyNotRun().toStdString();
    m_context.startRun();
    EXPECT_FALSE(m_context.jobs().anyRunning());
    ASSERT_TRUE(open("glyph-calib.h5"));
    EXPECT_EQ(m_context.whyNotRun().toStdString(), "");
}

TEST_F(WorkbenchContextTest, WeightsWithoutAGraphStartWithoutActivations) {
    const TempDir folder;
    const auto file = folder.write(
        "weights.safetensors",
        SafetensorsBuilder().add("a.weight", "F32", {8, 8}, std::vector<float>(64, 0.5f)).bytes());
    m_context.openFile(QString::fromStdString(file));
    ASSERT_TRUE(wait());
    ASSERT_TRUE(m_context.model()) << lastFinding().what;
    EXPECT_FALSE(m_context.recipe().rules.front().choice.activation);
    EXPECT_EQ(m_context.whyNotRun().toStdString(), "");
    m_context.startRun();
    ASSERT_TRUE(wait());
    ASSERT_TRUE(m_context.run());
    EXPECT_TRUE(m_context.run()->complete);
    EXPECT_EQ(errors(), 0);
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    EXPECT_TRUE(m_context.recipe().rules.front().choice.activation);
}

TEST_F(WorkbenchContextTest, RunsArriveLayerByLayerAndKeepTheCapture) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    ASSERT_TRUE(open("glyph-calib.h5"));
    bool sawPartial = false;
    QObject::connect(&m_context, &WorkbenchContext::runChanged,
                     [&] { sawPartial |= m_context.run() && !m_context.run()->complete; });
    m_context.startRun();
    ASSERT_TRUE(wait());
    ASSERT_TRUE(m_context.run());
    EXPECT_TRUE(sawPartial);
    EXPECT_TRUE(m_context.run()->complete);
    EXPECT_TRUE(m_context.capture());
    EXPECT_TRUE(m_context.whyNotExport().isEmpty());
    EXPECT_EQ(errors(), 0);
    const auto capture = m_context.capture();
    m_context.startRun();
    ASSERT_TRUE(wait());
    EXPECT_EQ(m_context.capture(), capture);
}

TEST_F(WorkbenchContextTest, CancelKeepsWhatWasFoundAndIsNoError) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    ASSERT_TRUE(open("glyph-calib.h5"));
    m_context.startRun();
    ASSERT_TRUE(waitUntil([&] { return m_context.run() != nullptr; }));
    m_context.jobs().cancelTag(kRunTag);
    ASSERT_TRUE(wait());
    EXPECT_TRUE(m_context.run());
    EXPECT_EQ(errors(), 0);
}

TEST_F(WorkbenchContextTest, ExportToABadPathIsAFindingAndAGoodOneIsTold) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    ASSERT_TRUE(open("glyph-calib.h5"));
    m_context.startRun();
    ASSERT_TRUE(wait());
    const TempDir folder;
    m_context.exportRun(QString::fromStdString(folder.path() / "no" / "x.onnx"), "onnx-qdq", {});
    ASSERT_TRUE(wait());
    EXPECT_EQ(errors(), 1);
    QString exported;
    QObject::connect(&m_context, &WorkbenchContext::exported, [&](const QString &file) { exported = file; });
    const QString file = QString::fromStdString(folder.path() / "x.onnx");
    m_context.exportRun(file, "onnx-qdq", {});
    ASSERT_TRUE(wait());
    EXPECT_EQ(exported, file);
    EXPECT_EQ(errors(), 1);
    EXPECT_EQ(lastFinding().severity, Severity::Info);
}

TEST_F(WorkbenchContextTest, SensitivityFillsItsTable) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    ASSERT_TRUE(open("glyph-calib.h5"));
    SensitivityOptions options;
    options.bits = {2, 8};
    options.layers = {0, 1};
    options.samples = 8;
    m_context.startSensitivity(options);
    ASSERT_TRUE(wait());
    ASSERT_TRUE(m_context.sensitivity());
    EXPECT_TRUE(m_context.sensitivity()->complete);
    EXPECT_EQ(m_context.sensitivity()->layers.size(), 2U);
    EXPECT_TRUE(m_context.sensitivity()->cell(1, 1).has_value());
}

TEST_F(WorkbenchContextTest, SensitivityCalibratesForMethodsThatLearn) {
    FindingList pluginFindings;
    WorkbenchContext context{test::bundledMethods(pluginFindings)};
    const auto open = [&](const char *name) {
        context.openFile(sample(name));
        return waitUntil([&] { return !context.jobs().anyRunning(); });
    };
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    ASSERT_TRUE(open("glyph-calib.h5"));
    WeightChoice gptq;
    gptq.method = "gptq";
    SensitivityOptions options;
    options.recipe = uniformRecipe("gptq", gptq, {});
    options.bits = {4};
    options.layers = {1};
    options.samples = 8;
    context.startSensitivity(options);
    ASSERT_TRUE(waitUntil([&] { return context.sensitivity() && context.sensitivity()->complete; }));
    EXPECT_TRUE(context.sensitivity()->cell(0, 0).has_value());
    EXPECT_TRUE(context.findings()->snapshot().empty());
}

/// The limit of the window is kept by calibration, sensitivity and runs, and what it took is a finding.
TEST_F(WorkbenchContextTest, TheMemoryLimitMakesGroupsInsteadOfARefusal) {
    FindingList pluginFindings;
    WorkbenchContext context{test::bundledMethods(pluginFindings)};
    const auto wait = [&] { return waitUntil([&] { return !context.jobs().anyRunning(); }); };
    for (const char *name : {"glyph-vit.onnx", "glyph-calib.h5"}) {
        context.openFile(sample(name));
        ASSERT_TRUE(wait());
    }
    CaptureOptions captured;
    const auto planned = [&] {
        return *planCaptureMemory(*context.model(), captured,
                                  *batchShapes(*context.model(), *context.calibration(), captured), {});
    };
    const std::int64_t others = planned().total();
    WeightChoice gptq;
    gptq.method = "gptq";
    context.setRecipe(uniformRecipe("gptq", gptq, {}));
    captured.hessians = neededHessians(*context.model(), context.recipe(), context.methods());
    context.setMemoryLimit((others + planned().total()) / 2);
    context.calibrate();
    ASSERT_TRUE(wait());
    ASSERT_TRUE(context.capture()) << "statistics fit";
    EXPECT_TRUE(context.findings()->snapshot().empty());
    SensitivityOptions options;
    options.recipe = context.recipe();
    options.bits = {4};
    options.samples = 8;
    context.startSensitivity(options);
    ASSERT_TRUE(wait());
    ASSERT_TRUE(context.sensitivity());
    EXPECT_GT(context.sensitivity()->calibrationCost.groups, 1);
    EXPECT_LE(context.sensitivity()->calibrationCost.peakBytes, context.memoryLimit());
    ASSERT_EQ(context.findings()->snapshot().size(), 1U);
    EXPECT_THAT(context.findings()->snapshot()[0].finding.what, HasSubstr("groups of layers"));
    context.setMemoryLimit(1 << 20);
    context.startSensitivity(options);
    ASSERT_TRUE(wait());
    EXPECT_THAT(context.findings()->snapshot().back().finding.what, HasSubstr("Raise the memory limit"));
}

TEST_F(WorkbenchContextTest, FinishedRunsAreKeptComparedAndFlipped) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    Recipe weightsOnly = uniformRecipe({}, {}, {});
    m_context.setRecipe(weightsOnly);
    m_context.startRun();
    m_context.startRun();
    ASSERT_TRUE(wait());
    weightsOnly.rules.front().choice.weight->scheme.grid.bits = 3;
    m_context.setRecipe(weightsOnly);
    m_context.startRun();
    ASSERT_TRUE(wait());
    const auto &entries = m_context.runs().entries();
    ASSERT_EQ(entries.size(), 2U) << "a run that was replaced before it ended is not kept";
    EXPECT_EQ(m_context.run(), entries[1].run);
    EXPECT_TRUE(m_context.whyNotFlip().isEmpty());
    m_context.flipRuns();
    EXPECT_EQ(m_context.run(), entries[0].run);
    m_context.flipRuns();
    EXPECT_EQ(m_context.run(), entries[1].run);
    m_context.setCompared(1, false);
    EXPECT_EQ(m_context.runs().compared().size(), 1U);
    m_context.adoptRecipeOf(1);
    EXPECT_EQ(m_context.recipe(), entries[0].run->recipe);
    m_context.forgetRun(1);
    EXPECT_FALSE(m_context.whyNotFlip().isEmpty());
    EXPECT_EQ(m_context.runs().entries().front().number, 2);
    ASSERT_TRUE(open("glyph-vit.onnx"));
    EXPECT_TRUE(m_context.runs().entries().empty());
}

TEST_F(WorkbenchContextTest, LoadedRecipeCanBeUndone) {
    const Recipe before = m_context.recipe();
    const TempDir folder;
    m_context.saveRecipe(QString::fromStdString(folder.path() / "mine.json"));
    Recipe other = before;
    other.name = "other";
    m_context.setRecipe(other);
    m_context.openFile(QString::fromStdString(folder.path() / "mine.json"));
    EXPECT_EQ(m_context.recipe(), before);
    m_context.undoStack().undo();
    EXPECT_EQ(m_context.recipe().name, "other");
}

} // namespace
} // namespace qs::views
