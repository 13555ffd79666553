#include "core/graph/qdq_folding.h"

#include "core/graph/stored_weight.h"

#include <algorithm>
#include <set>

namespace qs {
namespace {

bool isOp(const Node &node, const char *opType) {
    return node.opType == opType && (node.domain.empty() || node.domain == "com.microsoft") &&
           !node.inputs.empty() && node.inputs[0] != kNoValue && node.outputs.size() == 1 &&
           node.outputs[0] != kNoValue;
}

bool isGraphOutput(const ModelGraph &graph, ValueId value) {
    return std::find(graph.outputs().begin(), graph.outputs().end(), value) != graph.outputs().end();
}

/// The element type of the codes that a Q writes or a DQ reads.
DType codeType(const ModelGraph &graph, const Node &node) {
    const bool quantizes = node.opType == "QuantizeLinear";
    const ValueId zeroPoint = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
    const DType type =
        graph.value(zeroPoint != kNoValue ? zeroPoint
                    : quantizes           ? node.outputs[0]
                                          : node.inputs[0])
            .dtype;
    return type == DType::Undefined ? DType::UInt8 : type; // the operators' default
}

/// A weight that was decoded when the file was read: its operator is no node any more.
void addDecodedWeight(const ModelGraph &graph, const Node &node,
                      std::vector<QdqFolding::QuantizedInput> &inputs) {
    const auto found = node.attributes.find(kStoredWeight);
    const Tensor *codes = found == node.attributes.end() ? nullptr : std::get_if<Tensor>(&found->second);
    if (codes && isFloatingPoint(codes->dtype()) && dtypeBits(codes->dtype()) >= 16)
        return;
    for (std::size_t i = 0; codes && i < node.inputs.size(); ++i)
        if (node.inputs[i] != kNoValue && graph.constant(node.inputs[i])) {
            inputs.push_back({static_cast<int>(i), codes->dtype(), true});
            return;
        }
}

} // namespace

std::string QdqFolding::badge(NodeId node) const {
    std::set<std::string> parts;
    for (const QuantizedInput &input : quantizedInputs[static_cast<std::size_t>(node)])
        parts.insert(std::string(input.isConstant ? "w " : "a ").append(dtypeName(input.type)));
    std::string text;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) // weights first
        text += (text.empty() ? "" : ", ") + *part;
    return text;
}

QdqFolding foldQdq(const ModelGraph &graph) {
    QdqFolding folding;
    folding.hidden.assign(graph.nodes().size(), false);
    folding.quantizedInputs.resize(graph.nodes().size());
    folding.source.resize(graph.values().size());
    for (std::size_t value = 0; value < folding.source.size(); ++value)
        folding.source[value] = static_cast<ValueId>(value);

    // Readers come later in topological order, so what is read by folded nodes only is known going backwards.
    for (std::size_t n = graph.nodes().size(); n-- > 0;) {
        const Node &node = graph.nodes()[n];
        const auto isHidden = [&](NodeId reader) { return folding.hidden[static_cast<std::size_t>(reader)]; };
        if (isOp(node, "DequantizeLinear")) {
            folding.hidden[n] = true;
        } else if (isOp(node, "QuantizeLinear")) {
            const auto &readers = graph.consumers(node.outputs[0]);
            folding.hidden[n] = !readers.empty() && std::all_of(readers.begin(), readers.end(), isHidden) &&
                                !isGraphOutput(graph, node.outputs[0]);
        }
        folding.hiddenCount += folding.hidden[n] ? 1 : 0;
    }
    std::vector<DType> codes(graph.values().size(), DType::Undefined); ///< behind the result of a DQ
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const Node &node = graph.nodes()[n];
        if (folding.hidden[n]) {
            const auto input = static_cast<std::size_t>(node.inputs[0]),
                       output = static_cast<std::size_t>(node.outputs[0]);
            folding.source[output] = folding.source[input];
            codes[output] = codeType(graph, node);
            continue;
        }
        for (std::size_t i = 0; i < node.inputs.size(); ++i)
            if (const ValueId input = node.inputs[i];
                input != kNoValue && folding.source[static_cast<std::size_t>(input)] != input)
                folding.quantizedInputs[n].push_back(
                    {static_cast<int>(i), codes[static_cast<std::size_t>(input)],
                     graph.constant(folding.source[static_cast<std::size_t>(input)]) != nullptr});
        addDecodedWeight(graph, node, folding.quantizedInputs[n]);
    }
    return folding;
}

} // namespace qs
