#include "core/exec/hessian_accumulator.h"

#include "core/base/random.h"

namespace qs {
namespace {

struct ConvCase {
    std::int64_t channels, outputs, height, width, kernel, stride, pad, dilation, groups;
};

ModelGraph convGraph(const ConvCase &c) {
    GraphBuilder builder;
    builder.addInput(builder.value("x"));
    const Tensor weight =
        Tensor::zeros(DType::Float32, {c.outputs, c.channels / c.groups, c.kernel, c.kernel});
    EXPECT_TRUE(builder.addConstant(builder.value("w"), weight));
    Node node;
    node.name = "conv";
    node.opType = "Conv";
    node.inputs = {builder.value("x"), builder.value("w")};
    node.outputs = {builder.value("y")};
    node.attributes["strides"] = std::vector<std::int64_t>{c.stride, c.stride};
    node.attributes["pads"] = std::vector<std::int64_t>(4, c.pad);
    node.attributes["dilations"] = std::vector<std::int64_t>{c.dilation, c.dilation};
    node.attributes["group"] = c.groups;
    EXPECT_TRUE(builder.addNode(std::move(node)));
    builder.addOutput(builder.value("y"));
    return *std::move(builder).finish();
}

Tensor randomTensor(const Shape &shape, std::uint64_t seed) {
    Tensor tensor = Tensor::allocate(DType::Float32, shape);
    Random random(seed);
    for (float &value : tensor.mutableValues<float>())
        value = static_cast<float>(random.normal());
    return tensor;
}

/// The definition, element by element: patch of output pixel (y, x), dotted with itself.
double expectedEntry(const ConvCase &c, const Tensor &input, std::int64_t group, std::int64_t i,
                     std::int64_t j) {
    const std::int64_t images = input.shape()[0];
    const auto values = input.values<float>();
    const std::int64_t span = c.dilation * (c.kernel - 1) + 1;
    const std::int64_t outH = (c.height + 2 * c.pad - span) / c.stride + 1;
    const std::int64_t outW = (c.width + 2 * c.pad - span) / c.stride + 1;
    auto at = [&](std::int64_t n, std::int64_t column, std::int64_t y, std::int64_t x) -> double {
        const std::int64_t channel = group * (c.channels / c.groups) + column / (c.kernel * c.kernel);
        const std::int64_t row = y * c.stride + column / c.kernel % c.kernel * c.dilation - c.pad;
        const std::int64_t col = x * c.stride + column % c.kernel * c.dilation - c.pad;
        if (row < 0 || row >= c.height || col < 0 || col >= c.width)
            return 0.0;
        return values[static_cast<std::size_t>(((n * c.channels + channel) * c.height + row) * c.width +
                                               col)];
    };
    double sum = 0;
    for (std::int64_t n = 0; n < images; ++n)
        for (std::int64_t y = 0; y < outH; ++y)
            for (std::int64_t x = 0; x < outW; ++x)
                sum += at(n, i, y, x) * at(n, j, y, x);
    return 2.0 * sum / static_cast<double>(images * outH * outW);
}

TEST(HessianAccumulator, ConvolutionMatchesTheDefinition) {
    const std::vector<ConvCase> cases = {{4, 6, 7, 5, 3, 1, 1, 1, 1},
                                         {4, 8, 9, 9, 3, 2, 0, 1, 2},
                                         {6, 6, 8, 8, 3, 1, 2, 2, 6},
                                         {3, 5, 4, 4, 1, 1, 0, 1, 1}};
    for (const ConvCase &c : cases) {
        const ModelGraph graph = convGraph(c);
        const Layer layer = findLayers(graph).at(0);
        const Tensor input = randomTensor({3, c.channels, c.height, c.width}, 5);
        auto accumulator = HessianAccumulator::create(layer, graph);
        ASSERT_TRUE(accumulator);
        ASSERT_TRUE(accumulator->add(input, {}, {}));
        const Tensor hessian = accumulator->finish();
        ASSERT_EQ(hessian.shape(), Shape({c.groups, layer.inPerOut, layer.inPerOut}));
        const auto values = hessian.values<double>();
        for (std::int64_t g = 0; g < c.groups; ++g)
            for (std::int64_t i = 0; i < layer.inPerOut; ++i)
                for (std::int64_t j = 0; j < layer.inPerOut; ++j) {
                    const auto index =
                        static_cast<std::size_t>((g * layer.inPerOut + i) * layer.inPerOut + j);
                    EXPECT_NEAR(values[index], expectedEntry(c, input, g, i, j), 1e-9);
                }
    }
}

ModelGraph linearGraph(std::int64_t in, std::int64_t out) {
    GraphBuilder builder;
    builder.addInput(builder.value("x"));
    EXPECT_TRUE(builder.addConstant(builder.value("w"), Tensor::zeros(DType::Float32, {in, out})));
    Node node;
    node.name = "linear";
    node.opType = "MatMul";
    node.inputs = {builder.value("x"), builder.value("w")};
    node.outputs = {builder.value("y")};
    EXPECT_TRUE(builder.addNode(std::move(node)));
    builder.addOutput(builder.value("y"));
    return *std::move(builder).finish();
}

TEST(HessianAccumulator, LinearSumsOverBatchesAndIgnoresThreadCount) {
    const std::int64_t in = 200; // more than one tile, the last one ragged
    const ModelGraph graph = linearGraph(in, 3);
    const Layer layer = findLayers(graph).at(0);
    const Tensor first = randomTensor({2, 700, in}, 1), second = randomTensor({5, in}, 2);
    std::vector<Tensor> results;
    for (const int threads : {1, 2}) {
        RunContext ctx;
        ctx.maxThreads = threads;
        auto accumulator = HessianAccumulator::create(layer, graph);
        ASSERT_TRUE(accumulator);
        ASSERT_TRUE(accumulator->add(first, {}, ctx));
        ASSERT_TRUE(accumulator->add(second, {}, ctx));
        results.push_back(accumulator->finish());
    }
    EXPECT_THAT(results[0].values<double>(), testing::ElementsAreArray(results[1].values<double>()));

    const auto a = first.values<float>(), b = second.values<float>();
    for (const auto &[i, j] : {std::pair<std::size_t, std::size_t>{0, 0}, {199, 3}, {130, 130}, {3, 199}}) {
        double sum = 0;
        for (std::size_t row = 0; row < 1400; ++row)
            sum += static_cast<double>(a[row * 200 + i]) * a[row * 200 + j];
        for (std::size_t row = 0; row < 5; ++row)
            sum += static_cast<double>(b[row * 200 + i]) * b[row * 200 + j];
        EXPECT_NEAR(results[0].values<double>()[i * 200 + j], 2.0 * sum / 1405, 1e-9);
    }
}

TEST(HessianAccumulator, RefusesVolumes) {
    GraphBuilder builder;
    builder.addInput(builder.value("x"));
    ASSERT_TRUE(builder.addConstant(builder.value("w"), Tensor::zeros(DType::Float32, {2, 1, 3, 3, 3})));
    Node node;
    node.name = "volume";
    node.opType = "Conv";
    node.inputs = {builder.value("x"), builder.value("w")};
    node.outputs = {builder.value("y")};
    ASSERT_TRUE(builder.addNode(std::move(node)));
    builder.addOutput(builder.value("y"));
    const ModelGraph graph = *std::move(builder).finish();
    const auto accumulator = HessianAccumulator::create(findLayers(graph).at(0), graph);
    ASSERT_FALSE(accumulator);
    EXPECT_EQ(accumulator.error().where, "volume");
}

} // namespace
} // namespace qs
