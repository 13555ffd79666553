#include "core/exec/shape_trace.h"

#include "core/exec/kernel_list.h"
#include "core/exec/shape_rules.h"

#include <fmt/format.h>

namespace qs {
namespace {

/// Larger values are traced by shape only: a mask of all positions may have more elements than the model.
constexpr std::int64_t kMostElements = 1 << 16;
constexpr std::size_t kMostBytes = std::size_t{8} * kMostElements;

/// A shape of a hostile file may have more elements than can be counted.
Status checkSize(const Shape &shape) {
    QS_TRY(const std::int64_t elements, shape.checkedNumel());
    static_cast<void>(elements);
    return {};
}

class Tracer {
public:
    Tracer(const ModelGraph &graph, ShapeTrace &trace, const RunContext &ctx)
        : m_graph(graph), m_trace(trace), m_ctx(ctx) {}

    Status run(NodeId id) {
        const Node &node = m_graph.node(id);
        ShapeQuery query{node, m_graph, {}};
        bool fromInput = false;
        for (const ValueId input : node.inputs) {
            const TracedValue *value = input == kNoValue ? nullptr : &m_trace[input];
            if (value && !value->known)
                return declare(id, "an operand's shape is unknown");
            fromInput = fromInput || (value && value->fromInput);
            query.inputs.push_back(value);
        }
        // The shape of a value does not depend on its content.
        fromInput = fromInput && node.opType != "Shape" && node.opType != "Size";
        if (node.opType == "Shape" && node.domain.empty() && query.has(0) && !node.outputs.empty())
            return traceShapeNode(query);
        if (!fromInput && computed(query))
            return {};
        auto shapes = inferShapes(query);
        if (!shapes && shapes.error().code == ErrorCode::Unsupported)
            return declare(id, shapes.error().message);
        if (!shapes)
            return fail(
                std::move(shapes).error().withContext(fmt::format("node '{}' ({})", node.name, node.opType)));
        for (std::size_t i = 0; i < node.outputs.size() && i < shapes->size(); ++i)
            QS_CHECK_OK(
                set(node.outputs[i], {true, inferType(query, i), std::move((*shapes)[i]), {}, fromInput}));
        return {};
    }

private:
    Status set(ValueId id, TracedValue value) {
        if (id == kNoValue)
            return {};
        if (auto sane = checkSize(value.shape); !sane)
            return fail(std::move(sane).error().withContext(m_graph.value(id).name));
        m_trace.values[static_cast<std::size_t>(id)] = std::move(value);
        return {};
    }

    Status traceShapeNode(const ShapeQuery &query) {
        const Shape &shape = query.shape(0);
        const std::int64_t rank = shape.rank();
        const auto place = [rank](std::int64_t axis) {
            return std::clamp(axis < 0 ? axis + rank : axis, std::int64_t{0}, rank);
        };
        const std::int64_t start = place(query.node.intAttribute("start", 0));
        const std::int64_t end = std::max(start, place(query.node.intAttribute("end", rank)));
        const std::span<const std::int64_t> dims(shape.dims().data() + start,
                                                 static_cast<std::size_t>(end - start));
        return set(query.node.outputs.front(),
                   {true, DType::Int64, Shape{end - start},
                    Tensor::fromValues<std::int64_t>(Shape{end - start}, dims), false});
    }

    /// Runs the node's kernel on contents that are all known.
    bool computed(const ShapeQuery &query) {
        std::vector<Tensor> operands;
        std::int64_t elements = 0;
        for (const TracedValue *value : query.inputs) {
            operands.push_back(value ? value->content : Tensor());
            if (value && operands.back().empty())
                return false;
            elements += value ? operands.back().numel() : 0;
        }
        if (elements > kMostElements)
            return false;
        const auto kernel = createKernel(referenceKernels(), query.node, m_graph);
        if (!kernel)
            return false;
        KernelCall call{operands, m_ctx, *m_pool, kMostBytes};
        auto outputs = applyKernel(*kernel, call);
        if (!outputs || outputs->size() < query.node.outputs.size())
            return false; // the shape rule says what does not fit
        for (std::size_t i = 0; i < query.node.outputs.size(); ++i) {
            Tensor &tensor = (*outputs)[i];
            if (query.node.outputs[i] != kNoValue)
                m_trace.values[static_cast<std::size_t>(query.node.outputs[i])] = {
                    true, tensor.dtype(), tensor.shape(), tensor, false};
        }
        return true;
    }

    /// What the file says about the outputs of a node that no rule covers.
    Status declare(NodeId id, std::string reason) {
        bool complete = true;
        for (const ValueId output : m_graph.node(id).outputs) {
            if (output == kNoValue)
                continue;
            const Value &value = m_graph.value(output);
            const bool fixed =
                value.hasShape && value.dtype != DType::Undefined &&
                std::all_of(value.shape.begin(), value.shape.end(), [](auto dim) { return dim >= 0; });
            complete = complete && fixed;
            if (fixed)
                QS_CHECK_OK(set(output, {true, value.dtype, value.shape, {}, true}));
        }
        if (!complete)
            m_trace.gaps.push_back({id, std::move(reason)});
        return {};
    }

    const ModelGraph &m_graph;
    ShapeTrace &m_trace;
    const RunContext &m_ctx;
    std::shared_ptr<BufferPool> m_pool = BufferPool::create();
};

} // namespace

Result<BoundInputs> bindInputs(const ModelGraph &graph, std::int64_t batch, std::int64_t sequence) {
    BoundInputs bound;
    for (const ValueId id : graph.inputs()) {
        const Value &value = graph.value(id);
        if (!value.hasShape)
            return fail(ErrorCode::Unsupported, "the model does not say how many dimensions this input has",
                        value.name);
        Shape shape = value.shape;
        for (int axis = 0; axis < shape.rank(); ++axis) {
            if (shape[axis] >= 0)
                continue;
            shape[axis] = axis == 0 ? batch : sequence;
            (axis == 0 ? bound.usesBatch : bound.usesSequence) = true;
        }
        bound.shapes.push_back(std::move(shape));
    }
    return bound;
}

Result<ShapeTrace> traceShapes(const ModelGraph &graph, const std::vector<Shape> &inputs,
                               const RunContext &ctx) {
    QS_CHECK(inputs.size() == graph.inputs().size(), "one shape per graph input");
    ShapeTrace trace;
    trace.values.resize(graph.values().size());
    for (const auto &[id, tensor] : graph.constants()) {
        TracedValue &value = trace.values[static_cast<std::size_t>(id)];
        value = {true, tensor.dtype(), tensor.shape(), {}, false};
        if (tensor.numel() <= kMostElements)
            value.content = tensor;
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        QS_CHECK_OK(checkSize(inputs[i]));
        const ValueId id = graph.inputs()[i];
        trace.values[static_cast<std::size_t>(id)] = {true, graph.value(id).dtype, inputs[i], {}, true};
    }
    Tracer tracer(graph, trace, ctx);
    for (std::size_t node = 0; node < graph.nodes().size(); ++node) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        QS_CHECK_OK(tracer.run(static_cast<NodeId>(node)));
    }
    return trace;
}

} // namespace qs
