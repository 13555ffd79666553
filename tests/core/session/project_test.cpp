#include "core/io/calibration_set.h"
#include "core/io/hdf5_writer.h"
#include "core/io/importer.h"
#include "core/session/session_folder.h"
#include "tests/support/temp_dir.h"

#include <fstream>

namespace qs {
namespace {

const std::filesystem::path kSamples = QS_SAMPLE_DATA;

WeightChoice rtn(int bits, Granularity granularity) {
    WeightChoice choice;
    choice.scheme.grid.bits = bits;
    choice.scheme.grid.convention = GridConvention::SymmetricRestricted;
    choice.scheme.granularity = granularity;
    choice.scheme.groupSize = 24;
    return choice;
}

/// Two runs of glyph-cnn with everything that is measured, made once.
struct Session {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const CalibrationSet> set;
    Project project;

    Session() {
        FindingList findings;
        model = *openModel(kSamples / "glyph-cnn.onnx", findings, {});
        set = *CalibrationSet::open(kSamples / "glyph-calib.h5", {});
        auto methods = std::make_shared<MethodRegistry>();
        EXPECT_TRUE(methods->add(makeRtnQuantizer()));
        RunRequest request;
        request.model = model;
        request.executor = *Executor::create(model);
        request.calibration = set;
        request.methods = methods;
        request.calibrationSamples = 16;
        request.evaluationSamples = 16;
        request.inNetworkSamples = 8;
        for (const Recipe &recipe :
             {uniformRecipe("w8a8", rtn(8, Granularity::PerChannel), ActivationChoice{}),
              uniformRecipe("w4", rtn(4, Granularity::PerGroup), {})}) {
            request.name = recipe.name;
            request.recipe = recipe;
            auto run = executeRun(request, {}, findings, {});
            EXPECT_TRUE(run) << run.error().text();
            project.runs.add(*run, project.runs.lastNumber());
        }
        project.model = model;
        project.capture = project.runs.entries().front().run->capture;
        addSensitivity(request, findings);
        project.head.model = {kSamples / "glyph-cnn.onnx", model->sha256};
        project.head.calibration = {kSamples / "glyph-calib.h5", set->sha256()};
        project.head.recipe = request.recipe;
        project.head.shownRun = 1;
        project.head.window = {{"layout", "AAEC"}};
    }

    void addSensitivity(const RunRequest &request, FindingList &findings) {
        const auto evaluator = *Evaluator::create(request.executor, set, 4, findings, {});
        SensitivityOptions options;
        options.layers = {0, 2};
        options.bits = {2, 8};
        const auto table =
            measureSensitivity(*evaluator, *model, nullptr, *request.methods, options, {}, findings, {});
        ASSERT_TRUE(table) << table.error().text();
        project.sensitivity = *table;
    }
};

const Session &session() {
    static const Session session;
    return session;
}

class ProjectFileTest : public testing::Test {
protected:
    std::filesystem::path saved() {
        const auto file = m_dir.path() / "work.qscope";
        FindingList findings;
        const Status status = writeProject(session().project, file, findings, {});
        EXPECT_TRUE(status) << status.error().text();
        EXPECT_TRUE(findings.snapshot().empty());
        return file;
    }
    Project readBack(const std::filesystem::path &file, std::shared_ptr<const Model> model) {
        const auto opened = ProjectFile::open(file, {});
        EXPECT_TRUE(opened) << opened.error().text();
        auto project = (*opened)->read(std::move(model), m_complete, m_findings, {});
        EXPECT_TRUE(project) << project.error().text();
        return *project;
    }

    TempDir m_dir;
    FindingList m_findings;
    bool m_complete = false;
};

TEST_F(ProjectFileTest, RunsComeBackWithTheSameReports) {
    const Project read = readBack(saved(), session().model);
    EXPECT_TRUE(m_complete);
    EXPECT_TRUE(m_findings.snapshot().empty());
    ASSERT_EQ(read.runs.entries().size(), 2u);
    for (std::size_t i = 0; i < 2; ++i) {
        const RunEntry &before = session().project.runs.entries()[i], &after = read.runs.entries()[i];
        EXPECT_EQ(runReport(*before.run).dump(), runReport(*after.run).dump());
        EXPECT_EQ(before.number, after.number);
        EXPECT_EQ(before.parent, after.parent);
        for (std::size_t layer = 0; layer < before.run->layers.size(); ++layer) {
            const auto &a = before.run->layers[layer]->quantized.weight;
            const auto &b = after.run->layers[layer]->quantized.weight;
            ASSERT_EQ(a == nullptr, b == nullptr);
            if (!a)
                continue;
            EXPECT_EQ(a->codes, b->codes);
            EXPECT_EQ(a->scales, b->scales);
            EXPECT_EQ(a->zeroPoints, b->zeroPoints);
            EXPECT_EQ(before.run->layers[layer]->seconds, after.run->layers[layer]->seconds);
        }
    }
    EXPECT_EQ(read.runs.entries()[1].parent, 1);
    EXPECT_EQ(read.head.shownRun, 1);
    EXPECT_EQ(read.head.recipe, session().project.head.recipe);
    EXPECT_EQ(read.head.window, session().project.head.window);
    EXPECT_EQ(RunHistory(read.runs).add(read.runs.entries()[0].run), 3);
}

TEST_F(ProjectFileTest, CaptureComesBackWithoutHessians) {
    const Project read = readBack(saved(), session().model);
    ASSERT_TRUE(read.capture);
    EXPECT_EQ(read.capture->samples, 16);
    EXPECT_EQ(read.runs.entries()[0].run->capture, read.capture);
    for (std::size_t layer = 0; layer < read.capture->layers.size(); ++layer) {
        const auto &before = session().project.capture->layers[layer], &after = read.capture->layers[layer];
        ASSERT_EQ(before == nullptr, after == nullptr);
        if (!before)
            continue;
        EXPECT_EQ(before->tokens, after->tokens);
        EXPECT_EQ(before->stats.m4, after->stats.m4);
        EXPECT_EQ(before->stats.min, after->stats.min);
        EXPECT_EQ(before->histogram.lo(), after->histogram.lo());
        EXPECT_EQ(before->histogram.counts(), after->histogram.counts());
        EXPECT_EQ(before->channelMax, after->channelMax);
        EXPECT_EQ(before->channelSumOfSquares, after->channelSumOfSquares);
        EXPECT_TRUE(std::ranges::equal(before->sample.values<float>(), after->sample.values<float>()));
        EXPECT_TRUE(after->hessian.empty());
    }
}

TEST_F(ProjectFileTest, SensitivityComesBack) {
    const Project read = readBack(saved(), session().model);
    ASSERT_TRUE(read.sensitivity);
    const SensitivityTable &before = *session().project.sensitivity, &after = *read.sensitivity;
    EXPECT_EQ(before.bits, after.bits);
    EXPECT_EQ(before.layers, after.layers);
    EXPECT_EQ(before.samples, after.samples);
    EXPECT_TRUE(after.complete);
    ASSERT_EQ(before.cells.size(), after.cells.size());
    for (std::size_t i = 0; i < before.cells.size(); ++i) {
        EXPECT_EQ(before.cells[i]->network.sumKl, after.cells[i]->network.sumKl);
        EXPECT_EQ(before.cells[i]->layerOutput.sumSquaredError, after.cells[i]->layerOutput.sumSquaredError);
    }
}

TEST_F(ProjectFileTest, RunsOfAnotherModelAreLeftOutWithAFinding) {
    FindingList ignored;
    const auto other = *openModel(kSamples / "glyph-vit.onnx", ignored, {});
    const Project read = readBack(saved(), other);
    EXPECT_FALSE(m_complete);
    EXPECT_TRUE(read.runs.entries().empty());
    EXPECT_FALSE(read.capture);
    ASSERT_EQ(m_findings.snapshot().size(), 4u); // two runs, capture, sensitivity
    EXPECT_NE(m_findings.snapshot()[1].finding.what.find("Run #1 w8a8 is left out"), std::string::npos);
}

TEST_F(ProjectFileTest, TruncatedFilesAreRefused) {
    const auto file = saved();
    const auto size = std::filesystem::file_size(file);
    const auto cut = m_dir.path() / "cut.qscope";
    for (const std::uintmax_t length :
         {std::uintmax_t{0}, std::uintmax_t{7}, std::uintmax_t{520}, size / 3, size / 2, size - 1}) {
        std::filesystem::copy_file(file, cut, std::filesystem::copy_options::overwrite_existing);
        std::filesystem::resize_file(cut, length);
        const auto opened = ProjectFile::open(cut, {});
        ASSERT_FALSE(opened) << length;
        EXPECT_EQ(opened.error().code, ErrorCode::CorruptFile);
        EXPECT_NE(opened.error().text().find("cut.qscope"), std::string::npos);
    }
}

TEST_F(ProjectFileTest, NewerVersionSaysSo) {
    const auto file = m_dir.path() / "new.qscope";
    auto writer = Hdf5Writer::create(file);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->setAttribute("/", "quantoscope_project", "2"));
    ASSERT_TRUE(writer->writeText("/head", "{}"));
    ASSERT_TRUE(writer->commit());
    const auto opened = ProjectFile::open(file, {});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::Unsupported);
    EXPECT_NE(opened.error().message.find("newer Quantoscope (project version 2"), std::string::npos);
}

TEST_F(ProjectFileTest, ForeignAndIncompleteHeadsAreRefused) {
    const auto foreign = ProjectFile::open(kSamples / "glyph-calib.h5", {});
    ASSERT_FALSE(foreign);
    EXPECT_NE(foreign.error().message.find("no Quantoscope project"), std::string::npos);
    EXPECT_TRUE(isProjectFile(saved()));
    EXPECT_FALSE(isProjectFile(kSamples / "glyph-calib.h5"));

    const auto file = m_dir.path() / "bad.qscope";
    for (const auto &[head, message] :
         {std::pair("{\"recipe\": 3}", "must be an object"), std::pair("{}", "is missing"),
          std::pair("[", "not JSON"), std::pair("{\"model\": {\"file\": 7}}", "must be a text"),
          std::pair("{\"recipe\": {\"quantoscope-recipe\": 1, \"rules\": []}, \"shownRun\": 0, "
                    "\"lastRun\": 0, \"runs\": [], \"window\": [1]}",
                    "must be an object")}) {
        auto writer = Hdf5Writer::create(file);
        ASSERT_TRUE(writer->setAttribute("/", "quantoscope_project", "1"));
        ASSERT_TRUE(writer->writeText("/head", head));
        ASSERT_TRUE(writer->commit());
        const auto opened = ProjectFile::open(file, {});
        ASSERT_FALSE(opened);
        EXPECT_NE(opened.error().message.find(message), std::string::npos) << opened.error().text();
    }
}

TEST_F(ProjectFileTest, SourcesAreFoundWhereTheyWereAndBesideAMovedProject) {
    const auto before = m_dir.path() / "before", after = m_dir.path() / "after";
    std::filesystem::create_directories(before / "data");
    std::filesystem::copy_file(kSamples / "glyph-cnn.onnx", before / "data/model.onnx");
    Project project;
    project.head.model = {before / "data/model.onnx", session().model->sha256};
    project.head.calibration = {m_dir.path() / "gone.h5", "00"};
    FindingList findings;
    ASSERT_TRUE(writeProject(project, before / "p.qscope", findings, {}));
    const auto state = [&](const std::filesystem::path &folder) {
        return (*(*ProjectFile::open(folder / "p.qscope", {}))->locateSources({}));
    };
    EXPECT_EQ(state(before)[0]->kind, SourceState::Kind::Found);
    EXPECT_EQ(state(before)[1]->kind, SourceState::Kind::Missing);
    EXPECT_FALSE(state(before)[2]);

    std::filesystem::rename(before, after);
    EXPECT_EQ(state(after)[0]->kind, SourceState::Kind::Found);
    EXPECT_EQ(state(after)[0]->file, after / "data/model.onnx");
    std::ofstream(after / "data/model.onnx", std::ios::app) << "x";
    EXPECT_EQ(state(after)[0]->kind, SourceState::Kind::Changed);
}

TEST_F(ProjectFileTest, CancelledSavingKeepsTheOldFile) {
    const auto file = saved();
    const auto size = std::filesystem::file_size(file);
    std::stop_source stop;
    stop.request_stop();
    FindingList findings;
    RunContext ctx;
    ctx.stop = stop.get_token();
    const Status status = writeProject(session().project, file, findings, ctx);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::Cancelled);
    EXPECT_EQ(std::filesystem::file_size(file), size);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(m_dir.path()), {}), 1);
    EXPECT_FALSE(writeProject(session().project, m_dir.path() / "no/such/folder.qscope", findings, {}));
}

TEST_F(ProjectFileTest, ASessionFolderThatWasNotSavedToTheEndOpens) {
    SessionFolder folder(m_dir.path());
    // A folder of a file's name: the second run cannot be written.
    std::filesystem::create_directories(m_dir.path() / "run-2.qscope" / "occupied");
    EXPECT_FALSE(folder.save(session().project, {}));
    std::filesystem::remove_all(m_dir.path() / "run-2.qscope");
    const Project read = readBack(m_dir.path(), session().model);
    EXPECT_TRUE(read.capture);
    EXPECT_EQ(read.runs.entries().size(), 1u);
}

TEST_F(ProjectFileTest, ASessionFolderReadsLikeOneFileAndWritesOnlyWhatIsNew) {
    SessionFolder folder(m_dir.path());
    Project project = session().project;
    ASSERT_TRUE(folder.save(project, {}));
    const auto run = m_dir.path() / "run-1.qscope", second = m_dir.path() / "run-2.qscope";
    const auto written = std::filesystem::last_write_time(run);
    project.head.recipe.name = "changed";
    ASSERT_TRUE(folder.save(project, {}));
    EXPECT_EQ(std::filesystem::last_write_time(run), written);

    const Project read = readBack(m_dir.path(), session().model);
    EXPECT_TRUE(m_complete);
    EXPECT_EQ(read.head.recipe.name, "changed");
    EXPECT_TRUE(read.capture);
    EXPECT_TRUE(read.sensitivity);
    ASSERT_EQ(read.runs.entries().size(), 2u);
    EXPECT_EQ(read.runs.entries()[1].parent, 1);
    EXPECT_EQ(runReport(*read.runs.entries()[1].run).dump(),
              runReport(*project.runs.entries()[1].run).dump());

    project.runs.remove(1);
    ASSERT_TRUE(folder.save(project, {}));
    EXPECT_FALSE(std::filesystem::exists(run));
    std::filesystem::resize_file(second, 100);
    EXPECT_TRUE(readBack(m_dir.path(), session().model).runs.entries().empty());
    EXPECT_FALSE(m_complete);
    EXPECT_EQ(m_findings.snapshot().size(), 1u);
}

TEST(RunHistory, RemovingARunHandsItsChildrenToItsParent) {
    RunHistory history;
    const auto run = session().project.runs.entries()[0].run;
    const int first = history.add(run), second = history.add(run, first), third = history.add(run, second);
    history.remove(second);
    EXPECT_EQ(history.find(third)->parent, first);
    EXPECT_EQ(history.add(run), 4);
    const RunHistory restored({{7, run, 9}, {8, run, 7}}, 3);
    EXPECT_EQ(restored.find(7)->parent, 0);
    EXPECT_EQ(restored.find(8)->parent, 7);
    EXPECT_EQ(restored.lastNumber(), 8);
}

} // namespace
} // namespace qs
