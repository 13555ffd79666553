#include "core/graph/weights_only.h"
#include "core/io/hdf5_file.h"
#include "core/io/hdf5_writer.h"
#include "core/session/project_file.h"
#include "core/session/project_json.h"
#include "tests/support/memory_limit.h"
#include "tests/support/temp_dir.h"

// Project files whose documents or arrays are damaged: what does not fit is refused or left out, and said.

namespace qs {
namespace {

using testing::HasSubstr;
using Parts = std::map<std::string, Tensor>; ///< data sets by path

std::shared_ptr<const Model> smallModel() {
    auto model = std::make_shared<Model>();
    WeightsOnlyBuilder builder("small");
    for (const char *name : {"a.weight", "b.weight"})
        EXPECT_TRUE(builder.add(name, Tensor::zeros(DType::Float32, Shape{4, 6})));
    model->graph = *std::move(builder).finish();
    model->layers = findLayers(model->graph);
    return model;
}

std::shared_ptr<const QuantizedMatrix> smallMatrix(Granularity granularity) {
    auto matrix = std::make_shared<QuantizedMatrix>();
    matrix->rows = 4;
    matrix->cols = 6;
    matrix->bits = 4;
    matrix->layout = {granularity, 4, 6, 3};
    const auto slices = static_cast<std::size_t>(matrix->layout.slices());
    matrix->codes.assign(24, 1);
    matrix->scales.assign(slices, 0.5f);
    matrix->zeroPoints.assign(slices, 0);
    if (granularity == Granularity::PerGroup)
        matrix->groupOfColumn = {0, 1, 0, 1, 0, 1};
    else
        matrix->kept = {{0, 1, 2.0f}, {3, 5, 1.0f}};
    return matrix;
}

Project smallProject(const std::shared_ptr<const Model> &model) {
    auto run = std::make_shared<Run>();
    run->model = model;
    run->name = "w4";
    run->recipe = uniformRecipe("w4", WeightChoice{}, ActivationChoice{});
    run->complete = true;
    for (LayerId id = 0; id < 2; ++id) {
        auto layer = std::make_shared<LayerResult>();
        layer->layer = layer->quantized.layer = id;
        layer->state = LayerResult::State::Quantized;
        layer->quantized.weight = smallMatrix(id == 0 ? Granularity::PerGroup : Granularity::PerChannel);
        layer->quantized.activation = ScaleZero{0.25f, 3};
        layer->weightError.emplace();
        run->layers.push_back(std::move(layer));
    }
    Project project;
    project.model = model;
    project.head.model = {"/m.safetensors", "0"};
    project.head.recipe = run->recipe;
    project.runs.add(std::move(run));
    return project;
}

void collect(const Hdf5File &file, const std::string &group, Parts &parts) {
    const std::vector<Hdf5File::Entry> entries = *file.children(group.empty() ? "/" : group);
    for (const Hdf5File::Entry &entry : entries) {
        const std::string path = group + "/" + entry.name;
        if (entry.isGroup)
            collect(file, path, parts);
        else
            parts[path] = *file.read(path);
    }
}

class CorruptProject : public testing::Test {
protected:
    void SetUp() override {
        FindingList findings;
        const auto file = m_dir.path() / "whole.qscope";
        ASSERT_TRUE(writeProject(smallProject(m_model), file, findings, {}));
        collect(**Hdf5File::open(file), "", m_parts);
        ASSERT_TRUE(opensWhole(m_parts)) << m_said;
    }
    std::string text(const std::string &path) const {
        const auto bytes = m_parts.at(path).values<std::uint8_t>();
        return {bytes.begin(), bytes.end()};
    }
    Parts with(const std::string &path, const Tensor &content) const {
        Parts parts = m_parts;
        parts[path] = content;
        return parts;
    }
    Parts withText(const std::string &path, const std::string &content) const {
        const std::vector<std::uint8_t> bytes(content.begin(), content.end());
        return with(path, Tensor::fromValues<std::uint8_t>(Shape{std::ssize(bytes)}, bytes));
    }

    /// Whether a project of these parts opens with its run; what else happens must be said.
    bool opensWhole(const Parts &parts) {
        m_said.clear();
        const auto file = m_dir.path() / "damaged.qscope";
        {
            Hdf5Writer writer = *Hdf5Writer::create(file);
            EXPECT_TRUE(writer.setAttribute("/", kProjectVersionAttribute, "1"));
            for (const auto &[path, content] : parts)
                EXPECT_TRUE(writer.write(path, content)) << path;
            EXPECT_TRUE(writer.commit());
        }
        const auto opened = ProjectFile::open(file, {});
        if (!opened)
            return refused(opened.error());
        (void)(*opened)->locateSources({});
        bool complete = false;
        FindingList findings;
        const auto project = (*opened)->read(m_model, complete, findings, {});
        if (!project)
            return refused(project.error());
        for (const auto &entry : findings.snapshot())
            m_said += entry.finding.what + "\n";
        for (const RunEntry &entry : project->runs.entries())
            use(*entry.run);
        EXPECT_NE(complete, !m_said.empty()) << m_said;
        return complete && project->runs.entries().size() == 1;
    }
    bool refused(const Error &error) {
        EXPECT_NE(error.code, ErrorCode::OutOfMemory) << error.text();
        EXPECT_FALSE(error.message.empty());
        m_said = error.text();
        return false;
    }
    static void use(const qs::Run &run) {
        for (const auto &layer : run.layers)
            if (layer && layer->quantized.weight) {
                EXPECT_EQ(layer->quantized.weight->dequantize().numel(), 24);
            }
    }

    TempDir m_dir;
    MemoryLimit m_limit{rlim_t(512) << 20};
    std::shared_ptr<const Model> m_model = smallModel();
    Parts m_parts;
    std::string m_said;
};

TEST_F(CorruptProject, DocumentsDamagedInManyPlaces) {
    int damaged = 0;
    for (const std::string path : {"/head", "/runs/1/head"}) {
        const std::string whole = text(path);
        for (std::size_t i = 0; i < whole.size(); i += 29)
            for (const char value : {'"', '9', '-', '\xff'}) {
                std::string changed = whole;
                changed[i] = value;
                damaged += !opensWhole(withText(path, changed));
            }
        for (std::size_t length = 0; length < whole.size(); length += 97)
            EXPECT_FALSE(opensWhole(withText(path, whole.substr(0, length))));
    }
    EXPECT_GT(damaged, 50);
}

TEST_F(CorruptProject, ArraysOfAnotherTypeOrShape) {
    const std::vector<Tensor> strange{
        Tensor::zeros(DType::Float64, Shape{}),      Tensor::zeros(DType::Int8, Shape{0}),
        Tensor::zeros(DType::Float32, Shape{1}),     Tensor::zeros(DType::Int32, Shape{7}),
        Tensor::zeros(DType::Int64, Shape{4, 6, 1}), Tensor::zeros(DType::UInt8, Shape{4, 6, 0})};
    for (const auto &[path, content] : m_parts)
        for (const Tensor &other : strange) {
            EXPECT_FALSE(opensWhole(with(path, other))) << path << ' ' << other.shape().text();
            EXPECT_FALSE(m_said.empty());
        }
    for (const auto &[path, content] : m_parts) {
        Parts parts = m_parts;
        parts.erase(path);
        const bool isOptional = path.ends_with("/kept_values") || path.ends_with("/group_of_column");
        EXPECT_EQ(opensWhole(parts), isOptional) << path;
    }
}

TEST_F(CorruptProject, ValuesOutOfRange) {
    const std::string layer = "/runs/1/layers/0", other = "/runs/1/layers/1";
    const auto floats = [](float value) {
        return Tensor::fromValues<float>(Shape{8}, std::vector<float>(8, value));
    };
    for (const float scale :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
        EXPECT_FALSE(opensWhole(with(layer + "/scales", floats(scale))));
    EXPECT_THAT(m_said, HasSubstr("scale of slice 0"));
    const auto ints = [](std::int64_t size, std::int32_t value) {
        return Tensor::fromValues<std::int32_t>(
            Shape{size}, std::vector<std::int32_t>(static_cast<std::size_t>(size), value));
    };
    for (const std::int32_t value : {-1, 2, std::numeric_limits<std::int32_t>::max()}) {
        EXPECT_FALSE(opensWhole(with(layer + "/group_of_column", ints(6, value)))) << value;
        EXPECT_THAT(m_said, HasSubstr("in group"));
    }
    EXPECT_FALSE(opensWhole(with(layer + "/zero_points", ints(8, 1 << 20))));
    const std::vector<std::int64_t> places{0, std::int64_t{1} << 62};
    for (const char *which : {"/kept_rows", "/kept_cols"}) {
        EXPECT_FALSE(opensWhole(with(other + which, Tensor::fromValues<std::int64_t>(Shape{2}, places))));
        EXPECT_THAT(m_said, HasSubstr("kept weight"));
    }
}

TEST_F(CorruptProject, NumbersWhoseSumsOverflow) {
    for (const char *number : {"9223372036854775807", "4611686018427387904", "-1", "0", "1e300"}) {
        std::string head = text("/runs/1/head");
        const std::string known = "\"groupSize\":3";
        ASSERT_NE(head.find(known), std::string::npos) << head;
        head.replace(head.find(known), known.size(), std::string("\"groupSize\":") + number);
        EXPECT_FALSE(opensWhole(withText("/runs/1/head", head))) << number;
    }
    std::string head = text("/runs/1/head");
    head.replace(head.find("\"rows\":4"), 8, "\"rows\":9223372036854775807");
    EXPECT_FALSE(opensWhole(withText("/runs/1/head", head)));
    EXPECT_THAT(m_said, HasSubstr("the layer's weight [4, 6]"));
}

TEST_F(CorruptProject, DeepDocumentsAreRefused) {
    EXPECT_FALSE(opensWhole(withText("/head", std::string(100'000, '['))));
    EXPECT_FALSE(opensWhole(
        withText("/runs/1/head", "{\"layers\":" + std::string(300, '[') + std::string(300, ']') + "}")));
    EXPECT_THAT(m_said, HasSubstr("nested deeper"));
}

} // namespace
} // namespace qs
