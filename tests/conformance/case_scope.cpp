#include "tests/conformance/case_scope.h"

namespace qs {
namespace {

constexpr const char *kTraining = "training", *kRandom = "random", *kStrings = "strings",
                     *kNoTensors = "sequences and optionals";

/// Operators that are out of scope whatever their attributes say.
const std::map<std::string, std::string, std::less<>> kExcludedOperators{
    {"Adagrad", kTraining},
    {"Adam", kTraining},
    {"Momentum", kTraining},
    {"Gradient", kTraining},
    {"Bernoulli", kRandom},
    {"RandomUniformLike", kRandom}, // what Bernoulli expands to
    {"StringNormalizer", kStrings},
    {"ConcatFromSequence", kNoTensors},
    {"OptionalGetElement", kNoTensors},
    {"OptionalHasElement", kNoTensors},
    {"SequenceAt", kNoTensors},
    {"SequenceConstruct", kNoTensors},
    {"SequenceEmpty", kNoTensors},
    {"SequenceErase", kNoTensors},
    {"SequenceInsert", kNoTensors},
    {"SequenceLength", kNoTensors},
    {"SequenceMap", kNoTensors},
    {"SplitToSequence", kNoTensors},
};

/// Modes of operators that are in scope otherwise.
bool isTrainingMode(const ModelGraph &graph, const Node &node) {
    if (node.opType == "BatchNormalization")
        return graph.opset() >= 14 && node.intAttribute("training_mode", 0) != 0;
    if (node.opType != "Dropout" || node.inputs.size() < 3 || node.inputs[2] == kNoValue)
        return false;
    const Tensor *mode = graph.constant(node.inputs[2]);
    return !mode || mode->bytes()[0] != std::byte{0};
}

} // namespace

std::string outOfScope(const ModelGraph &graph) {
    for (const Node &node : graph.nodes()) {
        if (const auto found = kExcludedOperators.find(node.opType); found != kExcludedOperators.end())
            return found->second;
        if (isTrainingMode(graph, node))
            return kTraining;
        for (const auto &[name, attribute] : node.attributes)
            if (const auto *inner = std::get_if<std::shared_ptr<const ModelGraph>>(&attribute))
                if (std::string reason = outOfScope(**inner); !reason.empty())
                    return reason;
    }
    for (const auto *ids : {&graph.inputs(), &graph.outputs()})
        for (const ValueId id : *ids) {
            if (graph.value(id).dtype == DType::String)
                return kStrings;
            // The node tests declare the type of every tensor, so this is none.
            if (graph.value(id).dtype == DType::Undefined)
                return kNoTensors;
        }
    return {};
}

} // namespace qs
