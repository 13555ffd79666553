#include "core/graph/node_operands.h"

#include <fmt/format.h>

namespace qs {
namespace {

// clang-format off: operators by the number of operands that all their versions need
const std::map<std::string, std::size_t, std::less<>> kLeastOperands{
    {"Constant", 0},
    {"ConstantFill", 0},
    {"Loop", 0},
    {"Optional", 0},
    {"OptionalHasElement", 0},
    {"RandomNormal", 0},
    {"RandomUniform", 0},
    {"Scan", 0},
    {"SequenceEmpty", 0},
    {"Add", 2},
    {"AffineGrid", 2},
    {"And", 2},
    {"BitShift", 2},
    {"BitwiseAnd", 2},
    {"BitwiseOr", 2},
    {"BitwiseXor", 2},
    {"CastLike", 2},
    {"CenterCropPad", 2},
    {"Compress", 2},
    {"Conv", 2},
    {"ConvInteger", 2},
    {"ConvTranspose", 2},
    {"CumSum", 2},
    {"DequantizeLinear", 2},
    {"Div", 2},
    {"Equal", 2},
    {"Expand", 2},
    {"Gather", 2},
    {"GatherElements", 2},
    {"GatherND", 2},
    {"Gemm", 2},
    {"Greater", 2},
    {"GreaterOrEqual", 2},
    {"GridSample", 2},
    {"LayerNormalization", 2},
    {"Less", 2},
    {"LessOrEqual", 2},
    {"MatMul", 2},
    {"MatMulInteger", 2},
    {"MaxUnpool", 2},
    {"Mod", 2},
    {"Mul", 2},
    {"NegativeLogLikelihoodLoss", 2},
    {"NonMaxSuppression", 2},
    {"Or", 2},
    {"PRelu", 2},
    {"Pow", 2},
    {"QuantizeLinear", 2},
    {"RMSNormalization", 2},
    {"ReverseSequence", 2},
    {"STFT", 2},
    {"SoftmaxCrossEntropyLoss", 2},
    {"Sub", 2},
    {"Tile", 2},
    {"Xor", 2},
    {"Attention", 3},
    {"Col2Im", 3},
    {"GRU", 3},
    {"GroupNormalization", 3},
    {"InstanceNormalization", 3},
    {"LSTM", 3},
    {"OneHot", 3},
    {"RNN", 3},
    {"Range", 3},
    {"RoiAlign", 3},
    {"RotaryEmbedding", 3},
    {"Scatter", 3},
    {"ScatterElements", 3},
    {"ScatterND", 3},
    {"Where", 3},
    {"BatchNormalization", 5},
    {"MelWeightMatrix", 5},
    {"QLinearConv", 8},
    {"QLinearMatMul", 8},
};
// clang-format on

/// Operators whose first output may be left out.
bool mayOmitFirstOutput(const Node &node) {
    for (const char *name : {"RNN", "GRU", "LSTM", "If", "Loop", "Scan", "Unique"})
        if (node.opType == name)
            return true;
    return false;
}

} // namespace

Status checkOperands(const Node &node) {
    if (!node.domain.empty())
        return {};
    const auto found = kLeastOperands.find(node.opType);
    const std::size_t least = found == kLeastOperands.end() ? 1 : found->second;
    if (node.inputs.size() < least)
        return fail(ErrorCode::CorruptFile,
                    fmt::format("{} has {} inputs, it needs {}", node.opType, node.inputs.size(), least));
    for (std::size_t i = 0; i < least; ++i)
        if (node.inputs[i] == kNoValue)
            return fail(ErrorCode::CorruptFile, fmt::format("input {} of {} is left out", i, node.opType));
    if (node.outputs.empty() || (node.outputs.front() == kNoValue && !mayOmitFirstOutput(node)))
        return fail(ErrorCode::CorruptFile, fmt::format("{} has no output", node.opType));
    return {};
}

} // namespace qs
