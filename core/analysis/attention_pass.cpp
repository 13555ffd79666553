#include "core/analysis/attention_pass.h"

#include "core/base/number_text.h"
#include "core/tensor/convert.h"

#include <fmt/format.h>

namespace qs {
namespace {

/// Float32 with all axes but the last two joined.
Result<Tensor> asHeads(const Tensor &tensor) {
    QS_TRY(const Tensor values, toFloat32(tensor));
    const Shape &shape = values.shape();
    const int rank = shape.rank();
    if (rank < 2)
        return fail(ErrorCode::Unsupported,
                    "has the shape " + shape.text() + ", which is no matrix per head");
    return values.reshaped({shape.numelBetween(0, rank - 2), shape[rank - 2], shape[rank - 1]});
}

} // namespace

MatrixView<const float> headMatrix(const Tensor &tensor, std::int64_t head) {
    const std::int64_t rows = tensor.shape()[1], cols = tensor.shape()[2];
    return {tensor.values<float>().data() + head * rows * cols, rows, cols};
}

MatrixView<const float> AttentionValues::probabilitiesOf(std::int64_t head) const {
    return headMatrix(probabilities, head);
}

AttentionPass::AttentionPass(const AttentionInput &input, const std::vector<std::size_t> &blocks)
    : m_executor(input.executor), m_attention(input.attention), m_maxMapBytes(input.maxMapBytes),
      m_options(input.substitutions), m_tapped(std::make_shared<std::map<std::size_t, Tapped>>()) {
    for (const std::size_t index : blocks) {
        const AttentionBlock &block = m_attention->blocks[index];
        tap(block.query, index, &Tapped::query);
        tap(block.key, index, &Tapped::key);
        tap(block.keyHeads, index, &Tapped::keys);
        tap(block.valueHeads, index, &Tapped::values);
        tap(block.probabilities, index, &Tapped::probabilities);
        tap(block.output, index, &Tapped::output);
    }
}

void AttentionPass::tap(ValueId value, std::size_t block, Tensor Tapped::*field) {
    auto &call = m_options.taps[value];
    call = [tapped = m_tapped, block, field, previous = std::move(call)](const Tensor &tensor) {
        if (previous)
            previous(tensor);
        (*tapped)[block].*field = tensor;
    };
}

Result<AttentionPass> AttentionPass::begin(const AttentionInput &input,
                                           const std::vector<std::size_t> &blocks) {
    AttentionPass pass(input, blocks);
    QS_TRY(pass.m_state, pass.m_executor->begin(input.inputs, pass.m_options));
    return pass;
}

Status AttentionPass::checkSize(const AttentionBlock &block, const Tapped &tapped) const {
    if (tapped.query.empty() || tapped.key.empty() || tapped.query.shape().rank() < 2 ||
        tapped.key.shape().rank() < 2)
        return {}; // the executor will say what is wrong
    const Shape &query = tapped.query.shape(), &key = tapped.key.shape();
    const std::int64_t heads =
        std::max(query.numelBetween(0, query.rank() - 2), key.numelBetween(0, key.rank() - 2));
    const std::int64_t queries = query[query.rank() - 2], keys = key[key.rank() - 1];
    const double bytes =
        4.0 * static_cast<double>(heads) * static_cast<double>(queries) * static_cast<double>(keys);
    if (bytes <= static_cast<double>(m_maxMapBytes))
        return {};
    return fail(
        ErrorCode::OutOfMemory,
        fmt::format("the probabilities of {} heads × {} queries × {} keys need {}, the limit is {}. Choose a "
                    "shorter sample",
                    heads, queries, keys, bytesText(static_cast<std::int64_t>(bytes)),
                    bytesText(m_maxMapBytes)),
        block.name);
}

Result<AttentionValues> AttentionPass::advanceTo(std::size_t index, const RunContext &ctx) {
    const AttentionBlock &block = m_attention->blocks[index];
    QS_CHECK_OK(m_executor->advance(m_state, block.scoresNode, m_options, ctx));
    QS_CHECK_OK(checkSize(block, (*m_tapped)[index]));
    QS_CHECK_OK(m_executor->advance(m_state, block.outputNode + 1, m_options, ctx));
    const Tapped tapped = std::move((*m_tapped)[index]);
    m_tapped->erase(index);
    AttentionValues values;
    const std::pair<const Tensor &, Tensor &> fields[] = {{tapped.probabilities, values.probabilities},
                                                          {tapped.output, values.output},
                                                          {tapped.keys, values.keys},
                                                          {tapped.values, values.values}};
    for (const auto &[source, target] : fields) {
        auto heads = asHeads(source);
        if (!heads)
            return fail(std::move(heads).error().withContext(block.name));
        target = std::move(*heads);
    }
    if (values.probabilities.numel() == 0)
        return fail(ErrorCode::InvalidArgument, "the sample has no tokens", block.name);
    return values;
}

} // namespace qs
