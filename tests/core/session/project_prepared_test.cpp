#include "core/graph/model_edit.h"
#include "core/io/hdf5_file.h"
#include "core/io/hdf5_writer.h"
#include "core/io/importer.h"
#include "core/session/project_prepared.h"
#include "core/session/session_folder.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/temp_dir.h"

namespace qs {
namespace {

using Json = nlohmann::json;

const std::filesystem::path kSamples = QS_SAMPLE_DATA;

RunRequest openVit(FindingList &findings) {
    RunRequest request;
    request.model = *openModel(kSamples / "glyph-vit.onnx", findings, {});
    request.executor = *Executor::create(request.model);
    request.calibration = *CalibrationSet::open(kSamples / "glyph-calib.h5", {});
    request.methods = test::bundledMethods(findings);
    request.calibrationSamples = request.evaluationSamples = 8;
    request.measureInNetwork = false;
    return request;
}

Recipe recipeWith(std::vector<std::string> transforms, int bits) {
    WeightChoice weights;
    weights.scheme.grid.bits = bits;
    Recipe recipe = uniformRecipe("w" + std::to_string(bits), weights, ActivationChoice{});
    for (const std::string &id : transforms)
        recipe.transforms.push_back(
            {".*", {id, id == "smoothquant" ? Json{{"insert_operators", true}} : Json::object()}});
    return recipe;
}

/// A vision transformer: two runs of the same transforms, one of others, one of none.
struct Session {
    RunRequest request;
    Project project;

    Session() {
        FindingList findings;
        request = openVit(findings);
        for (const Recipe &recipe : {recipeWith({"smoothquant"}, 8), recipeWith({"smoothquant"}, 4),
                                     recipeWith({"repq-vit", "smoothquant"}, 4), recipeWith({}, 8)}) {
            request.recipe = recipe;
            const auto run = executeRun(request, {}, findings, {});
            EXPECT_TRUE(run) << run.error().text();
            project.runs.add(*run);
        }
        project.model = request.model;
        project.capture = run(3).capture;
        project.head.model = {kSamples / "glyph-vit.onnx", request.model->sha256};
    }
    const Run &run(std::size_t index) const { return *project.runs.entries()[index].run; }
};

const Session &session() {
    static const Session session;
    return session;
}

class ProjectPreparedTest : public testing::Test {
protected:
    Project saved() {
        FindingList findings;
        const Status status = writeProject(session().project, m_file, findings, {});
        EXPECT_TRUE(status) << status.error().text();
        EXPECT_TRUE(findings.snapshot().empty());
        return readBack(m_file);
    }
    Project readBack(const std::filesystem::path &file) {
        auto project =
            (*ProjectFile::open(file, {}))->read(session().request.model, m_complete, m_findings, {});
        EXPECT_TRUE(project) << project.error().text();
        return *project;
    }

    TempDir m_dir;
    std::filesystem::path m_file = m_dir.path() / "work.qscope";
    FindingList m_findings;
    bool m_complete = false;
};

void expectSameConstants(const ModelGraph &a, const ModelGraph &b) {
    ASSERT_EQ(a.constants().size(), b.constants().size());
    for (const auto &[id, tensor] : a.constants()) {
        const Tensor *other = b.constant(b.findValue(a.value(id).name));
        ASSERT_TRUE(other) << a.value(id).name;
        ASSERT_EQ(tensor.dtype(), other->dtype());
        ASSERT_EQ(tensor.shape(), other->shape());
        EXPECT_EQ(std::memcmp(tensor.bytes(), other->bytes(), tensor.sizeBytes()), 0) << a.value(id).name;
    }
}

std::vector<Tensor> outputsOf(const Run &run, const CalibrationSet &set) {
    const auto options = substitutions(*run.quantizedModel(), run.quantizedLayers());
    EXPECT_TRUE(options) << options.error().text();
    auto inputs = readModelInputs(set, run.model->graph, 0, 4);
    auto outputs = run.prepared->executor->run(*inputs, *options, {});
    EXPECT_TRUE(outputs) << outputs.error().text();
    return *outputs;
}

TEST_F(ProjectPreparedTest, TheTransformedModelComesBackBitForBit) {
    const Project read = saved();
    EXPECT_TRUE(m_complete);
    EXPECT_TRUE(m_findings.snapshot().empty());
    ASSERT_EQ(read.runs.entries().size(), 4U);
    for (std::size_t i = 0; i < 3; ++i) {
        const qs::Run &before = session().run(i), &after = *read.runs.entries()[i].run;
        ASSERT_TRUE(before.prepared);
        ASSERT_FALSE(before.prepared->edits.empty());
        EXPECT_FALSE(before.prepared->edits.back().nodes.empty()) << "SmoothQuant adds operators here";
        ASSERT_TRUE(after.prepared);
        EXPECT_EQ(before.prepared->largestChange, after.prepared->largestChange);
        EXPECT_EQ(runReport(before).dump(), runReport(after).dump());
        expectSameConstants(before.prepared->model->graph, after.prepared->model->graph);
        const auto a = outputsOf(before, *session().request.calibration);
        const auto b = outputsOf(after, *session().request.calibration);
        for (std::size_t j = 0; j < a.size(); ++j)
            EXPECT_TRUE(std::ranges::equal(a[j].values<float>(), b[j].values<float>()));
    }
    EXPECT_FALSE(read.runs.entries()[3].run->prepared);
    const auto &ranges = session().run(2).prepared->activationRanges;
    EXPECT_FALSE(ranges.empty()) << "RepQ-ViT decides ranges";
    for (const auto &[layer, range] : ranges) {
        const auto &again = read.runs.entries()[2].run->prepared->activationRanges;
        ASSERT_TRUE(again.contains(layer));
        EXPECT_EQ(range.lo, again.at(layer).lo);
        EXPECT_EQ(range.hi, again.at(layer).hi);
    }
}

TEST_F(ProjectPreparedTest, RunsOfTheSameTransformsShareTheirModelAndEachHasTheCaptureOfItsOwn) {
    const Project read = saved();
    const auto run = [&](std::size_t index) { return read.runs.entries()[index].run; };
    EXPECT_EQ(run(0)->prepared, run(1)->prepared);
    EXPECT_NE(run(0)->prepared, run(2)->prepared);
    EXPECT_EQ((*Hdf5File::open(m_file))->children("/prepared")->size(), 2U);
    EXPECT_EQ(run(3)->capture, read.capture);
    ASSERT_TRUE(run(0)->capture);
    EXPECT_NE(run(0)->capture, read.capture) << "the activations of the transformed model are others";
    for (std::size_t layer = 0; layer < run(0)->capture->layers.size(); ++layer) {
        const auto &before = session().run(0).capture->layers[layer], &after = run(0)->capture->layers[layer];
        ASSERT_EQ(before == nullptr, after == nullptr);
        if (before) {
            EXPECT_EQ(before->channelMax, after->channelMax);
        }
    }
}

TEST_F(ProjectPreparedTest, ASessionFolderKeepsThemToo) {
    SessionFolder folder(m_dir.path());
    ASSERT_TRUE(folder.save(session().project, {}));
    const Project read = readBack(m_dir.path());
    EXPECT_TRUE(m_complete);
    ASSERT_EQ(read.runs.entries().size(), 4U);
    EXPECT_EQ(read.runs.entries()[0].run->prepared, read.runs.entries()[1].run->prepared);
    EXPECT_TRUE(read.runs.entries()[2].run->prepared->executor);
}

TEST_F(ProjectPreparedTest, WeightsThatAreNotThoseThatWereSavedAreRefused) {
    const PreparedModel &prepared = *session().run(0).prepared;
    const Model &model = *session().request.model;
    const std::string name = preparedHash(prepared, model);
    PreparedModel other = prepared;
    Tensor &weight = other.edits[0].constants[0].value;
    weight = Tensor::fromValues<float>(weight.shape(), weight.values<float>());
    weight.mutableValues<float>()[0] = std::nextafter(weight.values<float>()[0], 10.0F);
    EXPECT_NE(preparedHash(other, model), name);
    {
        auto writer = Hdf5Writer::create(m_file);
        ASSERT_TRUE(writePrepared(*writer, preparedGroup(name), other, model, {}));
        ASSERT_TRUE(writer->commit());
    }
    const auto read = PreparedModels(session().request.model).read(**Hdf5File::open(m_file), name, {});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::CorruptFile);
    EXPECT_THAT(read.error().text(), testing::HasSubstr("hash differs"));
}

TEST(ApplyEdit, AnEditThatTakesALayersWeightAwayIsRefused) {
    const Model &model = *session().request.model;
    const Layer &layer = model.layers.back();
    GraphEdit edit;
    edit.constants.push_back(
        {model.graph.value(layer.weight).name, Tensor::zeros(DType::Float32, Shape{3, 5})});
    const auto changed = applyEdit(model, edit);
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().code, ErrorCode::CorruptFile);
    EXPECT_EQ(changed.error().where, layer.name);
}

} // namespace
} // namespace qs
