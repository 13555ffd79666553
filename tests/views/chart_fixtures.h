#pragma once

#include "core/session/run.h"

#include <gtest/gtest.h>

namespace qs {

/// x → MatMul(first [4, 3]) → MatMul(second [3, 2]); `first` holds these values as [in, out].
inline std::shared_ptr<const Model> twoLayerModel(const std::vector<float> &first) {
    GraphBuilder builder;
    builder.addInput(builder.value("x"));
    EXPECT_TRUE(builder.addConstant(builder.value("w1"), Tensor::fromValues<float>({4, 3}, first)));
    const std::vector<float> second = {1, -1, 0.5f, 0.25f, 2, -2};
    EXPECT_TRUE(builder.addConstant(builder.value("w2"), Tensor::fromValues<float>({3, 2}, second)));
    for (const auto &[in, weight, out] : {std::tuple{"x", "w1", "h"}, std::tuple{"h", "w2", "y"}}) {
        Node node;
        node.name = std::string("/") + (weight == std::string("w1") ? "first" : "second") + "/MatMul";
        node.opType = "MatMul";
        node.inputs = {builder.value(in), builder.value(weight)};
        node.outputs = {builder.value(out)};
        EXPECT_TRUE(builder.addNode(std::move(node)));
    }
    builder.addOutput(builder.value("y"));
    Result<ModelGraph> graph = std::move(builder).finish();
    EXPECT_TRUE(graph);
    auto model = std::make_shared<Model>();
    model->graph = std::move(*graph);
    model->layers = findLayers(model->graph);
    EXPECT_EQ(model->layers.size(), 2u);
    return model;
}

inline std::shared_ptr<const Model> twoLayerModel() {
    return twoLayerModel({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
}

/// What calibration would keep of these tokens × channels.
inline std::shared_ptr<const LayerCapture>
captureOf(LayerId layer, std::int64_t tokens, std::int64_t channels, const std::vector<float> &values) {
    auto capture = std::make_shared<LayerCapture>();
    capture->layer = layer;
    capture->tokens = tokens;
    capture->channels = channels;
    capture->stats = *computeStats(values, {});
    capture->histogram = *computeHistogram(values, capture->stats.min, capture->stats.max, 2048, {});
    for (std::int64_t c = 0; c < channels; ++c) {
        float lo = values[static_cast<std::size_t>(c)], hi = lo;
        double squares = 0;
        for (std::int64_t t = 0; t < tokens; ++t) {
            const float value = values[static_cast<std::size_t>(t * channels + c)];
            lo = std::min(lo, value);
            hi = std::max(hi, value);
            squares += static_cast<double>(value) * static_cast<double>(value);
        }
        capture->channelMin.push_back(lo);
        capture->channelMax.push_back(hi);
        capture->channelSumOfSquares.push_back(squares);
    }
    capture->sample = Tensor::fromValues<float>({tokens, channels}, values);
    return capture;
}

} // namespace qs
