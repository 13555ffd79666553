#include "core/exec/weighted_hessians.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {

std::vector<std::vector<double>> attentionReceived(const Tensor &probabilities, const TokenBatch &batch) {
    const Shape &shape = probabilities.shape();
    if (shape.rank() < 2 || batch.samples < 1)
        return {};
    const std::int64_t queries = shape[shape.rank() - 2], keys = shape[shape.rank() - 1];
    const std::int64_t maps = shape.numelBetween(0, shape.rank() - 2);
    if (maps == 0 || maps % batch.samples != 0)
        return {};
    const auto visible = [&](std::int64_t sample, std::int64_t token, std::int64_t tokens) {
        const auto count = static_cast<std::size_t>(batch.samples * tokens);
        return batch.visible.size() != count ||
               batch.visible[static_cast<std::size_t>(sample * tokens + token)] != 0;
    };
    std::vector<std::vector<double>> received(static_cast<std::size_t>(batch.samples),
                                              std::vector<double>(static_cast<std::size_t>(keys), 0.0));
    const float *row = probabilities.values<float>().data();
    for (std::int64_t map = 0; map < maps; ++map) {
        const std::int64_t sample = map / (maps / batch.samples);
        std::vector<double> &sums = received[static_cast<std::size_t>(sample)];
        for (std::int64_t query = 0; query < queries; ++query, row += keys)
            if (visible(sample, query, queries))
                for (std::int64_t key = 0; key < keys; ++key)
                    if (visible(sample, key, keys))
                        sums[static_cast<std::size_t>(key)] += row[key];
    }
    return received;
}

WeightedHessians::WeightedHessians(const Model &model, const std::set<HessianWish> &wishes,
                                   FindingList &findings)
    : m_findings(findings) {
    const auto isWeighted = [](const HessianWish &wish) {
        return wish.weighting.importance != TokenImportance::Equal;
    };
    if (std::ranges::none_of(wishes, isWeighted))
        return;
    m_attention = findAttention(model);
    for (const HessianWish &wish : wishes)
        if (isWeighted(wish))
            add(model.layers[static_cast<std::size_t>(wish.layer)], wish.weighting, model);
}

int WeightedHessians::attentionOf(const Layer &layer) const {
    int block = m_attention.blockOfLayer(layer.id);
    for (std::size_t i = 0; block < 0 && i < m_attention.blocks.size(); ++i) {
        const std::size_t last = m_attention.blocks.size() - 1 - i;
        if (m_attention.blocks[last].outputNode < layer.node)
            block = static_cast<int>(last);
    }
    return block;
}

void WeightedHessians::add(const Layer &layer, const TokenWeighting &weighting, const Model &model) {
    const bool byAttention = weighting.importance == TokenImportance::Attention;
    if (byAttention && m_attention.blocks.empty()) {
        m_refused[layer.id].push_back({weighting, {}, m_attention.report(model.graph)});
        return;
    }
    auto accumulator = HessianAccumulator::create(layer, model.graph);
    if (!accumulator) {
        m_refused[layer.id].push_back({weighting, {}, accumulator.error().message});
        return;
    }
    Sum sum{weighting, byAttention ? attentionOf(layer) : -1, layer.input, std::move(*accumulator)};
    // Tokens are what layers multiply their weight with row by row; the patches of a convolution are none.
    sum.uniform = layer.kind == LayerKind::Conv || (byAttention && sum.attention < 0);
    auto same = std::ranges::find_if(m_sums, [&](const Sum &other) {
        return other.weighting == sum.weighting && other.attention == sum.attention &&
               other.accumulator.sameAs(sum.accumulator);
    });
    if (same == m_sums.end())
        same = m_sums.insert(m_sums.end(), std::move(sum));
    same->layers.insert(layer.id);
}

std::set<ValueId> WeightedHessians::values() const {
    std::set<ValueId> values;
    for (const Sum &sum : m_sums) {
        values.insert(sum.input);
        if (sum.attention >= 0)
            values.insert(m_attention.blocks[static_cast<std::size_t>(sum.attention)].probabilities);
    }
    return values;
}

void WeightedHessians::startBatch(TokenBatch batch) {
    m_batch = std::move(batch);
    m_received.clear();
}

Status WeightedHessians::take(ValueId value, const Tensor &tensor, const RunContext &ctx) {
    for (Sum &sum : m_sums) {
        const bool waits = sum.attention >= 0 && !m_received.contains(sum.attention);
        if (sum.input == value && waits)
            sum.waiting = tensor;
        else if (sum.input == value)
            QS_CHECK_OK(addTo(sum, tensor, ctx));
    }
    for (Sum &sum : m_sums) {
        if (sum.attention < 0 ||
            m_attention.blocks[static_cast<std::size_t>(sum.attention)].probabilities != value)
            continue;
        if (!m_received.contains(sum.attention))
            m_received[sum.attention] = attentionReceived(tensor, m_batch);
        if (!sum.waiting.empty())
            QS_CHECK_OK(addTo(sum, std::exchange(sum.waiting, {}), ctx));
    }
    return {};
}

Status WeightedHessians::addTo(Sum &sum, const Tensor &input, const RunContext &ctx) {
    return sum.accumulator.add(input, weightsFor(sum, input), ctx);
}

/// One weight for every row of the input; empty when rows are not the tokens of the samples.
std::vector<double> WeightedHessians::weightsFor(Sum &sum, const Tensor &input) const {
    const Shape &shape = input.shape();
    const std::int64_t cols = shape.rank() > 0 ? shape[shape.rank() - 1] : 0;
    const std::int64_t rows = cols > 0 ? input.numel() / cols : 0;
    const std::int64_t tokens = m_batch.samples > 0 ? rows / m_batch.samples : 0;
    sum.uniform = sum.uniform || tokens == 0 || rows % m_batch.samples != 0 ||
                  (shape.rank() > 2 && shape[0] != m_batch.samples);
    if (sum.uniform)
        return {};
    const bool masked = static_cast<std::int64_t>(m_batch.visible.size()) == rows;
    std::vector<double> weights;
    for (std::int64_t sample = 0; sample < m_batch.samples; ++sample) {
        const auto first = static_cast<std::size_t>(sample * tokens);
        const auto importance =
            importanceOf(sum, sample,
                         input.values<float>().subspan(first * static_cast<std::size_t>(cols),
                                                       static_cast<std::size_t>(tokens * cols)),
                         tokens);
        if (static_cast<std::int64_t>(importance.size()) != tokens) {
            sum.uniform = true;
            return {};
        }
        const auto visible = masked ? std::span(m_batch.visible).subspan(first, importance.size())
                                    : std::span<const std::uint8_t>();
        std::ranges::copy(tokenWeights(importance, sum.weighting, visible), std::back_inserter(weights));
    }
    return weights;
}

std::vector<double> WeightedHessians::importanceOf(const Sum &sum, std::int64_t sample,
                                                   std::span<const float> values, std::int64_t tokens) const {
    std::vector<double> importance(static_cast<std::size_t>(tokens), 0.0);
    switch (sum.weighting.importance) {
    case TokenImportance::Equal:
        break;
    case TokenImportance::Attention: {
        const auto &received = m_received.at(sum.attention);
        return received.empty() ? std::vector<double>() : received[static_cast<std::size_t>(sample)];
    }
    case TokenImportance::Norm: {
        const std::size_t cols = values.size() / importance.size();
        for (std::size_t token = 0; token < importance.size(); ++token) {
            for (const float value : values.subspan(token * cols, cols))
                importance[token] += static_cast<double>(value) * value;
            importance[token] = std::sqrt(importance[token]);
        }
        break;
    }
    case TokenImportance::First:
        for (std::int64_t token = 0; token < std::min(tokens, sum.weighting.firstTokens); ++token)
            importance[static_cast<std::size_t>(token)] = 1.0;
        break;
    }
    return importance;
}

std::vector<WeightedHessian> WeightedHessians::finish(const Layer &layer) {
    std::vector<WeightedHessian> hessians = std::exchange(m_refused[layer.id], {});
    for (Sum &sum : m_sums) {
        if (!sum.layers.contains(layer.id))
            continue;
        if (sum.result.empty())
            sum.result = sum.accumulator.finish();
        hessians.push_back({sum.weighting, sum.result, {}});
        if (sum.uniform)
            m_findings.add(
                Severity::Info,
                sum.weighting.importance == TokenImportance::Attention
                    ? "no attention tells how much the inputs of this layer matter; they count alike"
                    : "the inputs of this layer are not the tokens of a sequence; they count alike",
                layer.name);
    }
    return hessians;
}

} // namespace qs
