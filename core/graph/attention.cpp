#include "core/graph/attention.h"

#include "core/graph/attention_walk.h"
#include "core/graph/node_name.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

constexpr int kDeepest = 12;             ///< nodes between a product and the softmax
constexpr std::size_t kMostVisited = 96; ///< nodes between a product and the layers around it

bool isOp(const Node &node, std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), node.opType) != names.end();
}

/// What lies between the product of Q and K and the softmax.
struct ScoreTrail {
    NodeId product = kNoNode;
    std::optional<double> scale = 1.0;
    AttentionMask mask = AttentionMask::None;
};

class AttentionFinder {
public:
    explicit AttentionFinder(const Model &model) : m_graph(model.graph) {
        for (const Layer &layer : model.layers)
            m_layerOfNode[layer.node] = layer.id;
    }

    AttentionSearch search() {
        AttentionSearch found;
        const auto count = static_cast<NodeId>(m_graph.nodes().size());
        for (NodeId id = 0; id < count; ++id) {
            const Node &node = m_graph.node(id);
            if (isOp(node, {"Attention", "MultiHeadAttention", "GroupQueryAttention"}))
                found.nearMisses.push_back({id,
                                            "is a fused operator: its probabilities are not a value of the "
                                            "graph. Export the model without attention fusion"});
            if (node.opType != "Softmax" || !node.domain.empty())
                continue;
            ++found.softmaxNodes;
            auto block = match(id);
            if (block)
                found.blocks.push_back(std::move(*block));
            else
                found.nearMisses.push_back({id, std::move(block).error().message});
        }
        return found;
    }

private:
    Result<AttentionBlock> match(NodeId id) {
        const Node &softmax = m_graph.node(id);
        if (!isOverLastAxis(softmax))
            return fail(ErrorCode::Unsupported, "does not run over the last axis");
        AttentionBlock block;
        block.softmaxNode = id;
        block.logits = softmax.inputs[0];
        QS_TRY(const ScoreTrail trail, findScores(block.logits, 0));
        const Node &product = m_graph.node(trail.product);
        block.scoresNode = trail.product;
        block.query = product.inputs[0];
        block.key = product.inputs[1];
        block.scores = product.outputs[0];
        block.mask = trail.mask;
        block.scale = scaleWithOperands(trail.scale, product);
        QS_CHECK_OK(findOutput(softmax.outputs[0], block, 0));
        describeHeads(block);
        block.layers = surroundingLayers(block);
        block.name = uniqueName(softmax);
        return block;
    }

    bool isOverLastAxis(const Node &softmax) const {
        const std::int64_t axis = softmax.intAttribute("axis", m_graph.opset() >= 13 ? -1 : 1);
        const Value &value = m_graph.value(softmax.inputs[0]);
        if (value.hasShape)
            return axis == -1 || axis == value.shape.rank() - 1;
        return axis == -1 || axis >= 2; // attention has at least three axes
    }

    /// From the softmax back to the product of two activations.
    Result<ScoreTrail> findScores(ValueId value, int depth) {
        const Node *node = producerOf(m_graph, value);
        if (!node || depth > kDeepest)
            return fail(ErrorCode::NotFound,
                        fmt::format("reads '{}', which no product of two activations leads to",
                                    m_graph.value(value).name));
        if (node->opType == "MatMul" && !m_graph.constant(node->inputs[0]) &&
            !m_graph.constant(node->inputs[1]))
            return ScoreTrail{m_graph.value(value).producer, 1.0, AttentionMask::None};
        if (isOp(*node, {"Identity", "Cast", "Dropout", "Clip", "Tanh", "Reshape", "Squeeze", "Unsqueeze",
                         "QuantizeLinear", "DequantizeLinear"}))
            return findScores(node->inputs[0], depth + 1);
        if (isOp(*node, {"Mul", "Div", "Add", "Sub", "Max", "Min", "Where"}))
            return findThroughBinary(*node, depth);
        return fail(
            ErrorCode::NotFound,
            fmt::format("reads what {} makes, and that is no product of two activations{}", nodeLabel(*node),
                        isOp(*node, {"MatMul", "Gemm"}) ? " (one of them is a constant weight)" : ""));
    }

    /// One operand leads to the scores; the other is a factor or a mask.
    Result<ScoreTrail> findThroughBinary(const Node &node, int depth) {
        Result<ScoreTrail> trail =
            fail(ErrorCode::NotFound, "reads " + nodeLabel(node) + ", which joins constants");
        const auto inputs = dataInputs(node);
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (!producerOf(m_graph, inputs[i]))
                continue;
            trail = findScores(inputs[i], depth + 1);
            if (!trail)
                continue;
            if (isOp(node, {"Mul", "Div"}))
                applyFactor(*trail, node, inputs[1 - std::min<std::size_t>(i, 1)]);
            else
                applyMask(*trail, node, i, inputs);
            return trail;
        }
        return trail;
    }

    void applyFactor(ScoreTrail &trail, const Node &node, ValueId other) const {
        const auto factor = scalarConstant(m_graph, other);
        if (!factor || !trail.scale)
            trail.scale.reset();
        else
            trail.scale = node.opType == "Mul" ? *trail.scale * *factor : *trail.scale / *factor;
    }

    void applyMask(ScoreTrail &trail, const Node &node, std::size_t scores,
                   std::span<const ValueId> inputs) const {
        // Max and Min with a number only keep scores finite.
        if (isOp(node, {"Max", "Min"}))
            return;
        bool causal = false;
        if (node.opType == "Where")
            causal = scores == 0 && isCausalConstant(m_graph, node.inputs[0], true);
        else if (node.opType == "Add" && inputs.size() == 2)
            causal = isCausalConstant(m_graph, inputs[1 - scores], false);
        trail.mask = causal ? AttentionMask::Causal : AttentionMask::Other;
    }

    /// Exporters may scale Q and K instead of the scores.
    std::optional<double> scaleWithOperands(std::optional<double> scale, const Node &product) const {
        for (const ValueId operand : {product.inputs[0], product.inputs[1]}) {
            const Node *node = producerOf(m_graph, operand);
            if (!scale || !node || !isOp(*node, {"Mul", "Div"}))
                continue;
            const auto second = scalarConstant(m_graph, node->inputs[1]);
            const auto first = scalarConstant(m_graph, node->inputs[0]);
            if (node->opType == "Div" && second)
                *scale /= *second;
            else if (node->opType == "Mul" && (first || second))
                *scale *= first ? *first : *second;
        }
        return scale;
    }

    /// From the softmax forward to the product with V.
    Status findOutput(ValueId value, AttentionBlock &block, int depth) {
        const auto &readers = m_graph.consumers(value);
        std::string reason = readers.empty() ? "is a result that nothing reads" : "";
        for (const NodeId id : readers) {
            const Node &node = m_graph.node(id);
            if (node.opType == "MatMul" && node.domain.empty() && node.inputs[0] == value &&
                !m_graph.constant(node.inputs[1])) {
                block.outputNode = id;
                block.probabilities = value;
                block.value = node.inputs[1];
                block.output = node.outputs[0];
                return {};
            }
            const bool passes = !node.outputs.empty() && node.outputs[0] != kNoValue &&
                                isOp(node, {"Identity", "Cast", "Dropout", "Where", "Mul", "Reshape",
                                            "QuantizeLinear", "DequantizeLinear"});
            if (passes && depth < kDeepest) {
                if (auto found = findOutput(node.outputs[0], block, depth + 1))
                    return found;
            }
            reason = fmt::format("is read by {}, not by a MatMul that multiplies it with an activation V",
                                 nodeLabel(node));
        }
        return fail(ErrorCode::NotFound, reason);
    }

    void describeHeads(AttentionBlock &block) const {
        const ValueId keyGroups = beforeRepeat(m_graph, block.key);
        const ValueId valueGroups = beforeRepeat(m_graph, block.value);
        block.grouped = keyGroups != kNoValue && valueGroups != kNoValue;
        block.keyHeads = block.grouped ? keyGroups : beforeTranspose(m_graph, block.key);
        block.valueHeads = block.grouped ? valueGroups : block.value;
        const HeadSplit queries = headSplit(m_graph, block.query);
        const HeadSplit keys = headSplit(m_graph, block.keyHeads);
        block.heads = queries.heads;
        block.headWidth = queries.width;
        block.kvHeads = keys.heads;
    }

    std::vector<LayerId> surroundingLayers(const AttentionBlock &block) const {
        std::vector<LayerId> layers;
        std::set<NodeId> visited;
        for (const ValueId start : {block.query, block.keyHeads, block.valueHeads})
            collectUpstream(start, layers, visited);
        collectDownstream(block.output, layers);
        return layers;
    }

    bool addIfLayer(NodeId node, std::vector<LayerId> &layers) const {
        const auto layer = m_layerOfNode.find(node);
        if (layer == m_layerOfNode.end())
            return false;
        if (std::find(layers.begin(), layers.end(), layer->second) == layers.end())
            layers.push_back(layer->second);
        return true;
    }

    void collectUpstream(ValueId start, std::vector<LayerId> &layers, std::set<NodeId> &visited) const {
        std::vector<ValueId> waiting{start};
        while (!waiting.empty() && visited.size() < kMostVisited) {
            const ValueId value = waiting.back();
            waiting.pop_back();
            const Node *node = producerOf(m_graph, value);
            if (!node || !visited.insert(m_graph.value(value).producer).second ||
                addIfLayer(m_graph.value(value).producer, layers))
                continue;
            for (const ValueId input : dataInputs(*node))
                if (input != kNoValue)
                    waiting.push_back(input);
        }
    }

    void collectDownstream(ValueId value, std::vector<LayerId> &layers) const {
        for (int step = 0; step < kDeepest; ++step) {
            const auto &readers = m_graph.consumers(value);
            if (readers.size() != 1 || addIfLayer(readers.front(), layers))
                return;
            const Node &node = m_graph.node(readers.front());
            if (node.outputs.empty() || dataInputs(node).size() != 1)
                return;
            value = node.outputs[0];
        }
    }

    std::string uniqueName(const Node &softmax) {
        const std::string name = pathName(softmax);
        std::string unique = name;
        for (int copy = 2; !m_names.insert(unique).second; ++copy)
            unique = fmt::format("{}#{}", name, copy);
        return unique;
    }

    const ModelGraph &m_graph;
    std::map<NodeId, LayerId> m_layerOfNode;
    std::set<std::string> m_names;
};

} // namespace

const char *attentionMaskName(AttentionMask mask) {
    switch (mask) {
    case AttentionMask::None:
        return "none";
    case AttentionMask::Causal:
        return "causal";
    case AttentionMask::Other:
        return "other";
    }
    return "unknown";
}

std::string AttentionSearch::report(const ModelGraph &graph) const {
    std::string text = fmt::format(
        "Looked for MatMul (Q·Kᵀ of two activations) → factor (Mul, Div) and mask (Add, Where), if any → "
        "Softmax "
        "over the last axis → MatMul with V. The graph has {} Softmax node{}; {} fit{} the pattern.",
        softmaxNodes, softmaxNodes == 1 ? "" : "s", blocks.size(), blocks.size() == 1 ? "s" : "");
    constexpr std::size_t kMost = 5;
    for (std::size_t i = 0; i < std::min(kMost, nearMisses.size()); ++i)
        text += fmt::format(" {} {}.", nodeLabel(graph.node(nearMisses[i].node)), nearMisses[i].reason);
    if (nearMisses.size() > kMost)
        text += fmt::format(" {} more do not fit either.", nearMisses.size() - kMost);
    return text;
}

int AttentionSearch::blockOfLayer(LayerId layer) const {
    for (std::size_t i = 0; i < blocks.size(); ++i)
        if (std::find(blocks[i].layers.begin(), blocks[i].layers.end(), layer) != blocks[i].layers.end())
            return static_cast<int>(i);
    return -1;
}

AttentionSearch findAttention(const Model &model) {
    return AttentionFinder(model).search();
}

} // namespace qs
