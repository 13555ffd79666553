#include "core/exec/executor.h"
#include "core/io/importer.h"
#include "tests/support/onnx_text_model.h"
#include "tests/support/temp_dir.h"

namespace qs {
namespace {

using testing::HasSubstr;

template <typename T>
Tensor of(Shape shape, std::vector<T> values) {
    return Tensor::fromValues<T>(std::move(shape), std::span<const T>(values));
}

/// Operators of com.microsoft between codes, and fused ones. That they compute what ONNX Runtime computes is
/// seen in tests/ort; here is what a user sees of them, and what stays.
class FusedOperators : public testing::Test {
protected:
    FusedOperators() {
        m_tensors.emplace("s", Tensor::scalar(0.1f));
        m_tensors.emplace("z", Tensor::scalar(std::uint8_t{128}));
        m_tensors.emplace("w", of<std::int8_t>(Shape{4, 2}, {1, -2, 3, -4, 5, -6, 7, -8}));
        m_tensors.emplace("ws", of<float>(Shape{2}, {0.5f, 0.25f}));
        m_tensors.emplace("wz", of<std::int8_t>(Shape{2}, {0, 0}));
        m_tensors.emplace("b", of<std::int32_t>(Shape{2}, {10, 20}));
    }
    std::shared_ptr<const Model> open(const std::string &body) {
        const auto file = m_folder.path() / "m.onnx";
        writeOnnxText(file,
                      R"(<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>
                         g (float[N,4] x) => (float[N,2] y) { a = QuantizeLinear(x, s, z) )" +
                          body + " }",
                      m_tensors);
        auto model = openModel(file, m_findings, {});
        EXPECT_TRUE(model) << model.error().text();
        return *model;
    }
    std::string findings() const {
        std::string text;
        for (const auto &entry : m_findings.snapshot())
            text += entry.finding.where + ": " + entry.finding.what + "\n";
        return text;
    }
    /// What keeps the model from running, or nothing.
    static std::string missing(const Model &model) {
        std::string text;
        for (const MissingOperator &entry : Executor::missingOperators(model.graph))
            text += entry.domain + "." + entry.opType + " ";
        return text;
    }

    TempDir m_folder;
    std::map<std::string, Tensor> m_tensors;
    FindingList m_findings;
};

TEST_F(FusedOperators, QGemmIsALayerWithItsCodes) {
    const auto model = open("y = com.microsoft.QGemm(a, s, z, w, ws, wz, b)");
    ASSERT_EQ(model->layers.size(), 1U) << findings();
    EXPECT_TRUE(model->hasOtherNodes);
    const StoredQuantization &stored = *model->stored.at(0);
    EXPECT_EQ(stored.weight->codes, (std::vector<std::int16_t>{1, 3, 5, 7, -2, -4, -6, -8}));
    EXPECT_EQ(stored.weight->scales, (std::vector<float>{0.5f, 0.25f}));
    ASSERT_TRUE(stored.activation);
    EXPECT_EQ(stored.activation->zeroPoint, 128);
    const auto executor = Executor::create(model);
    ASSERT_TRUE(executor) << executor.error().text();
    const auto y = (*executor)->run({of<float>(Shape{1, 4}, {1, 0, -1, 0.5f})}, {}, {});
    ASSERT_TRUE(y) << y.error().text();
    // 0.5 (1 - 5 + 3.5) + 10 · 0.05, 0.25 (-2 + 6 - 4) + 20 · 0.025
    EXPECT_THAT((*y)[0].values<float>()[0], testing::FloatNear(0.25f, 1e-6f));
    EXPECT_THAT((*y)[0].values<float>()[1], testing::FloatNear(0.5f, 1e-6f));
}

TEST_F(FusedOperators, NoTwoNodesShareAName) {
    const auto model =
        open("q = com.microsoft.QLinearAdd(a, s, z, a, s, z, s, z) "
             "r = com.microsoft.QLinearAdd(q, s, z, a, s, z, s, z) y = DequantizeLinear(r, s, z)");
    std::set<std::string> names;
    int named = 0;
    for (const Node &node : model->graph.nodes())
        if (!node.name.empty()) {
            ++named;
            EXPECT_TRUE(names.insert(node.name).second) << node.name;
        }
    EXPECT_GE(named, 6);
}

TEST_F(FusedOperators, AnActivationThatIsNotNamedIsNone) {
    m_tensors["k"] = of<float>(Shape{1, 1, 1, 1}, {-3});
    m_tensors["axes"] = of<std::int64_t>(Shape{2}, {0, 1});
    const auto model = open("i = Unsqueeze(x, axes) c = com.microsoft.FusedConv(i, k) y = Squeeze(c, axes)");
    ASSERT_EQ(missing(*model), "");
    const auto executor = Executor::create(model);
    ASSERT_TRUE(executor) << executor.error().text();
    const auto y = (*executor)->run({of<float>(Shape{1, 4}, {1, -1, 2, 0})}, {}, {});
    ASSERT_TRUE(y) << y.error().text();
    EXPECT_THAT((*y)[0].values<float>(), testing::ElementsAre(-3, 3, -6, 0));
}

TEST_F(FusedOperators, AWeightThatIsNotConstantLeavesTheOperator) {
    const auto model = open("v = QuantizeLinear(x, s, z) t = Transpose(v) "
                            "f = com.microsoft.MatMulIntegerToFloat(a, t, s, s, z, z) y = Identity(f)");
    EXPECT_TRUE(model->layers.empty());
    EXPECT_EQ(missing(*model), "com.microsoft.MatMulIntegerToFloat ");
}

TEST_F(FusedOperators, WhatTheFloatOperatorDoesNotMeanStays) {
    for (const char *body : {"q = com.microsoft.QLinearSoftmax <axis = 1, opset = 12> (a, s, z, s, z) y = "
                             "DequantizeLinear(q, s, z)",
                             "q = com.microsoft.QLinearSigmoid(a, s, z, s) y = DequantizeLinear(q, s)",
                             "q = com.microsoft.QLinearGlobalAveragePool <channels_last = 1> (a, s, z, s, z) "
                             "y = DequantizeLinear(q, s, z)",
                             "q = com.microsoft.QLinearAveragePool <kernel_shape = [2], ceil_mode = 1, "
                             "count_include_pad = 1> (a, s, z, s, z) y = DequantizeLinear(q, s, z)",
                             "y = com.microsoft.FusedGemm(x, x)",
                             "y = com.microsoft.FusedGemm <activation = \"Softsign\"> (x, x)"}) {
        const auto model = open(body);
        EXPECT_THAT(missing(*model), HasSubstr("com.microsoft.")) << body;
        EXPECT_FALSE(model->hasOtherNodes) << body;
    }
}

TEST_F(FusedOperators, DamagedParametersAreTold) {
    m_tensors["b"] = of<std::int32_t>(Shape{3}, {1, 2, 3});
    auto model = open("y = com.microsoft.QGemm(a, s, z, w, ws, wz, b)");
    EXPECT_TRUE(model->layers.empty());
    EXPECT_THAT(findings(), HasSubstr("has a bias that does not fit its scales"));
    m_tensors["ws"] = of<float>(Shape{3}, {1, 1, 1});
    model = open("y = com.microsoft.MatMulIntegerToFloat(a, w, s, ws, z, wz)");
    EXPECT_TRUE(model->layers.empty());
    EXPECT_THAT(findings(), HasSubstr("MatMulIntegerToFloat"));
}

TEST_F(FusedOperators, ABiasOfAConvolutionMayNotComeFromTheInput) {
    m_tensors["k"] = of<std::int8_t>(Shape{1, 1, 1, 1}, {3});
    m_tensors["one"] = of<float>(Shape{1}, {1});
    m_tensors["zero"] = of<std::int8_t>(Shape{1}, {0});
    m_tensors["axes"] = of<std::int64_t>(Shape{2}, {0, 1});
    open("i = Unsqueeze(a, axes) c = Cast <to = 6> (x) m = ReduceMax <keepdims = 0> (c) "
         "q = QLinearConv(i, s, z, k, one, zero, s, z, m) f = DequantizeLinear(q, s, z) y = Identity(f)");
    EXPECT_THAT(findings(), HasSubstr("has a bias, and that or a scale is not constant"));
}

} // namespace
} // namespace qs
