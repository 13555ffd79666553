#include "core/analysis/node_cost.h"

#include <fmt/format.h>
#include <map>

namespace qs {
namespace {

double elementsOf(const Shape &shape) {
    double elements = 1;
    for (const std::int64_t dim : shape)
        elements *= static_cast<double>(dim);
    return elements;
}

struct OperatorRule {
    OperatorKind kind = OperatorKind::Elementwise;
    double perOutput = 0; ///< operations per element of the result
    double perInput = 0;  ///< … of the first operand
};

/// \source roofline specification B.3; exp, erf and tanh stand for the operations of the functions built on
/// them
const std::map<std::string, OperatorRule, std::less<>> &rules() {
    using enum OperatorKind;
    static const std::map<std::string, OperatorRule, std::less<>> kRules = [] {
        std::map<std::string, OperatorRule, std::less<>> table{{"BatchNormalization", {Norm, 2, 0}},
                                                               {"LayerNormalization", {Norm, 7, 0}},
                                                               {"InstanceNormalization", {Norm, 7, 0}},
                                                               {"GroupNormalization", {Norm, 7, 0}},
                                                               {"RMSNormalization", {Norm, 4, 0}},
                                                               {"Softmax", {Softmax, 5, 0}},
                                                               {"LogSoftmax", {Softmax, 6, 0}},
                                                               {"Sigmoid", {Elementwise, 4, 0}},
                                                               {"HardSigmoid", {Elementwise, 4, 0}},
                                                               {"HardSwish", {Elementwise, 5, 0}},
                                                               {"Erf", {Elementwise, 4, 0}},
                                                               {"Tanh", {Elementwise, 4, 0}},
                                                               {"Gelu", {Elementwise, 8, 0}},
                                                               {"Mish", {Elementwise, 6, 0}},
                                                               {"Softplus", {Elementwise, 3, 0}},
                                                               {"Elu", {Elementwise, 3, 0}},
                                                               {"Selu", {Elementwise, 4, 0}},
                                                               {"Celu", {Elementwise, 3, 0}},
                                                               {"QuantizeLinear", {Elementwise, 2, 0}},
                                                               {"DequantizeLinear", {Elementwise, 2, 0}}};
        for (const char *op : {"Abs",       "Add",   "And",         "Ceil",  "Clip",    "Cos",
                               "Div",       "Equal", "Exp",         "Floor", "Greater", "GreaterOrEqual",
                               "LeakyRelu", "Less",  "LessOrEqual", "Log",   "Max",     "Mean",
                               "Min",       "Mod",   "Mul",         "Neg",   "Not",     "Or",
                               "PRelu",     "Pow",   "Reciprocal",  "Relu",  "Round",   "Sign",
                               "Sin",       "Sqrt",  "Sub",         "Sum",   "Where",   "Xor"})
            table[op] = {Elementwise, 1, 0};
        for (const char *op :
             {"ArgMax", "ArgMin", "CumSum", "GlobalAveragePool", "GlobalMaxPool", "ReduceL1", "ReduceL2",
              "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"})
            table[op] = {Elementwise, 0, 1};
        for (const char *op :
             {"Cast", "Concat", "DepthToSpace", "Expand", "Gather", "GatherElements", "GatherND", "Pad",
              "ScatterElements", "ScatterND", "Slice", "SpaceToDepth", "Split", "Tile", "Transpose", "Trilu"})
            table[op] = {Movement, 0, 0};
        return table;
    }();
    return kRules;
}

class NodeCounter {
public:
    explicit NodeCounter(const NodeQuery &query) : m_query(query), m_node(query.graph.node(query.node)) {}

    std::optional<NodeWork> count();

private:
    bool isCounted() const;
    const TracedValue &input(std::size_t index) const { return m_query.trace[m_node.inputs[index]]; }
    const TracedValue &output() const { return m_query.trace[m_node.outputs.front()]; }
    double outputs() const { return elementsOf(output().shape); }
    bool countMatrix();
    void countByRule();
    void countMatmul(double inner);
    void countBytes();
    void describeBytes();
    void setOperations(double operations, std::string formula) {
        m_result.work.operations = operations;
        m_result.work.operationsFormula = std::move(formula);
    }

    const NodeQuery &m_query;
    const Node &m_node;
    LayerPrecision m_precision;
    NodeWork m_result;
};

/// Reshapes are free, and so are nodes whose results follow from shapes alone.
bool NodeCounter::isCounted() const {
    if (isView(m_node.opType) || m_node.outputs.empty() || m_node.outputs.front() == kNoValue)
        return false;
    for (const ValueId id : m_node.inputs)
        if (id != kNoValue && !m_query.trace[id].known)
            return false;
    return output().known && output().fromInput;
}

void NodeCounter::countMatmul(double inner) {
    const bool isGemm = m_node.opType == "Gemm";
    const bool bias = isGemm && m_node.inputs.size() > 2 && m_node.inputs[2] != kNoValue;
    setOperations(2 * outputs() * inner + (bias ? outputs() : 0),
                  fmt::format("2·(results)·K{} = 2·{}·{}{}", bias ? " + results" : "", outputs(), inner,
                              bias ? fmt::format(" + {}", outputs()) : ""));
}

bool NodeCounter::countMatrix() {
    OperatorWork &work = m_result.work;
    const std::string &op = m_node.opType;
    if (op == "MatMul" || op == "MatMulInteger" || op == "Gemm") {
        const Shape &a = input(0).shape;
        if (a.rank() == 0)
            return false;
        work.kind = m_query.layer ? OperatorKind::Linear : OperatorKind::Attention;
        countMatmul(
            static_cast<double>(op == "Gemm" && m_node.intAttribute("transA", 0) ? a[0] : a[a.rank() - 1]));
    } else if (op == "Conv" || op == "ConvTranspose") {
        const Shape &weight = input(1).shape;
        const bool bias = m_node.inputs.size() > 2 && m_node.inputs[2] != kNoValue;
        // Every result of a convolution, every source of a transposed one meets one kernel of weights.
        const double places = op == "Conv" ? outputs() : elementsOf(input(0).shape);
        const double kernel = elementsOf(weight) / static_cast<double>(std::max<std::int64_t>(1, weight[0]));
        work.kind = OperatorKind::Convolution;
        setOperations(2 * places * kernel + (bias ? outputs() : 0),
                      fmt::format("2·{}·C/g·kh·kw{} = 2·{}·{}{}", op == "Conv" ? "results" : "sources",
                                  bias ? " + results" : "", places, kernel,
                                  bias ? fmt::format(" + {}", outputs()) : ""));
    } else {
        return false;
    }
    work.matrix = true;
    work.leftBits = m_query.layer ? m_precision.inputBits : m_query.plan.activationBits;
    work.rightBits = m_query.layer ? m_precision.codeBits : m_query.plan.activationBits;
    return true;
}

void NodeCounter::countByRule() {
    OperatorWork &work = m_result.work;
    if (m_query.layer) { // an embedding: rows are copied
        work.kind = OperatorKind::Embedding;
        setOperations(0, "0: rows are copied");
        return;
    }
    if (m_node.opType == "MaxPool" || m_node.opType == "AveragePool") {
        double window = 1;
        for (const std::int64_t size : m_node.intsAttribute("kernel_shape"))
            window *= static_cast<double>(size);
        work.kind = OperatorKind::Elementwise;
        setOperations(outputs() * window, fmt::format("results·window = {}·{}", outputs(), window));
        return;
    }
    const auto rule = rules().find(m_node.opType);
    if (rule == rules().end() || !m_node.domain.empty()) {
        m_result.operationsKnown = false;
        work.kind = OperatorKind::Movement;
        setOperations(0, "not modelled");
        return;
    }
    const auto &[kind, perOutput, perInput] = rule->second;
    work.kind = kind;
    if (perInput > 0)
        setOperations(perInput * elementsOf(input(0).shape),
                      fmt::format("{:g}·n = {:g}·{}, n = elements read", perInput, perInput,
                                  elementsOf(input(0).shape)));
    else if (perOutput > 0)
        setOperations(perOutput * outputs(),
                      fmt::format("{:g}·n = {:g}·{}, n = results", perOutput, perOutput, outputs()));
    else
        setOperations(0, "0: values are copied");
}

void NodeCounter::countBytes() {
    Traffic &bytes = m_result.work.bytes;
    const Layer *layer = m_query.layer;
    // These read only what they pass on.
    const bool partial =
        m_node.opType == "Slice" || m_node.opType == "Gather" || m_node.opType == "GatherElements";
    for (std::size_t i = 0; i < m_node.inputs.size(); ++i) {
        const ValueId id = m_node.inputs[i];
        if (id == kNoValue)
            continue;
        const TracedValue &value = m_query.trace[id];
        const double elements = partial && i == 0 ? outputs() : elementsOf(value.shape);
        if (layer && static_cast<int>(i) == layer->weightIndex)
            bytes.weights += elements * m_precision.storedBits / 8;
        else if (layer && static_cast<int>(i) == layer->inputIndex && isFloatingPoint(value.dtype))
            bytes.activationsIn += elements * m_precision.inputBits / 8;
        else if (!value.fromInput) // small constants of the shape are as free as what made them
            bytes.weights += m_query.graph.constant(id) && isFloatingPoint(value.dtype)
                                 ? elements * m_query.plan.floatBits / 8
                                 : 0;
        else
            bytes.activationsIn +=
                partial && i == 0 ? valueBytes(output(), m_query.plan) : valueBytes(value, m_query.plan);
    }
    for (const ValueId id : m_node.outputs)
        if (id != kNoValue && m_query.trace[id].known)
            bytes.activationsOut += valueBytes(m_query.trace[id], m_query.plan);
}

void NodeCounter::describeBytes() {
    const double width = m_query.plan.activationBits;
    m_result.work.bytesFormula =
        m_query.layer ? fmt::format("weights at {:g} bit, source at {:g} bit, result at {:g} bit",
                                    m_precision.storedBits, m_precision.inputBits, width)
                      : fmt::format("sources and results at {:g} bit, constants at {:g} bit", width,
                                    m_query.plan.floatBits);
}

std::optional<NodeWork> NodeCounter::count() {
    if (!isCounted())
        return std::nullopt;
    OperatorWork &work = m_result.work;
    work.name = m_node.name;
    if (const Layer *layer = m_query.layer) {
        work.name = layer->name;
        work.layer = layer->id;
        m_precision = m_query.plan.layer({layer->name, layer->id, layer->outChannels, layer->inPerOut});
    }
    if (!countMatrix())
        countByRule();
    countBytes();
    describeBytes();
    return m_result;
}

} // namespace

std::optional<NodeWork> nodeWork(const NodeQuery &query) {
    return NodeCounter(query).count();
}

bool isView(const std::string &opType) {
    return opType == "Reshape" || opType == "Squeeze" || opType == "Unsqueeze" || opType == "Flatten" ||
           opType == "Identity" || opType == "Dropout";
}

double valueBytes(const TracedValue &value, const PrecisionPlan &plan) {
    return elementsOf(value.shape) *
           (isFloatingPoint(value.dtype) ? plan.activationBits : dtypeBits(value.dtype)) / 8;
}

} // namespace qs
