#include "core/gradient/gradient_rule.h"

#include <numeric>

namespace qs {
namespace {

/// Operators that keep every element in its place.
Gradients reshape(const BackwardCall &call) {
    if (call.operand(0).dtype() != DType::Float32)
        return fail(ErrorCode::Unsupported, "a cast from another type");
    return onlyFirst(call, call.gradients[0].reshaped(call.operand(0).shape()));
}

/// Every element of a result passes its gradient to the element that it came from.
Gradients scatter(const BackwardCall &call, std::span<const std::size_t> dataOperands) {
    QS_CHECK_OK(call.indexMap.update(call.kernel, call.forward, dataOperands));
    std::vector<float> sums(static_cast<std::size_t>(call.indexMap.elements()), 0.0f);
    for (std::size_t r = 0; r < call.gradients.size(); ++r) {
        if (call.gradients[r].empty())
            continue;
        const auto from = call.indexMap.sources()[r].values<std::int32_t>();
        const auto gradient = call.gradients[r].values<float>();
        for (std::size_t i = 0; i < from.size(); ++i)
            if (from[i] >= 0)
                sums[static_cast<std::size_t>(from[i])] += gradient[i];
    }
    std::vector<Tensor> gradients(call.wanted.size());
    for (std::size_t k = 0; k < dataOperands.size(); ++k) {
        const std::size_t index = dataOperands[k];
        if (!call.wants(index))
            continue;
        const auto begin = static_cast<std::size_t>(call.indexMap.first(k));
        gradients[index] = Tensor::fromValues<float>(
            call.operand(index).shape(), std::span<const float>(sums).subspan(
                                             begin, static_cast<std::size_t>(call.operand(index).numel())));
    }
    return gradients;
}

template <std::size_t... Data>
Gradients moved(const BackwardCall &call) {
    constexpr std::size_t kData[] = {Data...};
    return scatter(call, kData);
}

Gradients concat(const BackwardCall &call) {
    std::vector<std::size_t> all(call.wanted.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return scatter(call, all);
}

constexpr GradientRuleEntry kEntries[] = {
    {"Reshape", reshape},  {"Flatten", reshape}, {"Squeeze", reshape},         {"Unsqueeze", reshape},
    {"Identity", reshape}, {"Cast", reshape},    {"Transpose", moved<0>},      {"Slice", moved<0>},
    {"Split", moved<0>},   {"Gather", moved<0>}, {"GatherElements", moved<0>}, {"GatherND", moved<0>},
    {"Expand", moved<0>},  {"Tile", moved<0>},   {"Where", moved<1, 2>},       {"Concat", concat},
};

} // namespace

RuleFamily movementRules() {
    return kEntries;
}

} // namespace qs
