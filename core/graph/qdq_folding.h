#pragma once

#include "core/graph/model_graph.h"

namespace qs {

/// Q/DQ pairs seen as properties of the nodes that read their results, as in quantized ONNX models: on a map
/// of the graph they are marks, not boxes.
struct QdqFolding {
    struct QuantizedInput {
        int index = 0;                 ///< input slot of the node
        DType type = DType::Undefined; ///< of the codes: int8, uint8, ...
        bool isConstant = false;       ///< a weight
    };
    std::vector<bool> hidden;                                 ///< by NodeId: QuantizeLinear, DequantizeLinear
    std::vector<ValueId> source;                              ///< by ValueId: the value before its Q/DQ pair
    std::vector<std::vector<QuantizedInput>> quantizedInputs; ///< by NodeId
    int hiddenCount = 0;

    /// "w int8, a uint8" for a node, empty when it reads no Q/DQ result.
    std::string badge(NodeId node) const;
};

/// A DequantizeLinear is always folded, a QuantizeLinear when only folded nodes read it.
QdqFolding foldQdq(const ModelGraph &graph);

} // namespace qs
