#pragma once

#include "core/graph/model.h"

#include <memory>

namespace qs::views {

/// A model that has layers of these names and [rows, 4] weights but no graph: enough for item models and
/// recipes.
inline std::shared_ptr<const Model> modelWithLayers(const std::vector<std::string> &names,
                                                    std::int64_t rows = 8) {
    auto model = std::make_shared<Model>();
    model->file = "named.onnx";
    model->format = "ONNX";
    for (const std::string &name : names) {
        Layer layer;
        layer.id = static_cast<LayerId>(model->layers.size());
        layer.name = name;
        layer.outChannels = rows * (layer.id + 1);
        layer.inPerOut = 4;
        layer.weightShape = Shape{layer.outChannels, 4};
        model->layers.push_back(layer);
    }
    return model;
}

} // namespace qs::views
