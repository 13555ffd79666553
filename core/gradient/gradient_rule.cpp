#include "core/gradient/gradient_rule.h"

namespace qs {

GradientRule findGradientRule(const Node &node) {
    if (!node.domain.empty())
        return nullptr;
    for (const RuleFamily family : {unaryRules(), binaryRules(), productRules(), convolutionRules(),
                                    normalizationRules(), reductionRules(), movementRules(), poolingRules()})
        for (const GradientRuleEntry &entry : family)
            if (node.opType == entry.opType)
                return entry.rule;
    return nullptr;
}

Gradients onlyFirst(const BackwardCall &call, Tensor gradient) {
    for (std::size_t i = 1; i < call.wanted.size(); ++i)
        if (call.wants(i))
            return fail(
                ErrorCode::Unsupported,
                fmt::format("there is no gradient with respect to input {} of {}", i, call.node.opType));
    std::vector<Tensor> gradients(call.wanted.size());
    gradients[0] = std::move(gradient);
    return gradients;
}

} // namespace qs
