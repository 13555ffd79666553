#include "core/io/importer.h"
#include "tests/support/onnx_text_model.h"
#include "tests/support/temp_dir.h"

// Issue 5: exporters that fold no constants leave operators between weights and layers.

namespace qs {
namespace {

using testing::ElementsAre;

Tensor counted(Shape shape) {
    Tensor tensor = Tensor::allocate(DType::Float32, std::move(shape));
    float next = 0;
    for (float &value : tensor.mutableValues<float>())
        value = next++;
    return tensor;
}

std::shared_ptr<const Model> open(const std::string &text,
                                  const std::map<std::string, Tensor> &initializers) {
    const TempDir dir;
    writeOnnxText(dir.path() / "model.onnx", text, initializers);
    FindingList findings;
    const auto model = openModel(dir.path() / "model.onnx", findings, {});
    EXPECT_TRUE(model) << model.error().text();
    return model.value_or(nullptr);
}

std::vector<float> matrixOfLayer(const Model &model, std::size_t layer) {
    const auto matrix = weightMatrix(model.layers.at(layer), model.graph);
    EXPECT_TRUE(matrix) << matrix.error().text();
    return {matrix->values<float>().begin(), matrix->values<float>().end()};
}

std::vector<std::string> operators(const Model &model) {
    std::vector<std::string> names;
    for (const Node &node : model.graph.nodes())
        names.push_back(node.opType);
    return names;
}

TEST(WeightFolding, TransposedWeightsAreFoundInTheLayoutOfTheFile) {
    const auto model = open(R"(<ir_version: 8, opset_import: ["" : 17]>
        g (float[N,2] x) => (float[N,3] y) { t = Transpose<perm=[1,0]>(w) y = MatMul(x, t) })",
                            {{"w", counted({3, 2})}});
    EXPECT_THAT(operators(*model), ElementsAre("MatMul"));
    ASSERT_EQ(model->layers.size(), 1u);
    EXPECT_THAT(matrixOfLayer(*model, 0), ElementsAre(0, 1, 2, 3, 4, 5));
    EXPECT_EQ(model->graph.value(model->layers[0].weight).name, "t"); // as in the file that export edits
    EXPECT_EQ(model->graph.parameterCount(), 6);                      // not counted twice
}

TEST(WeightFolding, ChainsAndOperatorsOfEveryKindAreFollowed) {
    const auto model =
        open(R"(<ir_version: 7, opset_import: ["" : 13]>
        g (float[N,2] x, float[N,1,4,4] image) => (float[N,2] y, float[N,2] z, float[N,2,3,3] c) {
            q, k = Split<axis=0>(packed)
            qt = Transpose(q)
            kt = Transpose<perm=[1,0]>(k)
            y = MatMul(x, qt)
            same = Identity(kt)
            z = MatMul(x, same)
            flat = Flatten<axis=1>(kernel)
            back = Reshape(flat, dims)
            squeezed = Squeeze(back, axes)
            unsqueezed = Unsqueeze(squeezed, axes)
            c = Conv(image, unsqueezed)
        })",
             {{"packed", counted({4, 2})},
              {"kernel", counted({2, 1, 2, 2})},
              {"dims", Tensor::fromValues<std::int64_t>({4}, std::vector<std::int64_t>{2, 1, -1, 2})},
              {"axes", Tensor::fromValues<std::int64_t>({1}, std::vector<std::int64_t>{1})}});
    EXPECT_THAT(operators(*model), ElementsAre("MatMul", "MatMul", "Conv"));
    ASSERT_EQ(model->layers.size(), 3u);
    EXPECT_THAT(matrixOfLayer(*model, 0), ElementsAre(0, 1, 2, 3));
    EXPECT_THAT(matrixOfLayer(*model, 1), ElementsAre(4, 5, 6, 7));
    EXPECT_THAT(matrixOfLayer(*model, 2), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST(WeightFolding, SplitAlongTheLastAxisTakesColumns) {
    const auto model = open(R"(<ir_version: 7, opset_import: ["" : 11]>
        g (float[N,2] x) => (float[N,1] y, float[N,2] z) {
            a, b = Split<axis=-1, split=[1, 2]>(w)
            y = MatMul(x, a)
            z = MatMul(x, b)
        })",
                            {{"w", counted({2, 3})}});
    ASSERT_EQ(model->layers.size(), 2u);
    EXPECT_THAT(matrixOfLayer(*model, 0), ElementsAre(0, 3));
    EXPECT_THAT(matrixOfLayer(*model, 1), ElementsAre(1, 4, 2, 5));
}

TEST(WeightFolding, SharedAndHalfPrecisionWeightsAreFound) {
    const auto half = Tensor::fromValues<std::uint16_t>({1, 2}, std::vector<std::uint16_t>{0x3c00, 0x4000});
    const auto model =
        open(R"(<ir_version: 8, opset_import: ["" : 17]>
        g (float[N,2] x) => (float[N,2] y, float[N,1] z) {
            again = Identity(w)
            h = Gemm<transB=1>(x, w)
            y = Gemm<transB=1>(h, again)
            wide = Cast<to=1>(narrow)
            z = Gemm<transB=1>(x, wide)
        })",
             {{"w", counted({2, 2})}, {"narrow", Tensor::wrap(DType::Float16, {1, 2}, half.storage())}});
    ASSERT_EQ(model->layers.size(), 3u);
    EXPECT_EQ(model->graph.constant(model->layers[0].weight)->bytes(),
              model->graph.constant(model->layers[1].weight)->bytes()); // no copy
    EXPECT_THAT(matrixOfLayer(*model, 2), ElementsAre(1, 2));
}

TEST(WeightFolding, WhatIsNoWayToALayerStays) {
    const auto model = open(R"(<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,3] x) => (float[3,2] moved, float[3,2] y, float[2,2] z) {
            moved = Transpose(w)
            t = Transpose(w)
            y = Add(t, t)
            xt = Transpose(x)
            z = MatMul(x, xt)
        })",
                            {{"w", counted({2, 3})}});
    EXPECT_THAT(operators(*model),
                testing::UnorderedElementsAre("Transpose", "Transpose", "Add", "Transpose", "MatMul"));
    EXPECT_TRUE(model->layers.empty());
}

TEST(WeightFolding, OperatorsThatContradictTheirWeightAreLeftToTheExecutor) {
    const auto ints = [](std::vector<std::int64_t> values) {
        return Tensor::fromValues<std::int64_t>({std::ssize(values)}, values);
    };
    for (const std::string line :
         {"t = Reshape(w, wrong)", "t = Reshape(w, huge)", "t = Transpose<perm=[0,0]>(w)",
          "t = Transpose<perm=[0]>(w)", "t = Squeeze(w, wrong)", "t = Unsqueeze(w, huge)",
          "t, u = Split(w, wrong)", "t = Flatten<axis=7>(w)"}) {
        const auto model = open(R"(<ir_version: 8, opset_import: ["" : 17]>
            g (float[N,2] x) => (float[N,3] y) { )" +
                                    line + " y = MatMul(x, t) }",
                                {{"w", counted({2, 3})},
                                 {"wrong", ints({5, -1})},
                                 {"huge", ints({std::int64_t(1) << 62, std::int64_t(1) << 62, -1})}});
        ASSERT_TRUE(model) << line;
        EXPECT_TRUE(model->layers.empty()) << line;
        EXPECT_EQ(model->graph.nodes().size(), 2u) << line;
    }
}

} // namespace
} // namespace qs
