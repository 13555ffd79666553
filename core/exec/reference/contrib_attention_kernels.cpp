#include "core/exec/reference/attention_core.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/float_operands.h"
#include "core/exec/reference/transformer_families.h"

#include "core/tensor/convert.h"

#include <Eigen/Core>

namespace qs {
namespace {

constexpr const char *kMicrosoft = "com.microsoft";

/// What the attention operators of ONNX Runtime have in common.
struct ContribForm {
    std::int64_t heads = 0, keyHeads = 0;
    double scale = 0;
    float masked = -10000; ///< added to scores of masked keys
    bool causal = false;
};

Result<ContribForm> readForm(NodeReader &reader) {
    const std::int64_t heads = reader.intAttribute("num_heads", 0);
    if (heads < 1)
        return fail(ErrorCode::Unsupported, fmt::format("num_heads={}", heads));
    return ContribForm{heads, heads, reader.floatAttribute("scale", 0),
                       static_cast<float>(reader.floatAttribute("mask_filter_value", -10000)),
                       reader.flag("unidirectional", false)};
}

Status refuseInputs(const NodeReader &reader,
                    std::initializer_list<std::pair<std::size_t, const char *>> inputs) {
    for (const auto &[index, name] : inputs)
        if (reader.hasInput(index))
            return fail(ErrorCode::Unsupported, fmt::format("input {} ({})", index, name));
    return {};
}

Status refuseOutputs(const NodeReader &reader, std::size_t first) {
    for (std::size_t i = first; i < first + 3; ++i)
        if (reader.hasOutput(i))
            return fail(ErrorCode::Unsupported, fmt::format("output {}", i));
    return {};
}

/// A mask of keys as what is added to scores [batch, 1, 1 or length, keys]. It says per sequence how many
/// keys there are, or per key (and query) whether it stays.
Result<Tensor> keyMask(const KernelCall &call, const Tensor &mask, const Shape &scores, float masked) {
    const std::int64_t batch = scores[0], length = scores[2], keys = scores[3];
    const Shape &shape = mask.shape();
    const bool lengths = shape == Shape{batch}, perKey = shape == Shape{batch, keys},
               perQuery = shape == Shape{batch, length, keys};
    if (mask.dtype() != DType::Int32 || !(lengths || perKey || perQuery))
        return fail(ErrorCode::Unsupported,
                    fmt::format("a key mask {} {} for scores of shape {}", dtypeName(mask.dtype()),
                                shape.text(), scores.text()));
    QS_TRY(Tensor added, call.allocate(DType::Float32, Shape{batch, 1, perQuery ? length : 1, keys}));
    const std::span<const std::int32_t> given = mask.values<std::int32_t>();
    const std::span<float> dst = added.mutableValues<float>();
    for (std::size_t i = 0; i < dst.size(); ++i) {
        const auto row = i / static_cast<std::size_t>(keys), key = i % static_cast<std::size_t>(keys);
        const bool stays = lengths ? static_cast<std::int64_t>(key) < given[row] : given[i] != 0;
        dst[i] = stays ? 0.0f : masked;
    }
    return added;
}

/// Two additions that broadcast to scores, as one.
Result<Tensor> sumOfBiases(const KernelCall &call, const Tensor &mask, const Tensor &bias,
                           const Shape &scores) {
    if (mask.empty() || bias.empty())
        return mask.empty() ? bias : mask;
    const Shape &b = bias.shape();
    if (b.rank() != 4 || (b[0] != 1 && b[0] != scores[0]) || (b[1] != 1 && b[1] != scores[1]) ||
        b[2] != scores[2] || b[3] != scores[3])
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a bias of shape {} for scores of shape {}", b.text(), scores.text()));
    QS_TRY(Tensor sum, call.allocate(DType::Float32, scores));
    const float *m = mask.values<float>().data(), *from = bias.values<float>().data();
    float *dst = sum.mutableValues<float>().data();
    const std::int64_t keys = scores[3], plane = scores[2] * keys;
    const std::int64_t maskRows = mask.shape()[2];
    for (std::int64_t i = 0; i < sum.numel(); ++i) {
        const std::int64_t batch = i / plane / scores[1], head = i / plane % scores[1],
                           row = i / keys % scores[2];
        const std::int64_t at = ((b[0] == 1 ? 0 : batch) * b[1] + (b[1] == 1 ? 0 : head)) * plane + i % plane;
        dst[i] = from[at] + m[(batch * maskRows + (maskRows == 1 ? 0 : row)) * keys + i % keys];
    }
    return sum;
}

/// softmax · values of heads, back as [batch, length, columns]. \param mask, bias  may be empty
Result<Tensor> attendRows(const KernelCall &call, const AttentionHeads &heads, const ContribForm &form,
                          const Tensor &mask, const Tensor &bias) {
    const Shape &query = heads.query.shape(), &key = heads.key.shape();
    const Shape scores{query[0], query[1], query[2], key[2]};
    if (form.causal && query[2] != key[2])
        return fail(ErrorCode::Unsupported, "unidirectional attention between sequences of different length");
    AttentionRule rule;
    rule.scale = form.scale;
    rule.causal = form.causal;
    Tensor added;
    if (!mask.empty()) {
        QS_TRY(added, keyMask(call, mask, scores, form.masked));
    }
    QS_TRY(rule.bias, sumOfBiases(call, added, bias, scores));
    QS_TRY(const Tensor result, attend(call, heads, rule));
    return joinHeads(call, result);
}

/// [batch, length, columns] with a part of the bias added, as heads; operands of rank 4 are heads already.
Result<Tensor> biasedHeads(const KernelCall &call, std::size_t operand, std::int64_t count,
                           std::int64_t biasBegin) {
    const Tensor &rows = call[operand];
    if (rows.shape().rank() == 4 && !call.has(3))
        return rows;
    if (rows.shape().rank() != 3)
        return fail(ErrorCode::Unsupported,
                    fmt::format("input {} of shape {}", operand, rows.shape().text()));
    const std::int64_t width = rows.shape()[2];
    if (!call.has(3))
        return splitHeads(call, rows, count);
    if (call[3].shape().rank() != 1 || biasBegin + width > call[3].numel())
        return fail(ErrorCode::InvalidArgument, fmt::format("a bias of shape {}", call[3].shape().text()));
    QS_TRY(const Tensor sum, columnsOf(call, rows, 0, width, call[3].values<float>().data() + biasBegin));
    return splitHeads(call, sum, count);
}

/// Operands: queries, keys, values, their bias, key mask, bias of scores.
Result<Kernel> multiHeadAttention(NodeReader &reader) {
    QS_TRY(const ContribForm form, readForm(reader));
    if (!reader.hasInput(1) || !reader.hasInput(2))
        return fail(ErrorCode::Unsupported, "packed queries, keys and values");
    QS_CHECK_OK(
        refuseInputs(reader, {{6, "past keys"}, {7, "past values"}, {8, "past length"}, {9, "cache"}}));
    QS_CHECK_OK(refuseOutputs(reader, 3));
    return widenHalfTypes([form](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 3));
        QS_CHECK_OK(requireFloat32Operands(call, {0, 1, 2, 3, 5}));
        const auto width = [&](std::size_t i) {
            const Shape &shape = call[i].shape();
            return shape.rank() == 0 ? 0 : shape[shape.rank() - 1];
        };
        AttentionHeads heads;
        QS_TRY(heads.query, biasedHeads(call, 0, form.heads, 0));
        QS_TRY(heads.key, biasedHeads(call, 1, form.heads, width(0)));
        QS_TRY(heads.value, biasedHeads(call, 2, form.heads, width(0) + width(1)));
        QS_TRY(Tensor result, attendRows(call, heads, form, call[4], call[5]));
        return std::vector<Tensor>{std::move(result), heads.key, heads.value};
    });
}

/// input · weights + bias, all of float32, as rows of queries, keys and values.
Result<Tensor> project(const KernelCall &call) {
    using RowMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Shape &x = call[0].shape(), &w = call[1].shape();
    if (x.rank() != 3 || w.rank() != 2 || x[2] != w[0] || (call.has(2) && call[2].shape() != Shape{w[1]}))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("x of shape {} with weights of shape {}", x.text(), w.text()));
    QS_TRY(Tensor rows, call.allocate(DType::Float32, Shape{x[0], x[1], w[1]}));
    const std::int64_t count = x[0] * x[1];
    Eigen::Map<RowMatrix> dst(rows.mutableValues<float>().data(), count, w[1]);
    dst.noalias() = Eigen::Map<const RowMatrix>(call[0].values<float>().data(), count, x[2]) *
                    Eigen::Map<const RowMatrix>(call[1].values<float>().data(), w[0], w[1]);
    if (call.has(2))
        dst.rowwise() += Eigen::Map<const Eigen::RowVectorXf>(call[2].values<float>().data(), w[1]);
    return rows;
}

/// Widths of queries, keys and values in the projection.
Result<std::vector<std::int64_t>> widthsOf(const std::optional<std::vector<std::int64_t>> &given,
                                           std::int64_t sum) {
    std::vector<std::int64_t> widths = given.value_or(std::vector<std::int64_t>(3, sum / 3));
    if (widths.size() != 3 || widths[0] < 1 || widths[0] != widths[1] || widths[2] < 1 || widths[0] > sum ||
        widths[2] > sum || widths[0] + widths[1] + widths[2] != sum)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} columns are no queries, keys and values", sum));
    return widths;
}

/// Operands: x, weights, bias, key mask, past, bias of scores.
Result<Kernel> contribAttention(NodeReader &reader) {
    QS_TRY(const ContribForm form, readForm(reader));
    const auto given = reader.intsAttribute("qkv_hidden_sizes");
    if (reader.flag("do_rotary", false))
        return fail(ErrorCode::Unsupported, "do_rotary");
    QS_CHECK_OK(refuseInputs(reader, {{4, "past"}, {6, "past length"}}));
    QS_CHECK_OK(refuseOutputs(reader, 1));
    reader.ignore({"past_present_share_buffer", "rotary_embedding_dim"}); // of what was refused
    return widenHalfTypes([form, given](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_CHECK_OK(requireFloat32Operands(call, {0, 1, 2, 5}));
        QS_TRY(const Tensor rows, project(call));
        QS_TRY(const auto widths, widthsOf(given, rows.shape()[2]));
        Tensor parts[3];
        std::int64_t begin = 0;
        for (std::size_t i = 0; i < 3; begin += widths[i++]) {
            QS_TRY(const Tensor columns, columnsOf(call, rows, begin, widths[i]));
            QS_TRY(parts[i], splitHeads(call, columns, form.heads));
        }
        QS_TRY(Tensor result, attendRows(call, {parts[0], parts[1], parts[2]}, form, call[3], call[5]));
        return std::vector<Tensor>{std::move(result)};
    });
}

/// Operands of grouped queries: queries, keys, values, past keys and values, last key of every sequence,
/// number of keys, cosines, sines. Keys and values may stand behind the queries in one operand.
struct GroupedForm {
    ContribForm base;
    bool rotates = false, interleaved = false, packed = false;
    double softcap = 0;
};

Result<GroupedForm> readGroupedForm(NodeReader &reader) {
    GroupedForm form;
    QS_TRY(form.base, readForm(reader));
    form.base.keyHeads = reader.intAttribute("kv_num_heads", 0);
    form.rotates = reader.flag("do_rotary", false);
    form.interleaved = reader.flag("rotary_interleaved", false);
    form.softcap = reader.floatAttribute("softcap", 0);
    form.packed = !reader.hasInput(1);
    if (form.base.keyHeads < 1 || form.base.heads % form.base.keyHeads != 0 ||
        form.packed != !reader.hasInput(2))
        return fail(ErrorCode::Unsupported, fmt::format("kv_num_heads={}", form.base.keyHeads));
    if (reader.intAttribute("local_window_size", -1) != -1 || reader.flag("smooth_softmax", false))
        return fail(ErrorCode::Unsupported, "a local window, or a smooth softmax");
    if (form.rotates && !(reader.hasInput(7) && reader.hasInput(8)))
        return fail(ErrorCode::Unsupported, "do_rotary without angles");
    QS_CHECK_OK(refuseInputs(reader, {{9, "positions"}, {10, "bias"}, {11, "sinks"}, {12, "scales"}}));
    QS_CHECK_OK(refuseOutputs(reader, 3));
    return form;
}

/// Keys of an earlier call, and sequences of different length in one call, are not supported.
Status checkLengths(const KernelCall &call, std::int64_t batch, std::int64_t length) {
    for (const std::size_t past : {3, 4})
        if (call.has(past) && call[past].numel() > 0)
            return fail(ErrorCode::Unsupported, "past keys and values");
    if (!call.has(5))
        return fail(ErrorCode::InvalidArgument, "input 5 is missing");
    QS_TRY(const auto last, toInt64Vector(call[5]));
    if (static_cast<std::int64_t>(last.size()) != batch)
        return fail(ErrorCode::InvalidArgument, "the lengths of the sequences do not fit the batch");
    for (const std::int64_t key : last)
        if (key != length - 1)
            return fail(ErrorCode::Unsupported,
                        fmt::format("a sequence of {} tokens in a batch of {}", key + 1, length));
    return {};
}

Status rotateGrouped(const KernelCall &call, const GroupedForm &form, AttentionHeads &heads) {
    const Shape &angles = call[7].shape(), &query = heads.query.shape();
    if (angles.rank() != 2 || call[8].shape() != angles)
        return fail(ErrorCode::InvalidArgument, "cosines and sines must be matrices of one shape");
    RotaryTable table{call[7].values<float>().data(),
                      call[8].values<float>().data(),
                      angles[0],
                      angles[1],
                      {},
                      form.interleaved};
    for (std::int64_t i = 0; i < query[0] * query[2]; ++i)
        table.positions.push_back(i % query[2]);
    QS_CHECK_OK(rotateHeads(heads.query, table));
    return rotateHeads(heads.key, table);
}

Result<AttentionHeads> groupedHeads(const KernelCall &call, const GroupedForm &form) {
    const std::int64_t all = form.base.heads, some = form.base.keyHeads;
    const Shape &shape = call[0].shape();
    if (shape.rank() != 3 || shape.numel() == 0 || (form.packed && shape[2] % (all + 2 * some) != 0))
        return fail(ErrorCode::InvalidArgument, fmt::format("queries of shape {}", shape.text()));
    AttentionHeads heads;
    if (!form.packed) {
        QS_TRY(heads.query, splitHeads(call, call[0], all));
        QS_TRY(heads.key, splitHeads(call, call[1], some));
        QS_TRY(heads.value, splitHeads(call, call[2], some));
        return heads;
    }
    const std::int64_t size = shape[2] / (all + 2 * some);
    QS_TRY(const Tensor query, columnsOf(call, call[0], 0, all * size));
    QS_TRY(const Tensor key, columnsOf(call, call[0], all * size, some * size));
    QS_TRY(const Tensor value, columnsOf(call, call[0], (all + some) * size, some * size));
    QS_TRY(heads.query, splitHeads(call, query, all));
    QS_TRY(heads.key, splitHeads(call, key, some));
    QS_TRY(heads.value, splitHeads(call, value, some));
    return heads;
}

Result<Kernel> groupQueryAttention(NodeReader &reader) {
    QS_TRY(const GroupedForm form, readGroupedForm(reader));
    return widenHalfTypes([form](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, form.packed ? 1 : 3));
        QS_CHECK_OK(requireFloat32Operands(call, {0, 1, 2, 7, 8}));
        QS_TRY(AttentionHeads heads, groupedHeads(call, form));
        QS_CHECK_OK(checkLengths(call, heads.query.shape()[0], heads.query.shape()[2]));
        if (form.rotates)
            QS_CHECK_OK(rotateGrouped(call, form, heads));
        if (heads.key.shape()[2] != heads.query.shape()[2])
            return fail(ErrorCode::Unsupported, "keys of another length than the queries");
        AttentionRule rule;
        rule.scale = form.base.scale;
        rule.softcap = form.softcap;
        rule.causal = true;
        QS_TRY(const Tensor result, attend(call, heads, rule));
        QS_TRY(Tensor rows, joinHeads(call, result));
        return std::vector<Tensor>{std::move(rows), heads.key, heads.value};
    });
}

constexpr KernelEntry kEntries[] = {
    {"Attention", 1, contribAttention, kMicrosoft},
    {"MultiHeadAttention", 1, multiHeadAttention, kMicrosoft},
    {"GroupQueryAttention", 1, groupQueryAttention, kMicrosoft},
};

} // namespace

KernelFamily contribAttentionKernels() {
    return kEntries;
}

} // namespace qs
