#include "core/analysis/output_classes.h"

#include "core/graph/index_operators.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace qs {
namespace {

template <std::size_t N>
bool isOneOf(const std::array<std::string_view, N> &names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

constexpr std::array<std::string_view, 3> kAlone{"Sigmoid", "HardSigmoid", "Tanh"};
constexpr std::array<std::string_view, 2> kConvolutions{"Conv", "ConvTranspose"};
constexpr std::array<std::string_view, 3> kPassOn{"Identity", "Cast", "Dropout"};
constexpr std::array<std::string_view, 4> kReshape{"Reshape", "Flatten", "Squeeze", "Unsqueeze"};
constexpr std::array<std::string_view, 2> kMove{"Transpose", "Slice"};
constexpr std::array<std::string_view, 8> kElementwise{"Add",  "Sub",  "Mul",       "Div",
                                                       "Clip", "Relu", "LeakyRelu", "BatchNormalization"};

/// The node that computed the elements of an output, which others only moved; its result of that index.
struct Origin {
    const Node *node = nullptr; ///< null: an input or a constant
    std::size_t result = 0;
};

Origin originOf(const ModelGraph &graph, ValueId value) {
    for (std::size_t steps = 0; steps <= graph.nodes().size(); ++steps) {
        const NodeId producer = graph.value(value).producer;
        if (producer == kNoNode)
            return {};
        const Node &node = graph.node(producer);
        const bool moves =
            isOneOf(kPassOn, node.opType) || isOneOf(kReshape, node.opType) || isOneOf(kMove, node.opType);
        if (!moves || node.inputs.empty() || node.inputs.front() == kNoValue)
            return {&node,
                    static_cast<std::size_t>(std::ranges::find(node.outputs, value) - node.outputs.begin())};
        value = node.inputs.front();
    }
    return {};
}

} // namespace

bool mayHaveClasses(const ModelGraph &graph, ValueId output) {
    if (areSorted(graph, output))
        return false;
    bool isUnchanged = true, keepsAxes = true; // from here to the output
    for (std::size_t steps = 0; steps < graph.nodes().size(); ++steps) {
        const NodeId producer = graph.value(output).producer;
        if (producer == kNoNode)
            return true;
        const Node &node = graph.node(producer);
        if (isUnchanged && isOneOf(kAlone, node.opType))
            return false;
        // [N, channels] of a convolution that was pooled and flattened are logits.
        if (isOneOf(kConvolutions, node.opType))
            return !keepsAxes;
        const bool reshapes = isOneOf(kReshape, node.opType);
        const bool changes = isOneOf(kElementwise, node.opType);
        if ((!reshapes && !changes && !isOneOf(kPassOn, node.opType)) || node.inputs.empty() ||
            node.inputs.front() == kNoValue)
            return true;
        keepsAxes = keepsAxes && !reshapes;
        isUnchanged = isUnchanged && !changes;
        output = node.inputs.front();
    }
    return true;
}

bool areIndices(const ModelGraph &graph, ValueId output) {
    const Origin origin = originOf(graph, output);
    return origin.node && givesIndices(*origin.node, origin.result);
}

bool areSorted(const ModelGraph &graph, ValueId output) {
    const Origin origin = originOf(graph, output);
    return origin.node && origin.node->opType == "TopK" && origin.result == 0;
}

} // namespace qs
