#include "core/io/importer.h"
#include "core/tensor/convert.h"
#include "core/transform/prepare_model.h"
#include "core/transform/site_folding.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/onnx_text_model.h"
#include "tests/support/temp_dir.h"

#include <onnx/onnx_pb.h>

// Models whose weights and activations are not float32, as they are trained or shipped.

namespace qs {
namespace {

struct Case {
    const char *model;
    DType type;
    double allowed; ///< change of the output, of its largest value: half precision rounds every weight anew
};

std::string rawBytes(const Tensor &tensor) {
    return {reinterpret_cast<const char *>(tensor.bytes()), tensor.sizeBytes()};
}

void convert(onnx::TensorProto &proto, DType type, int onnxType) {
    if (proto.data_type() != onnx::TensorProto::FLOAT)
        return;
    const std::vector<std::int64_t> dims(proto.dims().begin(), proto.dims().end());
    Tensor values = Tensor::allocate(DType::Float32, Shape(dims));
    ASSERT_EQ(proto.raw_data().size(), values.sizeBytes());
    std::memcpy(values.mutableBytes(), proto.raw_data().data(), values.sizeBytes());
    proto.set_raw_data(rawBytes(*castTensor(values, type)));
    proto.set_data_type(onnxType);
}

/// A sample model with all its float32 values in another type.
std::string sampleOf(DType type, const char *name) {
    onnx::ModelProto model;
    EXPECT_TRUE(model.ParseFromString(readFile(std::filesystem::path(QS_SAMPLE_DATA) / name)));
    const int onnxType = type == DType::Float16 ? onnx::TensorProto::FLOAT16 : onnx::TensorProto::DOUBLE;
    onnx::GraphProto &graph = *model.mutable_graph();
    for (onnx::TensorProto &tensor : *graph.mutable_initializer())
        convert(tensor, type, onnxType);
    for (onnx::NodeProto &node : *graph.mutable_node())
        for (onnx::AttributeProto &attribute : *node.mutable_attribute())
            if (attribute.has_t())
                convert(*attribute.mutable_t(), type, onnxType);
    graph.clear_value_info();
    for (auto *values : {graph.mutable_input(), graph.mutable_output()})
        for (onnx::ValueInfoProto &value : *values)
            value.mutable_type()->mutable_tensor_type()->set_elem_type(onnxType);
    return model.SerializeAsString();
}

class TransformsOfOtherTypes : public testing::TestWithParam<Case> {};

TEST_P(TransformsOfOtherTypes, KeepFunctionAndTypes) {
    const TempDir folder;
    FindingList findings;
    const auto model =
        openModel(folder.write("m.onnx", sampleOf(GetParam().type, GetParam().model)), findings, {});
    ASSERT_TRUE(model) << model.error().text();
    const auto executor = Executor::create(*model);
    ASSERT_TRUE(executor) << executor.error().text();
    const auto set = CalibrationSet::open(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-calib.h5", {});
    ASSERT_TRUE(set) << set.error().text();
    const auto methods = test::bundledMethods(findings);
    int changed = 0;
    for (const auto &transform : methods->transforms()) {
        const std::string &id = transform->info().id;
        const bool learns =
            std::ranges::any_of(transform->schema().parameters(), [](const Parameter &parameter) {
                return parameter.name == "epochs" || parameter.name == "steps";
            });
        if (learns) // takes long, and what it finds is folded as the others are
            continue;
        Recipe recipe = uniformRecipe({}, WeightChoice{}, ActivationChoice{});
        recipe.transforms.push_back({".*", {id, nlohmann::json::object()}});
        const auto prepared = prepareModel({*model, *executor, *set, 8, methods, &recipe}, findings, {});
        if (!prepared) { // one that does not fit the model says why
            EXPECT_EQ(prepared.error().code, ErrorCode::Unsupported) << prepared.error().text();
            EXPECT_THAT(prepared.error().message, testing::AnyOf(testing::HasSubstr("fits no activation"),
                                                                 testing::HasSubstr("cannot be rotated")))
                << id;
            continue;
        }
        EXPECT_LE(prepared->largestChange, GetParam().allowed) << id;
        for (const GraphEdit &edit : prepared->edits)
            for (const GraphEdit::Constant &constant : edit.constants)
                EXPECT_EQ(constant.value.dtype(), GetParam().type) << id << " " << constant.name;
        changed += prepared->edits.empty() ? 0 : 1;
    }
    EXPECT_GE(changed, 2);
}

INSTANTIATE_TEST_SUITE_P(Samples, TransformsOfOtherTypes,
                         testing::Values(Case{"glyph-cnn.onnx", DType::Float16, 1e-2},
                                         Case{"glyph-cnn.onnx", DType::Float64, 1e-6},
                                         Case{"glyph-vit.onnx", DType::Float16, 1e-2},
                                         Case{"glyph-vit.onnx", DType::Float64, 1e-6}),
                         [](const auto &sample) {
                             return std::string(sample.param.model).substr(6, 3) +
                                    std::string(dtypeName(sample.param.type));
                         });

/// What a shift adds behind a layer without a bias is part of what the next site scales.
TEST(SiteFolding, OffsetsBehindALayerAreScaledWithIt) {
    const TempDir folder;
    FindingList findings;
    const auto floats = [](Shape shape, float first, float step) {
        Tensor tensor = Tensor::allocate(DType::Float32, std::move(shape));
        for (float &value : tensor.mutableValues<float>()) {
            value = first;
            first = std::remainder(first + step, 1.0f);
        }
        return tensor;
    };
    writeOnnxText(folder.path() / "m.onnx",
                  R"(<ir_version: 8, opset_import: ["" : 17]> g (float[N,4] x) => (float[N,2] y) {
                     n = LayerNormalization(x, gain, shift) a = MatMul(n, w) b = Relu(a) y = MatMul(b, v) })",
                  {{"gain", floats(Shape{4}, 0.7f, 0.2f)},
                   {"shift", floats(Shape{4}, 0.1f, 0.3f)},
                   {"w", floats(Shape{4, 3}, 0.3f, 0.37f)},
                   {"v", floats(Shape{3, 2}, 0.2f, 0.41f)}});
    const auto model = openModel(folder.path() / "m.onnx", findings, {});
    ASSERT_TRUE(model) << model.error().text();
    ModelEditor editor(*model);
    const std::vector<Site> sites = findSites(**model);
    ASSERT_EQ(sites.size(), 2U);
    EXPECT_TRUE(sites[0].source.canShift);
    for (const Site &site : sites) {
        SiteChange change;
        for (std::int64_t i = 0; i < site.channels; ++i) {
            change.scale.push_back(0.5f + static_cast<float>(i));
            change.shift.push_back(site.source.canShift ? 0.25f * static_cast<float>(i) - 0.3f : 0.0f);
        }
        ASSERT_TRUE(applyChange(site, change, editor));
    }
    const auto changed = editor.finish();
    ASSERT_TRUE(changed) << changed.error().text();
    const Tensor x = floats(Shape{5, 4}, 0.1f, 0.77f);
    const auto before = (*Executor::create(*model))->run({x}, {}, {});
    const auto after = (*Executor::create(*changed))->run({x}, {}, {});
    ASSERT_TRUE(before && after);
    for (std::size_t i = 0; i < 10; ++i)
        EXPECT_NEAR((*after)[0].values<float>()[i], (*before)[0].values<float>()[i], 1e-5) << i;
}

} // namespace
} // namespace qs
