#pragma once

#include "core/base/finding.h"
#include "core/graph/layer.h"

#include <filesystem>

namespace qs {

/// An opened model: graph, quantizable layers, where it came from. Immutable, shared between threads.
struct Model {
    std::filesystem::path file;
    std::string sha256; ///< of the file; external data is not included
    std::string format; ///< "ONNX"
    ModelGraph graph;
    std::vector<Layer> layers;

    /// nullptr when there is no layer of that name.
    const Layer *findLayer(std::string_view name) const;
};

} // namespace qs
