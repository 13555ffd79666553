#include "core/analysis/attention_map.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

/// The mean of maps of one size, in float64.
class MeanMap {
public:
    /// \error Unsupported  the size differs from that of the maps before
    Status add(const AttentionValues &values) {
        const Shape shape{values.probabilities.shape()[1], values.probabilities.shape()[2]};
        if (m_count == 0) {
            m_shape = shape;
            m_sum.assign(static_cast<std::size_t>(shape.numel()), 0.0);
        }
        if (shape != m_shape)
            return fail(
                ErrorCode::Unsupported,
                fmt::format("has maps of {}, the attention before it of {}: there is no mean of both. Choose "
                            "one layer",
                            shape.text(), m_shape.text()));
        for (std::int64_t head = 0; head < values.heads(); ++head) {
            const auto map = values.probabilitiesOf(head);
            for (std::size_t i = 0; i < m_sum.size(); ++i)
                m_sum[i] += static_cast<double>(map.data[i]);
            ++m_count;
        }
        return {};
    }
    Tensor result() const {
        Tensor mean = Tensor::allocate(DType::Float32, m_shape);
        std::transform(m_sum.begin(), m_sum.end(), mean.mutableValues<float>().begin(),
                       [this](double sum) { return static_cast<float>(sum / static_cast<double>(m_count)); });
        return mean;
    }

private:
    Shape m_shape;
    std::vector<double> m_sum;
    std::int64_t m_count = 0;
};

Result<Tensor> copyHead(const AttentionValues &values, int head, const std::string &block) {
    if (head >= values.heads())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("there is no head {}: there are {}", head, values.heads()), block);
    const auto map = values.probabilitiesOf(head);
    return Tensor::fromValues<float>({map.rows, map.cols},
                                     std::span(map.data, static_cast<std::size_t>(map.size())));
}

/// One model at a time: maps of float and quantized model never live together here.
Result<Tensor> captureMap(const AttentionInput &input, const AttentionMapChoice &choice,
                          const RunContext &ctx) {
    std::vector<std::size_t> blocks;
    for (std::size_t i = 0; i < input.attention->blocks.size(); ++i)
        if (choice.block < 0 || static_cast<std::size_t>(choice.block) == i)
            blocks.push_back(i);
    if (blocks.empty())
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no attention {}", choice.block));
    QS_TRY(AttentionPass pass, AttentionPass::begin(input, blocks));
    MeanMap mean;
    for (const std::size_t block : blocks) {
        const std::string &name = input.attention->blocks[block].name;
        ctx.step(static_cast<std::int64_t>(block), static_cast<std::int64_t>(blocks.back()) + 1,
                 "attention of " + name);
        QS_TRY(const AttentionValues values, pass.advanceTo(block, ctx));
        if (choice.block >= 0 && choice.head >= 0)
            return copyHead(values, choice.head, name);
        if (auto added = mean.add(values); !added)
            return fail(std::move(added).error().withContext(name));
    }
    return mean.result();
}

} // namespace

Result<AttentionMap> captureAttentionMap(const AttentionSurveyRequest &request,
                                         const AttentionMapChoice &choice, const RunContext &ctx) {
    AttentionMap map;
    AttentionInput input = request.input;
    input.substitutions = {};
    QS_TRY(map.reference, captureMap(input, choice, ctx));
    if (request.quantized) {
        input.substitutions = *request.quantized;
        QS_TRY(map.quantized, captureMap(input, choice, ctx));
    }
    return map;
}

Tensor difference(const Tensor &reference, const Tensor &quantized) {
    Tensor result = Tensor::allocate(DType::Float32, reference.shape());
    const auto ours = reference.values<float>(), theirs = quantized.values<float>();
    std::transform(theirs.begin(), theirs.end(), ours.begin(), result.mutableValues<float>().begin(),
                   std::minus<>());
    return result;
}

} // namespace qs
