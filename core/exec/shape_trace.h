#pragma once

#include "core/base/run_context.h"
#include "core/graph/model_graph.h"

namespace qs {

/// What is known about a value without running the model.
struct TracedValue {
    bool known = false; ///< shape and type are
    DType dtype = DType::Undefined;
    Shape shape;
    Tensor content;         ///< of small values that follow from shapes and constants alone; else empty
    bool fromInput = false; ///< depends on what the inputs hold, not only on their shapes
};

/// A node whose result's shape could not be worked out.
struct TraceGap {
    NodeId node = kNoNode;
    std::string reason;
};

struct ShapeTrace {
    std::vector<TracedValue> values; ///< by ValueId
    std::vector<TraceGap> gaps;      ///< in order; what follows from them is unknown, too

    const TracedValue &operator[](ValueId id) const { return values[static_cast<std::size_t>(id)]; }
};

/// Shapes of the graph inputs when unknown dimensions take sizes: axis 0 the batch, every other one the
/// sequence.
struct BoundInputs {
    std::vector<Shape> shapes;                    ///< in graph order
    bool usesBatch = false, usesSequence = false; ///< whether any dimension took the size
};
/// \error Unsupported  an input without rank; names it
Result<BoundInputs> bindInputs(const ModelGraph &graph, std::int64_t batch, std::int64_t sequence);

/// Works out the shape of every value for given input shapes, without allocating them: nodes that only
/// compute with shapes are run by their kernels, all others by the shape rule of their operator, else by what
/// the file declares. \param inputs  one per graph input \error InvalidArgument  operands of a node do not
/// fit (names it);  Cancelled
Result<ShapeTrace> traceShapes(const ModelGraph &graph, const std::vector<Shape> &inputs,
                               const RunContext &ctx);

} // namespace qs
