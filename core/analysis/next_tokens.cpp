#include "core/analysis/next_tokens.h"

#include "core/tensor/convert.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

bool mayBeTokensOf(const Tensor &input, const Shape &logits) {
    return (input.dtype() == DType::Int64 || input.dtype() == DType::Int32) && logits.rank() == 3 &&
           logits.numel() > 0 && input.shape() == Shape{logits[0], logits[1]};
}

/// Whether every token that can occur has a class.
bool coversVocabulary(const Model &model, const Tensor &tokens, std::int64_t classes) {
    return std::ranges::all_of(model.layers,
                               [classes](const Layer &layer) {
                                   return layer.kind != LayerKind::Embedding || layer.outChannels <= classes;
                               }) &&
           std::ranges::all_of(tokens.values<std::int64_t>(),
                               [classes](std::int64_t token) { return token < classes; });
}

/// The tokens with others at the last position, which the vocabulary has.
Tensor withOtherEnds(const Tensor &tokens, std::int64_t classes) {
    Tensor changed = Tensor::allocate(DType::Int64, tokens.shape());
    std::ranges::copy(tokens.values<std::int64_t>(), changed.mutableValues<std::int64_t>().begin());
    const std::int64_t positions = tokens.shape()[1];
    auto values = changed.mutableValues<std::int64_t>();
    for (std::int64_t sample = 0; sample < tokens.shape()[0]; ++sample) {
        std::int64_t &last = values[static_cast<std::size_t>((sample + 1) * positions - 1)];
        last = last == 0 ? std::min<std::int64_t>(1, classes - 1) : std::max<std::int64_t>(0, last - 1);
    }
    return changed;
}

/// Whether logits differ only at the last position, but for rounding.
bool differAtTheEndOnly(const Tensor &before, const Tensor &after) {
    constexpr float kRounding = 1e-4f;
    const auto x = before.values<float>(), y = after.values<float>();
    const auto row = static_cast<std::size_t>(before.shape()[1] * before.shape()[2]);
    const std::size_t kept = row - static_cast<std::size_t>(before.shape()[2]);
    float largest = 0;
    for (const float value : x)
        if (std::isfinite(value))
            largest = std::max(largest, std::fabs(value));
    for (std::size_t start = 0; start < x.size(); start += row)
        for (std::size_t i = start; i < start + kept; ++i)
            if (std::fabs(x[i] - y[i]) > kRounding * largest)
                return false;
    return true;
}

} // namespace

Result<std::optional<std::size_t>> predictedInput(const Executor &executor, const std::vector<Tensor> &inputs,
                                                  const Tensor &logits, std::size_t output,
                                                  const RunContext &ctx) {
    const Shape &shape = logits.shape();
    const auto found =
        std::ranges::find_if(inputs, [&](const Tensor &input) { return mayBeTokensOf(input, shape); });
    if (found == inputs.end())
        return std::nullopt;
    QS_TRY(const Tensor tokens, castTensor(*found, DType::Int64));
    if (!coversVocabulary(executor.model(), tokens, shape[2]))
        return std::nullopt;
    const auto index = static_cast<std::size_t>(found - inputs.begin());
    std::vector<Tensor> changed = inputs;
    QS_TRY(changed[index], castTensor(withOtherEnds(tokens, shape[2]), found->dtype()));
    QS_TRY(const std::vector<Tensor> outputsThen, executor.run(std::move(changed), {}, ctx));
    QS_TRY(const Tensor logitsThen, toFloat32(outputsThen[output]));
    return differAtTheEndOnly(logits, logitsThen) ? std::optional(index) : std::nullopt;
}

Result<Tensor> targetTokens(const ModelGraph &graph, const std::vector<Tensor> &inputs, std::size_t index) {
    QS_TRY(const Tensor tokens, castTensor(inputs[index], DType::Int64));
    Tensor targets = Tensor::allocate(DType::Int64, tokens.shape());
    const auto values = targets.mutableValues<std::int64_t>();
    std::ranges::copy(tokens.values<std::int64_t>(), values.begin());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const bool isMask = graph.value(graph.inputs()[i]).name.find("mask") != std::string::npos;
        if (i == index || !isMask || inputs[i].shape() != tokens.shape())
            continue;
        QS_TRY(const Tensor mask, toFloat32(inputs[i]));
        for (std::size_t k = 0; k < values.size(); ++k)
            if (mask.values<float>()[k] == 0)
                values[k] = -1;
    }
    return targets;
}

} // namespace qs
