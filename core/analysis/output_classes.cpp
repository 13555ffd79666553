#include "core/analysis/output_classes.h"

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
constexpr std::array<std::string_view, 3> kChoose{"ArgMax", "ArgMin", "NonMaxSuppression"};
constexpr std::array<std::string_view, 8> kElementwise{"Add",  "Sub",  "Mul",       "Div",
                                                       "Clip", "Relu", "LeakyRelu", "BatchNormalization"};

} // namespace

bool mayHaveClasses(const ModelGraph &graph, ValueId output) {
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
    for (std::size_t steps = 0; steps < graph.nodes().size(); ++steps) {
        const NodeId producer = graph.value(output).producer;
        if (producer == kNoNode)
            return false;
        const Node &node = graph.node(producer);
        if (isOneOf(kChoose, node.opType))
            return true;
        if (node.opType == "TopK")
            return node.outputs.size() > 1 && node.outputs[1] == output;
        if ((!isOneOf(kPassOn, node.opType) && !isOneOf(kReshape, node.opType) &&
             !isOneOf(kMove, node.opType)) ||
            node.inputs.empty() || node.inputs.front() == kNoValue)
            return false;
        output = node.inputs.front();
    }
    return false;
}

} // namespace qs
