#include "core/exec/reference/attention_core.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/float_operands.h"
#include "core/exec/reference/transformer_families.h"

#include <cmath>
#include <cstring>

namespace qs {
namespace {

/// ONNX's Attention of opset 23. Operands: queries, keys, values, mask, past keys, past values.
struct AttentionForm {
    std::int64_t heads = 0, keyHeads = 0; ///< for operands of rank 3
    AttentionRule rule;
};

Result<AttentionForm> readForm(NodeReader &reader) {
    AttentionForm form{reader.intAttribute("q_num_heads", 0), reader.intAttribute("kv_num_heads", 0), {}};
    form.rule.scale = reader.floatAttribute("scale", 0);
    form.rule.softcap = reader.floatAttribute("softcap", 0);
    form.rule.causal = reader.flag("is_causal", false);
    if (reader.hasAttribute("scale") && form.rule.scale == 0)
        return fail(ErrorCode::Unsupported, "scale=0");
    if (reader.hasOutput(3) || reader.intAttribute("qk_matmul_output_mode", 0) != 0)
        return fail(ErrorCode::Unsupported, "scores as an output");
    if (const std::int64_t precision = reader.intAttribute("softmax_precision", 1); precision != 1)
        return fail(ErrorCode::Unsupported, "softmax_precision other than float32");
    // Versions of the standard disagree about these.
    if (form.rule.softcap != 0 && (form.rule.causal || reader.hasInput(3)))
        return fail(ErrorCode::Unsupported, "softcap together with a mask");
    if (form.rule.causal && (reader.hasInput(4) || reader.hasInput(5)))
        return fail(ErrorCode::Unsupported, "is_causal together with past keys");
    if (reader.hasInput(4) != reader.hasInput(5) || reader.hasInput(6))
        return fail(ErrorCode::Unsupported, "past keys without past values, or lengths of sequences");
    return form;
}

Result<Tensor> headsOf(const KernelCall &call, std::size_t operand, std::int64_t count) {
    if (call[operand].shape().rank() == 4)
        return call[operand];
    return splitHeads(call, call[operand], count);
}

/// Two tensors of heads joined along the tokens. \param past  may be empty
Result<Tensor> joinTokens(const KernelCall &call, const Tensor &past, const Tensor &now) {
    if (past.empty())
        return now;
    const Shape &a = past.shape(), &b = now.shape();
    if (a.rank() != 4 || b.rank() != 4 || a[0] != b[0] || a[1] != b[1] || a[3] != b[3])
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a past of {} for heads of {}", a.text(), b.text()));
    QS_TRY(Tensor joined, call.allocate(DType::Float32, Shape{b[0], b[1], a[2] + b[2], b[3]}));
    const auto pastBytes = static_cast<std::size_t>(a[2] * a[3]) * sizeof(float),
               nowBytes = static_cast<std::size_t>(b[2] * b[3]) * sizeof(float);
    std::byte *dst = joined.mutableBytes();
    for (std::size_t head = 0; pastBytes + nowBytes > 0 && head < static_cast<std::size_t>(b[0] * b[1]);
         ++head) {
        std::memcpy(dst, past.bytes() + head * pastBytes, pastBytes);
        std::memcpy(dst + pastBytes, now.bytes() + head * nowBytes, nowBytes);
        dst += pastBytes + nowBytes;
    }
    return joined;
}

/// A mask as what is added: bool says which scores stay.
Result<Tensor> additiveMask(const KernelCall &call, const Tensor &mask) {
    if (mask.empty() || mask.dtype() != DType::Bool)
        return mask;
    QS_TRY(Tensor added, call.allocate(DType::Float32, mask.shape()));
    const std::span<const bool> keeps = mask.values<bool>();
    std::ranges::transform(keeps, added.mutableValues<float>().begin(),
                           [](bool keep) { return keep ? 0.0f : -std::numeric_limits<float>::infinity(); });
    return added;
}

Result<Kernel> attention(NodeReader &reader) {
    QS_TRY(const AttentionForm form, readForm(reader));
    return widenHalfTypes([form](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 3));
        QS_CHECK_OK(requireFloat32Operands(call, {0, 1, 2, 4, 5}));
        AttentionHeads heads;
        QS_TRY(heads.query, headsOf(call, 0, form.heads));
        QS_TRY(heads.key, headsOf(call, 1, form.keyHeads));
        QS_TRY(heads.value, headsOf(call, 2, form.keyHeads));
        QS_TRY(heads.key, joinTokens(call, call[4], heads.key));
        QS_TRY(heads.value, joinTokens(call, call[5], heads.value));
        AttentionRule rule = form.rule;
        QS_TRY(rule.bias, additiveMask(call, call[3]));
        QS_TRY(Tensor result, attend(call, heads, rule));
        if (call[0].shape().rank() == 3) {
            QS_TRY(result, joinHeads(call, result));
        }
        return std::vector<Tensor>{std::move(result), heads.key, heads.value, {}};
    });
}

constexpr KernelEntry kEntries[] = {
    {"Attention", 23, attention},
};

} // namespace

KernelFamily attentionKernels() {
    return kEntries;
}

} // namespace qs
