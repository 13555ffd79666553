#include "core/analysis/error_propagation.h"

#include "core/tensor/convert.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr std::int64_t kBatchSize = 16;

/// Taps of a pass that keep what the node just run has put out.
class Outputs {
public:
    Outputs(const ModelGraph &graph, PassOptions &options) : m_tensors(graph.values().size()) {
        for (const Node &node : graph.nodes())
            for (const ValueId output : node.outputs)
                if (output != kNoValue)
                    options.taps[output] = [this, output](const Tensor &value) { (*this)[output] = value; };
    }
    Tensor &operator[](ValueId id) { return m_tensors[static_cast<std::size_t>(id)]; }
    void forget(const Node &node) {
        for (const ValueId output : node.outputs)
            if (output != kNoValue)
                (*this)[output] = {};
    }

private:
    std::vector<Tensor> m_tensors; ///< by ValueId
};

/// One way of running nodes: its substitutions and what comes out.
struct Variant {
    PassOptions options;
    Outputs outputs;
    Variant(const ModelGraph &graph, PassOptions substitutions)
        : options(std::move(substitutions)), outputs(graph, options) {}
    Variant(const Variant &) = delete;
    Variant &operator=(const Variant &) = delete;
};

class Propagation {
public:
    Propagation(const Executor &executor, const PassOptions &quantized,
                std::span<const QuantizedLayer> layers)
        : m_executor(executor), m_graph(executor.model().graph), m_float(m_graph, {}),
          m_quantized(m_graph, quantized), m_own(m_graph, quantized), m_inherited(m_graph, {}),
          m_isQuantized(m_graph.nodes().size(), false) {
        m_result.nodes.resize(m_graph.nodes().size());
        for (const QuantizedLayer &layer : layers)
            if (layer.weight || layer.activation)
                m_isQuantized[static_cast<std::size_t>(
                    executor.model().layers[static_cast<std::size_t>(layer.layer)].node)] = true;
    }

    /// \param done, count, total  samples before, in and after all batches
    Status runBatch(std::vector<Tensor> inputs, std::int64_t done, std::int64_t count, std::int64_t total,
                    const RunContext &ctx) {
        const auto nodes = static_cast<NodeId>(m_graph.nodes().size());
        QS_TRY(ExecutionState floatState, m_executor.begin(inputs, {}));
        QS_TRY(ExecutionState quantizedState, m_executor.begin(std::move(inputs), {}));
        for (NodeId node = 0; node < nodes; ++node) {
            ctx.step(done * nodes + count * node, total * nodes, "comparing node by node");
            if (m_isQuantized[static_cast<std::size_t>(node)]) {
                QS_CHECK_OK(runOne(floatState, node, m_own, ctx));
                QS_CHECK_OK(runOne(quantizedState, node, m_inherited, ctx));
            }
            QS_CHECK_OK(m_executor.advance(floatState, node + 1, m_float.options, ctx));
            QS_CHECK_OK(m_executor.advance(quantizedState, node + 1, m_quantized.options, ctx));
            QS_CHECK_OK(compare(node));
        }
        m_result.samples += count;
        return {};
    }

    ErrorPropagation take() { return std::move(m_result); }

private:
    /// Runs one node on a copy of the state, which shares its tensors.
    Status runOne(ExecutionState state, NodeId node, Variant &variant, const RunContext &ctx) {
        return m_executor.advance(state, node + 1, variant.options, ctx);
    }

    Status compare(NodeId id) {
        const Node &node = m_graph.node(id);
        for (const ValueId output : node.outputs)
            if (output != kNoValue && isFloatingPoint(m_float.outputs[output].dtype()))
                QS_CHECK_OK(compareOutput(id, output));
        for (Variant *variant : {&m_float, &m_quantized, &m_own, &m_inherited})
            variant->outputs.forget(node);
        return {};
    }

    Status compareOutput(NodeId id, ValueId output) {
        auto &error = m_result.nodes[static_cast<std::size_t>(id)];
        if (!error)
            error.emplace();
        QS_TRY(const Tensor reference, toFloat32(m_float.outputs[output]));
        const auto add = [&](ErrorMetrics &metrics, const Tensor &tensor) -> Status {
            QS_TRY(const Tensor values, toFloat32(tensor));
            if (values.shape() != reference.shape())
                return fail(
                    ErrorCode::Unsupported,
                    fmt::format("its output has shape {} in float and {} when quantized: shapes that depend "
                                "on values cannot be compared",
                                reference.shape().text(), values.shape().text()),
                    m_graph.node(id).name);
            metrics.add(reference.values<float>(), values.values<float>());
            return {};
        };
        QS_CHECK_OK(add(error->accumulated, m_quantized.outputs[output]));
        if (!m_isQuantized[static_cast<std::size_t>(id)])
            return {};
        if (!error->own) {
            error->own.emplace();
            error->inherited.emplace();
        }
        QS_CHECK_OK(add(*error->own, m_own.outputs[output]));
        return add(*error->inherited, m_inherited.outputs[output]);
    }

    const Executor &m_executor;
    const ModelGraph &m_graph;
    Variant m_float, m_quantized, m_own, m_inherited;
    std::vector<bool> m_isQuantized; ///< by NodeId
    ErrorPropagation m_result;
};

} // namespace

Result<std::shared_ptr<const ErrorPropagation>>
measureErrorPropagation(const Executor &executor, const CalibrationSet &set,
                        std::span<const QuantizedLayer> layers, std::int64_t samples, const RunContext &ctx) {
    const Model &model = executor.model();
    QS_CHECK_OK(checkFits(set, model.graph));
    QS_TRY(const PassOptions options, substitutions(model, layers));
    Propagation propagation(executor, options, layers);
    const auto [total, batchSize] = planBatches(set, model.graph, samples, kBatchSize);
    for (std::int64_t begin = 0; begin < total; begin += batchSize) {
        const std::int64_t end = std::min(total, begin + batchSize);
        QS_TRY(std::vector<Tensor> inputs, readModelInputs(set, model.graph, begin, end));
        QS_CHECK_OK(propagation.runBatch(std::move(inputs), begin, end - begin, total, ctx));
    }
    return std::make_shared<const ErrorPropagation>(propagation.take());
}

const char *errorCause(const NodeError &error) {
    return error.ownDb() < error.inheritedDb() ? "its own" : "inherited";
}

NodeId firstDivergence(const ErrorPropagation &errors, double thresholdDb) {
    const auto found =
        std::find_if(errors.nodes.begin(), errors.nodes.end(), [thresholdDb](const auto &error) {
            return error && !(error->accumulatedDb() >= thresholdDb); // NaN diverges
        });
    return found == errors.nodes.end() ? kNoNode : static_cast<NodeId>(found - errors.nodes.begin());
}

} // namespace qs
