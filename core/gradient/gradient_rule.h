#pragma once

#include "core/exec/kernel.h"
#include "core/gradient/index_map.h"

namespace qs {

/// One node on the way back: what it read and wrote, and the gradient of the loss by what it wrote.
struct BackwardCall {
    const Node &node;
    const ModelGraph &graph;
    const Kernel &kernel;              ///< of the node, to run on something else (index maps)
    KernelCall &forward;               ///< the operands as the kernel read them, substitutions included
    std::span<const Tensor> results;   ///< what the kernel returned
    std::span<const Tensor> gradients; ///< by result, float32 of its shape; empty where nothing flows back
    const std::vector<bool> &wanted;   ///< by operand: whether its gradient is asked for
    IndexMap &indexMap;                ///< kept by the tape between passes

    const Tensor &operand(std::size_t index) const { return forward[index]; }
    bool wants(std::size_t index) const { return index < wanted.size() && wanted[index]; }
    NodeReader reader() const { return {node, graph}; }
};

/// Gradients by operand, float32 of the operand's shape; empty where not wanted.
using Gradients = Result<std::vector<Tensor>>;

/// The derivative of one operator.
/// \error Unsupported  this form of the operator, or a wanted operand that it is not differentiated by
using GradientRule = Gradients (*)(const BackwardCall &);

struct GradientRuleEntry {
    const char *opType;
    GradientRule rule;
};

using RuleFamily = std::span<const GradientRuleEntry>;
RuleFamily unaryRules();
RuleFamily binaryRules();
RuleFamily productRules();
RuleFamily convolutionRules();
RuleFamily normalizationRules();
RuleFamily reductionRules();
RuleFamily movementRules();
RuleFamily poolingRules();

/// The rule of an ai.onnx operator, or nullptr.
GradientRule findGradientRule(const Node &node);

/// For rules of operators with one differentiable operand, the first.
Gradients onlyFirst(const BackwardCall &call, Tensor gradient);

} // namespace qs
