#pragma once

#include "core/base/finding.h"
#include "core/graph/layer.h"
#include "core/graph/stored_quantization.h"

#include <filesystem>

namespace qs {

/// Something that a model file says about itself, as text.
struct MetadataEntry {
    std::string key;   ///< "llama.context_length"
    std::string type;  ///< "uint32", "array of string"
    std::string value; ///< long ones are cut and say so
};

/// An opened model: graph, quantizable layers, where it came from. Immutable, shared between threads.
struct Model {
    std::filesystem::path file;
    std::string sha256; ///< of the file; external data is not included
    std::string format; ///< "ONNX"
    ModelGraph graph;
    std::vector<Layer> layers;
    std::vector<MetadataEntry> metadata; ///< in the order of the file; empty where the format has none
    /// Of the layers whose weights the file holds as codes and scales; the graph has their values.
    std::map<LayerId, std::shared_ptr<const StoredQuantization>> stored;

    /// Nodes of the graph are not those of the file: operators between codes and fused ones were undone. An
    /// export writes the graph, not the file.
    bool hasOtherNodes = false;

    /// nullptr when there is no layer of that name.
    const Layer *findLayer(std::string_view name) const;
};

} // namespace qs
