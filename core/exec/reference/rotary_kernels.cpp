#include "core/exec/reference/attention_core.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/float_operands.h"
#include "core/exec/reference/transformer_families.h"

#include "core/tensor/convert.h"

#include <numeric>

namespace qs {
namespace {

struct RotaryForm {
    bool interleaved = false;
    std::int64_t heads = 0;   ///< for operands of rank 3
    std::int64_t rotated = 0; ///< elements of a head; 0 = all
};

Result<RotaryForm> readForm(NodeReader &reader) {
    const RotaryForm form{reader.flag("interleaved", false), reader.intAttribute("num_heads", 0),
                          reader.intAttribute("rotary_embedding_dim", 0)};
    if (form.heads < 0 || form.rotated < 0)
        return fail(ErrorCode::Unsupported, "a negative number of heads or of rotated elements");
    return form;
}

/// \param cosine, sine  operands whose last axis is half of what is rotated
/// \error InvalidArgument  they do not fit the form
Result<RotaryTable> tableOf(const KernelCall &call, const RotaryForm &form, std::size_t cosine,
                            std::size_t sine) {
    const Shape &shape = call[cosine].shape();
    if (shape != call[sine].shape() || shape.rank() < 2)
        return fail(ErrorCode::InvalidArgument, fmt::format("cosines of shape {} with sines of shape {}",
                                                            shape.text(), call[sine].shape().text()));
    const std::int64_t half = shape[shape.rank() - 1];
    if (form.rotated != 0 && form.rotated != 2 * half)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("angles of {} pairs to rotate {} elements", half, form.rotated));
    RotaryTable table{call[cosine].values<float>().data(),
                      call[sine].values<float>().data(),
                      shape.numelBetween(0, shape.rank() - 1),
                      half,
                      {},
                      form.interleaved};
    return table;
}

/// Rotates operand 0, of rank 3 or 4.
Outputs rotateOperand(const KernelCall &call, std::int64_t headCount, const RotaryTable &table) {
    const bool flat = call[0].shape().rank() == 3;
    Tensor heads;
    if (flat) {
        QS_TRY(heads, splitHeads(call, call[0], headCount));
    } else {
        QS_TRY(heads, call.allocate(DType::Float32, call[0].shape()));
        std::ranges::copy(call[0].values<float>(), heads.mutableValues<float>().begin());
    }
    QS_CHECK_OK(rotateHeads(heads, table));
    if (flat) {
        QS_TRY(heads, joinHeads(call, heads));
    }
    return std::vector<Tensor>{std::move(heads)};
}

/// [batch, tokens] of operand 0. \error InvalidArgument  its rank is neither 3 nor 4, or it is empty
Result<std::pair<std::int64_t, std::int64_t>> tokensOf(const KernelCall &call) {
    const Shape &shape = call[0].shape();
    if ((shape.rank() != 3 && shape.rank() != 4) || shape.numel() == 0)
        return fail(ErrorCode::InvalidArgument, fmt::format("x has the shape {}", shape.text()));
    return std::pair(shape[0], shape[shape.rank() - 2]);
}

/// ONNX: x, cosines, sines, positions. Without positions every token has its own row of angles.
Result<Kernel> rotaryEmbedding(NodeReader &reader) {
    QS_TRY(const RotaryForm form, readForm(reader));
    return widenHalfTypes([form](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 3));
        QS_CHECK_OK(requireFloat32Operands(call, {0, 1, 2}));
        QS_TRY(RotaryTable table, tableOf(call, form, 1, 2));
        QS_TRY(const auto tokens, tokensOf(call));
        if (call.has(3)) {
            QS_TRY(table.positions, toInt64Vector(call[3]));
        } else {
            table.positions.resize(
                static_cast<std::size_t>(std::min(table.rows, tokens.first * tokens.second)));
            std::iota(table.positions.begin(), table.positions.end(), 0);
        }
        return rotateOperand(call, form.heads, table);
    });
}

/// ONNX Runtime: x, positions, cosines, sines. One position is that of the first token.
Result<Kernel> contribRotaryEmbedding(NodeReader &reader) {
    QS_TRY(const RotaryForm form, readForm(reader));
    if (reader.flag("is_packed_batching", false) || reader.floatAttribute("scale", 1) != 1)
        return fail(ErrorCode::Unsupported, "packed batches, or a scale");
    return widenHalfTypes([form](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 4));
        QS_CHECK_OK(requireFloat32Operands(call, {0, 2, 3}));
        QS_TRY(RotaryTable table, tableOf(call, form, 2, 3));
        QS_TRY(const auto tokens, tokensOf(call));
        QS_TRY(table.positions, toInt64Vector(call[1]));
        if (table.positions.size() == 1 && call[1].shape().rank() <= 1) {
            const std::int64_t first = table.positions[0];
            if (first < 0 || first > table.rows)
                return fail(ErrorCode::InvalidArgument, fmt::format("position {} of {}", first, table.rows));
            table.positions.resize(static_cast<std::size_t>(tokens.first * tokens.second));
            for (std::size_t i = 0; i < table.positions.size(); ++i)
                table.positions[i] = first + static_cast<std::int64_t>(i) % tokens.second;
        }
        const Shape &shape = call[0].shape();
        // Without a number of heads the whole head is rotated.
        const std::int64_t heads = form.heads > 0 ? form.heads
                                   : table.half > 0 && form.rotated == 0
                                       ? shape[shape.rank() - 1] / (2 * table.half)
                                       : 0;
        return rotateOperand(call, heads, table);
    });
}

constexpr KernelEntry kEntries[] = {
    {"RotaryEmbedding", 23, rotaryEmbedding},
    {"RotaryEmbedding", 1, contribRotaryEmbedding, "com.microsoft"},
};

} // namespace

KernelFamily rotaryKernels() {
    return kEntries;
}

} // namespace qs
