#include "core/graph/other_weights.h"

#include <algorithm>
#include <set>

namespace qs {
namespace {

bool multipliesWeights(const Node &node) {
    constexpr std::string_view kOperators[] = {"Conv", "ConvTranspose", "Einsum", "GRU",
                                               "Gemm", "LSTM",          "MatMul", "RNN"};
    return node.domain.empty() && std::ranges::find(kOperators, node.opType) != std::end(kOperators);
}

bool isWeight(const Tensor *tensor) {
    return tensor && isFloatingPoint(tensor->dtype()) && tensor->shape().rank() > 1 && tensor->numel() > 1;
}

/// What a graph computes from constants alone, and from which weights.
class FixedValues {
public:
    explicit FixedValues(const ModelGraph &graph) : m_graph(graph) {
        for (const Node &node : graph.nodes())
            if (!node.inputs.empty() && isFixed(node) && capturedValues(graph, node).empty())
                m_computed.insert(node.outputs.begin(), node.outputs.end());
    }
    /// Whether no input of the node depends on what the model is given.
    bool isFixed(const Node &node) const {
        return std::ranges::all_of(node.inputs, [&](ValueId id) {
            return id == kNoValue || m_graph.constant(id) || m_computed.contains(id);
        });
    }
    /// The constants behind a value that are weights.
    void collectWeights(ValueId id, std::set<ValueId> &weights) const {
        std::vector<ValueId> open{id};
        std::set<ValueId> seen;
        while (!open.empty()) {
            const ValueId value = open.back();
            open.pop_back();
            if (value == kNoValue || !seen.insert(value).second)
                continue;
            if (isWeight(m_graph.constant(value)))
                weights.insert(value);
            else if (m_computed.contains(value))
                for (const ValueId input : m_graph.node(m_graph.value(value).producer).inputs)
                    open.push_back(input);
        }
    }

private:
    const ModelGraph &m_graph;
    std::set<ValueId> m_computed;
};

} // namespace

OtherWeights findOtherWeights(const ModelGraph &graph, const std::vector<Layer> &layers) {
    OtherWeights others;
    std::set<NodeId> known;
    for (const Layer &layer : layers)
        known.insert(layer.node);
    const FixedValues fixed(graph);
    std::set<ValueId> all;
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const Node &node = graph.nodes()[n];
        if (!multipliesWeights(node) || known.contains(static_cast<NodeId>(n)) || fixed.isFixed(node))
            continue;
        std::set<ValueId> weights;
        for (const ValueId input : node.inputs)
            fixed.collectWeights(input, weights);
        if (weights.empty())
            continue;
        if (others.operators.empty())
            others.first = node.name;
        ++others.operators[node.opType];
        all.insert(weights.begin(), weights.end());
    }
    for (const ValueId id : all)
        others.parameters += graph.constant(id)->numel();
    return others;
}

} // namespace qs
