#pragma once

#include "core/base/random.h"
#include "core/graph/model.h"

#include <gtest/gtest.h>

namespace qs {

/// float32 [rows, columns], normally distributed.
inline Tensor normalValues(std::int64_t rows, std::int64_t columns, std::uint64_t seed, float scale = 1) {
    Tensor values = Tensor::allocate(DType::Float32, {rows, columns});
    Random random(seed);
    for (float &value : values.mutableValues<float>())
        value = static_cast<float>(random.normal()) * scale;
    return values;
}

/// A chain of square linear layers "fc0", "fc1", … with a ReLU behind each, so that nodes can be fused. Reads
/// "x", [n, width].
inline std::shared_ptr<const Model> linearChain(std::int64_t width, int layers) {
    GraphBuilder builder;
    builder.setOpset("", 17);
    ValueId x = builder.value("x");
    builder.describe(x, DType::Float32, Shape({-1, width}));
    builder.addInput(x);
    for (int i = 0; i < layers; ++i) {
        const std::string name = "fc" + std::to_string(i);
        const auto seed = static_cast<std::uint64_t>(11 + i);
        const float scale = 1.4F / std::sqrt(static_cast<float>(width)); // values neither grow nor fade
        EXPECT_TRUE(builder.addConstant(builder.value(name + ".w"), normalValues(width, width, seed, scale)));
        Node product, relu;
        product.name = name;
        product.opType = "MatMul";
        product.inputs = {x, builder.value(name + ".w")};
        product.outputs = {builder.value(name + ".y")};
        relu.name = name + ".relu";
        relu.opType = "Relu";
        relu.inputs = {product.outputs[0]};
        relu.outputs = {builder.value(name + ".z")};
        x = relu.outputs[0];
        EXPECT_TRUE(builder.addNode(std::move(product)));
        EXPECT_TRUE(builder.addNode(std::move(relu)));
    }
    builder.addOutput(x);
    auto model = std::make_shared<Model>();
    model->graph = *std::move(builder).finish();
    model->layers = findLayers(model->graph);
    return model;
}

} // namespace qs
