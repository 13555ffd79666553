#include "core/exec/executor.h"
#include "core/io/importer.h"
#include "tests/support/onnx_text_model.h"
#include "tests/support/temp_dir.h"

namespace qs {
namespace {

using testing::HasSubstr;
using Ints = std::vector<std::int64_t>;

template <typename T>
Tensor of(Shape shape, std::vector<T> values) {
    return Tensor::fromValues<T>(std::move(shape), std::span<const T>(values));
}
Tensor floats(Shape shape, std::vector<float> values) {
    return of<float>(std::move(shape), std::move(values));
}

class QuantizedOnnx : public testing::Test {
protected:
    std::shared_ptr<const Model> open(const std::string &text, const std::map<std::string, Tensor> &tensors) {
        writeOnnxText(m_file, text, tensors);
        m_findings.clear();
        auto model = openModel(m_file, m_findings, {});
        EXPECT_TRUE(model) << model.error().text();
        return *model;
    }
    std::string findings() const {
        std::string text;
        for (const auto &entry : m_findings.snapshot())
            text += entry.finding.where + ": " + entry.finding.what + "\n";
        return text;
    }
    static const QuantizedMatrix &matrix(const Model &model, LayerId layer = 0) {
        return *model.stored.at(layer)->weight;
    }
    static std::vector<float> run(const std::shared_ptr<const Model> &model, std::vector<Tensor> inputs) {
        const auto executor = Executor::create(model);
        EXPECT_TRUE(executor) << executor.error().text();
        const auto outputs = (*executor)->run(std::move(inputs), {}, {});
        EXPECT_TRUE(outputs) << outputs.error().text();
        const auto values = (*outputs)[0].values<float>();
        return {values.begin(), values.end()};
    }

    TempDir m_folder;
    std::filesystem::path m_file = m_folder.path() / "m.onnx";
    FindingList m_findings;
};

/// file_formats 17.3: int4 [-8, 7, 3, -1, 0, 5, -3] is 78 F3 50 0D.
TEST_F(QuantizedOnnx, FourBitCodesAreThoseOfTheWorkedExample) {
    Tensor packed = Tensor::allocate(DType::Int4, Shape{7, 1});
    const std::uint8_t bytes[] = {0x78, 0xF3, 0x50, 0x0D};
    std::memcpy(packed.mutableBytes(), bytes, 4);
    const auto model = open(R"(<ir_version: 10, opset_import: ["" : 21]> g (float[N,7] x) => (float[N,1] y) {
        w = DequantizeLinear <axis = 1> (q, s) y = MatMul(x, w) })",
                            {{"q", packed}, {"s", floats(Shape{1}, {0.5f})}});
    ASSERT_EQ(model->layers.size(), 1U);
    EXPECT_EQ(matrix(*model).codes, (std::vector<std::int16_t>{-8, 7, 3, -1, 0, 5, -3}));
    EXPECT_EQ(matrix(*model).bits, 4);
    EXPECT_EQ(matrix(*model).scales, std::vector<float>{0.5f});
    EXPECT_EQ(weightMatrix(model->layers[0], model->graph)->values<float>()[2], 1.5f);
}

TEST_F(QuantizedOnnx, BlocksAlongBothAxesGiveTheGroupsOfTheLayer) {
    std::vector<std::int8_t> codes(24);
    for (std::size_t i = 0; i < codes.size(); ++i)
        codes[i] = static_cast<std::int8_t>(i * 7 % 31) - 15;
    const std::vector<float> scales{1, 2, 3, 4, 5, 6, 7, 8};
    // [K 6, N 4] in blocks of 3 along K: groups of the inputs.
    auto model = open(R"(<ir_version: 10, opset_import: ["" : 21]> g (float[N,6] x) => (float[N,4] y) {
        w = DequantizeLinear <axis = 0, block_size = 3> (q, s) y = MatMul(x, w) })",
                      {{"q", of(Shape{6, 4}, codes)}, {"s", floats(Shape{2, 4}, scales)}});
    EXPECT_EQ(matrix(*model).layout.groupSize, 3);
    for (std::int64_t n = 0; n < 4; ++n)
        for (std::int64_t k = 0; k < 6; ++k) {
            EXPECT_EQ(matrix(*model).grid(n, k).scale, scales[static_cast<std::size_t>(k / 3 * 4 + n)]);
            EXPECT_EQ(matrix(*model).codes[static_cast<std::size_t>(n * 6 + k)],
                      codes[static_cast<std::size_t>(k * 4 + n)]);
        }
    // Blocks of 2 along N: rows share scales; they are repeated, and the bits count what the file spends.
    model = open(
        R"(<ir_version: 10, opset_import: ["" : 21]> g (float[N,6] x) => (float[N,4] y) {
        w = DequantizeLinear <axis = 1, block_size = 2> (q, s) y = MatMul(x, w) })",
        {{"q", of(Shape{6, 4}, codes)}, {"s", floats(Shape{6, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})}});
    EXPECT_EQ(matrix(*model).grid(3, 5).scale, 12);
    EXPECT_EQ(matrix(*model).grid(0, 5).scale, 11);
    EXPECT_DOUBLE_EQ(matrix(*model).bitsBreakdown().scales, 32. * 12 / 24);
}

TEST_F(QuantizedOnnx, SignedCodesWithAZeroPointCountFromZero) {
    const auto model = open(R"(<ir_version: 8, opset_import: ["" : 17]> g (float[N,2] x) => (float[N,2] y) {
        w = DequantizeLinear <axis = 1> (q, s, z) y = MatMul(x, w) })",
                            {{"q", of<std::int8_t>(Shape{2, 2}, {-128, 5, 127, 0})},
                             {"s", floats(Shape{2}, {0.5f, 2})},
                             {"z", of<std::int8_t>(Shape{2}, {-3, 4})}});
    EXPECT_EQ(matrix(*model).convention, GridConvention::Asymmetric);
    EXPECT_EQ(matrix(*model).codes, (std::vector<std::int16_t>{0, 255, 133, 128}));
    EXPECT_EQ(matrix(*model).zeroPoints, (std::vector<std::int32_t>{125, 132}));
    EXPECT_EQ(matrix(*model).valueOf(0, 0), -62.5f);
}

/// file_formats 17.3: E4M3FN codes 00 01 08 38 7E B8 81 FE.
TEST_F(QuantizedOnnx, SmallFloatsAreLevels) {
    Tensor codes = Tensor::allocate(DType::Float8E4M3FN, Shape{8, 1});
    const std::uint8_t bytes[] = {0x00, 0x01, 0x08, 0x38, 0x7E, 0xB8, 0x81, 0xFE};
    std::memcpy(codes.mutableBytes(), bytes, 8);
    const auto model = open(R"(<ir_version: 9, opset_import: ["" : 19]> g (float[N,8] x) => (float[N,1] y) {
        w = DequantizeLinear (q, s) y = MatMul(x, w) })",
                            {{"q", codes}, {"s", Tensor::scalar(2.0f)}});
    const Tensor values = matrix(*model).dequantize();
    const std::vector<float> expected{0, 0x1p-8f, 0x1p-5f, 2, 896, -2, -0x1p-8f, -896};
    EXPECT_TRUE(std::ranges::equal(values.values<float>(), expected));
    EXPECT_EQ(matrix(*model).codes[7], 0xFE);
}

TEST_F(QuantizedOnnx, MatMulNBitsIsAMatMulWithItsCodes) {
    // N 3, K 6 in blocks of 4: two blocks a row, the second half empty.
    const auto code = [](int n, int k) { return (5 * n + 3 * k) % 16; };
    const auto zero = [](int n, int b) { return (n + 7 * b) % 16; };
    std::vector<std::uint8_t> bytes, zeros;
    std::vector<float> scales;
    for (int n = 0; n < 3; ++n) {
        for (int k = 0; k < 8; k += 2)
            bytes.push_back(static_cast<std::uint8_t>(k < 6 ? code(n, k) | code(n, k + 1) << 4 : 0xFF));
        zeros.push_back(static_cast<std::uint8_t>(zero(n, 0) | zero(n, 1) << 4));
        scales.push_back(0.5f);
        scales.push_back(n == 1 ? -0.25f : 0.25f); // ONNX Runtime makes negative ones
    }
    const std::map<std::string, Tensor> tensors{{"b", of(Shape{3, 2, 2}, bytes)},
                                                {"s", floats(Shape{6}, scales)},
                                                {"z", of(Shape{3}, zeros)},
                                                {"bias", floats(Shape{3}, {1, 2, 3})}};
    const auto model = open(
        R"(<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]> g (float[N,6] x) => (float[N,3] y) {
            y = com.microsoft.MatMulNBits <K = 6, N = 3, bits = 4, block_size = 4> (x, b, s, z, , bias) })",
        tensors);
    ASSERT_EQ(model->layers.size(), 1U) << findings();
    const QuantizedMatrix &grid = matrix(*model);
    EXPECT_TRUE(grid.validate(QuantizedMatrix::ScaleSign::Any));
    std::vector<float> expected{1, 2, 3};
    const std::vector<float> x{1, -2, 3, 0.5f, -1, 4};
    for (int n = 0; n < 3; ++n)
        for (int k = 0; k < 6; ++k) {
            EXPECT_EQ(grid.codes[static_cast<std::size_t>(n * 6 + k)], code(n, k));
            EXPECT_EQ(grid.grid(n, k).zeroPoint, zero(n, k / 4));
            EXPECT_EQ(grid.grid(n, k).scale, scales[static_cast<std::size_t>(2 * n + k / 4)]);
            expected[static_cast<std::size_t>(n)] += x[static_cast<std::size_t>(k)] *
                                                     scales[static_cast<std::size_t>(2 * n + k / 4)] *
                                                     static_cast<float>(code(n, k) - zero(n, k / 4));
        }
    const std::vector<float> y = run(model, {floats(Shape{1, 6}, x)});
    for (std::size_t n = 0; n < 3; ++n)
        EXPECT_NEAR(y[n], expected[n], 1e-5);
    EXPECT_THAT(model->stored.at(0)->form, HasSubstr("MatMulNBits, uint4, blocks of 4"));
}

TEST_F(QuantizedOnnx, MatMulNBitsWithWrongSizesIsSaid) {
    const std::string text =
        R"(<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]> g (float[N,6] x) => (float[N,3] y) {
            y = com.microsoft.MatMulNBits <K = 6, N = 3, bits = %, block_size = 4> (x, b, s) })";
    const auto with = [&](const char *bits) { return std::string(text).replace(text.find('%'), 1, bits); };
    std::map<std::string, Tensor> tensors{{"b", Tensor::zeros(DType::UInt8, Shape{3, 2, 2})},
                                          {"s", floats(Shape{3, 2}, {1, 1, 1, 1, 1, 1})}};
    EXPECT_EQ(open(with("4"), tensors)->stored.size(), 1U);
    EXPECT_EQ(matrix(*open(with("4"), tensors)).zeroPoints[0], 8) << "the default";
    EXPECT_TRUE(open(with("8"), tensors)->stored.empty());
    EXPECT_THAT(findings(), HasSubstr("needs uint8 [3, 2, 4]"));
    EXPECT_TRUE(open(with("3"), tensors)->stored.empty());
    EXPECT_THAT(findings(), HasSubstr("blocks of 4"));
    tensors["s"] = floats(Shape{3}, {1, 1, 1});
    EXPECT_TRUE(open(with("4"), tensors)->stored.empty());
    EXPECT_THAT(findings(), HasSubstr("has scales float32 [3]"));
}

/// y = round(acc · xs · ws / ys) + yz: every number of the operator by a plain loop.
TEST_F(QuantizedOnnx, QLinearConvRunsWithItsWeightAsALayer) {
    std::vector<std::int8_t> w(2 * 2 * 3 * 3);
    for (std::size_t i = 0; i < w.size(); ++i)
        w[i] = static_cast<std::int8_t>(i * 37 % 201) - 100;
    const std::vector<float> ws{0.02f, 0.03f};
    const std::vector<std::int32_t> bias{400, -300};
    const auto model = open(
        R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1,2,3,3] x) => (float[1,2,1,1] y) {
            xq = QuantizeLinear(x, xs, xz)
            yq = QLinearConv(xq, xs, xz, w, ws, wz, ys, yz, b)
            y = DequantizeLinear(yq, ys, yz) })",
        {{"xs", Tensor::scalar(0.1f)},
         {"xz", Tensor::scalar(std::uint8_t{12})},
         {"w", of(Shape{2, 2, 3, 3}, w)},
         {"ws", floats(Shape{2}, ws)},
         {"wz", of<std::int8_t>(Shape{2}, {0, 0})},
         {"ys", Tensor::scalar(0.4f)},
         {"yz", Tensor::scalar(std::uint8_t{100})},
         {"b", of(Shape{2}, bias)}});
    ASSERT_EQ(model->layers.size(), 1U) << findings();
    EXPECT_EQ(model->layers[0].kind, LayerKind::Conv);
    EXPECT_TRUE(std::ranges::equal(matrix(*model).codes, w));
    EXPECT_EQ(matrix(*model).scales, ws);
    ASSERT_TRUE(model->stored.at(0)->activation);
    EXPECT_EQ(model->stored.at(0)->activation->scale, 0.1f);
    EXPECT_EQ(model->stored.at(0)->activation->zeroPoint, 12);
    std::vector<float> x(18);
    for (std::size_t i = 0; i < x.size(); ++i)
        x[i] = static_cast<float>(i * 11 % 17) * 0.3f - 1.1f;
    const std::vector<float> y = run(model, {floats(Shape{1, 2, 3, 3}, x)});
    for (std::size_t m = 0; m < 2; ++m) {
        std::int64_t sum = bias[m];
        for (std::size_t i = 0; i < 18; ++i) {
            const double code = std::clamp(std::nearbyint(x[i] / 0.1f) + 12, 0.0f, 255.0f);
            sum += (static_cast<std::int64_t>(code) - 12) * w[m * 18 + i];
        }
        const double code =
            std::clamp(std::nearbyint(static_cast<double>(sum) * 0.1f * ws[m] / 0.4f) + 100, 0.0, 255.0);
        EXPECT_NEAR(y[m], (code - 100) * 0.4f, 1e-5) << "sum " << sum;
    }
}

TEST_F(QuantizedOnnx, TwoBitActivationsAndWeightsOfOpset25) {
    const auto packed = [](Shape shape, std::initializer_list<int> bytes) {
        Tensor tensor = Tensor::allocate(DType::Int2, std::move(shape));
        std::ranges::transform(bytes, tensor.mutableBytes(), [](int byte) { return std::byte(byte); });
        return tensor;
    };
    const auto model = open(
        R"(<ir_version: 8, opset_import: ["" : 25]> g (float[N,4] x) => (float[N,2] y) {
            xq = QuantizeLinear(x, xs, xz)
            xf = DequantizeLinear(xq, xs, xz)
            wf = DequantizeLinear <axis = 1> (w, ws)
            y = MatMul(xf, wf) })",
        {{"xs", Tensor::scalar(0.5f)},
         {"xz", packed({}, {0})},
         {"w", packed({4, 2}, {0b11100100, 0b01101100})}, // rows 0 1, -2 -1, 0 -1, -2 1
         {"ws", floats(Shape{2}, {0.25f, 2})}});
    ASSERT_EQ(model->layers.size(), 1U) << findings();
    EXPECT_EQ(matrix(*model).codes, (std::vector<std::int16_t>{0, -2, 0, -2, 1, -1, -1, 1}));
    ASSERT_TRUE(model->stored.at(0)->activation);
    EXPECT_EQ(model->stored.at(0)->activationScheme.bits, 2);
    EXPECT_EQ(model->stored.at(0)->activationScheme.convention, GridConvention::SymmetricFull);
    // x becomes -1, 0.5, 0, -0.5
    EXPECT_EQ(run(model, {floats(Shape{1, 4}, {-9, 7, 0.1f, -0.6f})}), (std::vector<float>{0, -4}));
}

TEST_F(QuantizedOnnx, DynamicIntegerProductsAreLayersToo) {
    const std::vector<std::int8_t> w{10, -20, 30, -40, 50, 127};
    const std::map<std::string, Tensor> tensors{{"w", of(Shape{3, 2}, w)},
                                                {"ws", floats(Shape{2}, {0.01f, 0.02f})},
                                                {"wz", of<std::int8_t>(Shape{2}, {0, 0})}};
    const std::string text = R"(<ir_version: 8, opset_import: ["" : 17]> g (float[N,3] x) => (float[N,2] y) {
            xq, xs, xz = DynamicQuantizeLinear(x)
            acc = MatMulInteger(xq, w, xz, wz)
            f = Cast <to = 1> (acc)
            s = Mul(xs, ws)
            y = Mul(f, s) })";
    const auto model = open(text, tensors);
    ASSERT_EQ(model->layers.size(), 1U) << findings();
    EXPECT_EQ(matrix(*model).codes, (std::vector<std::int16_t>{10, 30, 50, -20, -40, 127}));
    EXPECT_EQ(matrix(*model).scales, (std::vector<float>{0.01f, 0.02f}));
    const std::vector<float> x{0.5f, -0.25f, 1};
    const std::vector<float> y = run(model, {floats(Shape{1, 3}, x)});
    const float scale = 1.25f / 255, zero = std::nearbyint(0.25f / scale);
    for (std::size_t n = 0; n < 2; ++n) {
        double sum = 0;
        for (std::size_t k = 0; k < 3; ++k)
            sum += (std::nearbyint(x[k] / scale) + zero - zero) * w[2 * k + n];
        EXPECT_NEAR(y[n], sum * scale * (n == 0 ? 0.01 : 0.02), 1e-5);
    }
}

TEST_F(QuantizedOnnx, IntegerProductsWithoutScalesAreSaid) {
    const auto model = open(R"(<ir_version: 8, opset_import: ["" : 17]> g (uint8[N,3] x) => (int32[N,2] y) {
            y = MatMulInteger(x, w) })",
                            {{"w", of<std::int8_t>(Shape{3, 2}, {1, 2, 3, 4, 5, 6})}});
    EXPECT_TRUE(model->stored.empty());
    EXPECT_THAT(findings(), HasSubstr("codes without a scale"));
}

// Issue 5: torch's fake quantization, pytorch-quantization and others write float weights with a pair behind.
TEST_F(QuantizedOnnx, PairsBehindFloatWeightsAreLayersWithTheirCodes) {
    const auto model = open(R"(<ir_version: 7, opset_import: ["" : 13]> g (float[N,2] x) => (float[N,3] y) {
        same = Identity(z)
        t = Transpose(w)
        q = QuantizeLinear <axis = 1> (t, s, same)
        d = DequantizeLinear <axis = 1> (q, s, z)
        y = MatMul(x, d) })",
                            {{"w", floats(Shape{3, 2}, {0.24f, -1, 1.3f, 200, 2, -500})},
                             {"s", floats(Shape{3}, {0.5f, 1, 2})},
                             {"z", of<std::int8_t>(Shape{3}, {0, 0, 0})}});
    ASSERT_EQ(model->layers.size(), 1U);
    EXPECT_EQ(matrix(*model).codes, (std::vector<std::int16_t>{0, -2, 1, 127, 1, -128}));
    EXPECT_EQ(run(model, {floats(Shape{1, 2}, {1, 1})}), (std::vector<float>{-1, 128, -254}));
    EXPECT_THAT(findings(), HasSubstr("1 of its 1 layers"));
}

/// A pair behind a constant that enters a layer stays, as does a look-up in a table of codes.
TEST_F(QuantizedOnnx, OnlyWhatLeadsToAWeightIsFolded) {
    const auto model = open(R"(<ir_version: 7, opset_import: ["" : 13]> g (float[2,2] x) => (float[2,2] y) {
        q = QuantizeLinear (state, s, z)
        d = DequantizeLinear (q, s, z)
        h = MatMul(d, w)
        t = DequantizeLinear (table, s, z)
        p = Gather (t, places)
        hp = Add(h, p)
        y = Add(hp, x) })",
                            {{"w", floats(Shape{2, 2}, {1, 2, 3, 4})},
                             {"state", floats(Shape{2, 2}, {0, 0, 0.5f, 1})},
                             {"table", of<std::int8_t>(Shape{3, 2}, {2, 4, 6, 8, 10, 12})},
                             {"places", of<std::int64_t>(Shape{2}, {2, 0})},
                             {"s", floats(Shape{}, {0.5f})},
                             {"z", of<std::int8_t>(Shape{}, {0})}});
    ASSERT_EQ(model->layers.size(), 2U);
    EXPECT_EQ(model->layers[1].kind, LayerKind::Embedding);
    EXPECT_EQ(model->graph.nodes().size(), 6U) << findings();
    EXPECT_EQ(run(model, {floats(Shape{2, 2}, {0, 0, 0, 0})}), (std::vector<float>{5, 6, 4.5f, 7}));
}

TEST_F(QuantizedOnnx, WrongScalesAreSaidAndTheModelStillOpens) {
    const auto model =
        open(R"(<ir_version: 8, opset_import: ["" : 17]> g (float[N,2] x) => (float[N,3] y) {
        w = DequantizeLinear <axis = 0> (q, s) y = MatMul(x, w) })",
             {{"q", of<std::int8_t>(Shape{2, 3}, {1, 2, 3, 4, 5, 6})}, {"s", floats(Shape{3}, {1, 2, 3})}});
    EXPECT_TRUE(model->layers.empty());
    EXPECT_THAT(findings(), HasSubstr("has scales [3] along axis 0 of a weight [2, 3]"));
}

TEST_F(QuantizedOnnx, FloatModelsStayAsTheyAre) {
    const auto model = open(R"(<ir_version: 8, opset_import: ["" : 17]> g (float[N,2] x) => (float[N,2] y) {
        y = MatMul(x, w) })",
                            {{"w", floats(Shape{2, 2}, {1, 2, 3, 4})}});
    EXPECT_TRUE(model->stored.empty());
    EXPECT_EQ(findings(), "");
}

} // namespace
} // namespace qs
