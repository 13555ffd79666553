#include "core/exec/reference/attention_core.h"

#include "core/base/parallel.h"
#include "core/exec/reference/copy.h"
#include "core/exec/reference/exponential.h"

#include <Eigen/Core>
#include <cmath>

namespace qs {
namespace {

using RowMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstRows = Eigen::Map<const RowMatrix>;

constexpr std::int64_t kRowsPerTask = 32;

/// Sizes of one call, and the strides of a bias that broadcasts over them.
struct AttentionSizes {
    std::int64_t batch = 0, heads = 0, length = 0, size = 0, keyHeads = 0, keys = 0, valueSize = 0;
    std::int64_t biasStrides[4] = {};
};

Status setBiasStrides(const Tensor &bias, AttentionSizes &sizes) {
    if (bias.empty())
        return {};
    const Shape full{sizes.batch, sizes.heads, sizes.length, sizes.keys};
    const auto fit = broadcastShapes(bias.shape(), full);
    if (bias.dtype() != DType::Float32 || !fit || *fit != full)
        return fail(ErrorCode::InvalidArgument, fmt::format("a mask of shape {} for scores of shape {}",
                                                            bias.shape().text(), full.text()));
    const std::vector<std::int64_t> strides = bias.shape().strides();
    const int missing = 4 - bias.shape().rank();
    for (int axis = missing; axis < 4; ++axis)
        if (bias.shape()[axis - missing] != 1)
            sizes.biasStrides[axis] = strides[static_cast<std::size_t>(axis - missing)];
    return {};
}

Result<AttentionSizes> sizesOf(const AttentionHeads &heads, const AttentionRule &rule) {
    const Shape &q = heads.query.shape(), &k = heads.key.shape(), &v = heads.value.shape();
    if (q.rank() != 4 || k.rank() != 4 || v.rank() != 4 || k[0] != q[0] || v[0] != q[0] || k[3] != q[3] ||
        v[1] != k[1] || v[2] != k[2] || k[1] == 0 || q[3] == 0 || q[1] % k[1] != 0)
        return fail(ErrorCode::InvalidArgument, fmt::format("queries {}, keys {} and values {} do not fit",
                                                            q.text(), k.text(), v.text()));
    AttentionSizes sizes{q[0], q[1], q[2], q[3], k[1], k[2], v[3], {}};
    QS_CHECK_OK(setBiasStrides(rule.bias, sizes));
    return sizes;
}

/// Some queries of one head.
struct Attender {
    const AttentionHeads &heads;
    const AttentionRule &rule;
    AttentionSizes sizes;
    float scale = 1;

    void run(std::int64_t head, std::int64_t begin, std::int64_t rows, float *result) const {
        const std::int64_t batch = head / sizes.heads, own = head % sizes.heads;
        const std::int64_t keyHead = batch * sizes.keyHeads + own / (sizes.heads / sizes.keyHeads);
        const ConstRows query(heads.query.values<float>().data() + (head * sizes.length + begin) * sizes.size,
                              rows, sizes.size);
        const ConstRows key(heads.key.values<float>().data() + keyHead * sizes.keys * sizes.size, sizes.keys,
                            sizes.size);
        const ConstRows value(heads.value.values<float>().data() + keyHead * sizes.keys * sizes.valueSize,
                              sizes.keys, sizes.valueSize);
        RowMatrix scores = query * key.transpose() * scale;
        for (std::int64_t row = 0; row < rows; ++row) {
            float *weights = scores.data() + row * sizes.keys;
            finishScores(batch, own, begin + row, weights);
            softmaxRow(weights, weights, sizes.keys);
        }
        Eigen::Map<RowMatrix>(result + (head * sizes.length + begin) * sizes.valueSize, rows, sizes.valueSize)
            .noalias() = scores * value;
    }

    void finishScores(std::int64_t batch, std::int64_t head, std::int64_t query, float *scores) const {
        const auto cap = static_cast<float>(rule.softcap);
        const std::int64_t *strides = sizes.biasStrides;
        const float *bias = rule.bias.empty() ? nullptr
                                              : rule.bias.values<float>().data() + batch * strides[0] +
                                                    head * strides[1] + query * strides[2];
        for (std::int64_t key = 0; key < sizes.keys; ++key) {
            if (cap != 0)
                scores[key] = cap * std::tanh(scores[key] / cap);
            if (bias)
                scores[key] += bias[key * strides[3]];
            if (rule.causal && key > query + rule.past)
                scores[key] = -std::numeric_limits<float>::infinity();
        }
    }
};

} // namespace

Result<Tensor> attend(const KernelCall &call, const AttentionHeads &heads, const AttentionRule &rule) {
    QS_TRY(const AttentionSizes sizes, sizesOf(heads, rule));
    QS_TRY(Tensor result,
           call.allocate(DType::Float32, Shape{sizes.batch, sizes.heads, sizes.length, sizes.valueSize}));
    float *dst = result.mutableValues<float>().data();
    if (sizes.keys == 0)
        std::fill_n(dst, result.numel(), 0.0f);
    if (sizes.keys == 0 || result.numel() == 0)
        return result;
    const double scale = rule.scale != 0 ? rule.scale : 1 / std::sqrt(static_cast<double>(sizes.size));
    const Attender attender{heads, rule, sizes, static_cast<float>(scale)};
    const std::int64_t tasks = (sizes.length + kRowsPerTask - 1) / kRowsPerTask;
    QS_CHECK_OK(parallelFor(
        sizes.batch * sizes.heads * tasks, 1, call.ctx, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t task = begin; task < end; ++task) {
                const std::int64_t row = task % tasks * kRowsPerTask;
                attender.run(task / tasks, row, std::min(kRowsPerTask, sizes.length - row), dst);
            }
        }));
    return result;
}

Result<Tensor> splitHeads(const KernelCall &call, const Tensor &rows, std::int64_t heads) {
    const Shape &shape = rows.shape();
    if (shape.rank() != 3 || heads < 1 || shape[2] % heads != 0)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a tensor of shape {} cannot be cut into {} heads", shape.text(), heads));
    const std::int64_t size = shape[2] / heads;
    QS_TRY(auto split, copyStrided(call, rows, 0, Shape{shape[0], heads, shape[1], size},
                                   {shape[1] * shape[2], size, shape[2], 1}));
    return std::move(split[0]);
}

Result<Tensor> joinHeads(const KernelCall &call, const Tensor &heads) {
    const Shape &shape = heads.shape();
    QS_TRY(const auto joined,
           copyStrided(call, heads, 0, Shape{shape[0], shape[2], shape[1], shape[3]},
                       {shape[1] * shape[2] * shape[3], shape[3], shape[2] * shape[3], 1}));
    return joined[0].reshaped(Shape{shape[0], shape[2], shape[1] * shape[3]});
}

Result<Tensor> columnsOf(const KernelCall &call, const Tensor &rows, std::int64_t begin, std::int64_t count,
                         const float *bias) {
    Shape shape = rows.shape();
    const std::int64_t width = shape[shape.rank() - 1];
    shape[shape.rank() - 1] = count;
    QS_TRY(Tensor result, call.allocate(DType::Float32, shape));
    const float *src = rows.values<float>().data() + begin;
    float *dst = result.mutableValues<float>().data();
    for (std::int64_t row = 0; count > 0 && row < result.numel() / count; ++row)
        for (std::int64_t i = 0; i < count; ++i)
            dst[row * count + i] = src[row * width + i] + (bias ? bias[i] : 0.0f);
    return result;
}

Status rotateHeads(Tensor &heads, const RotaryTable &table) {
    const Shape &shape = heads.shape();
    if (shape.rank() != 4 || 2 * table.half > shape[3] ||
        static_cast<std::int64_t>(table.positions.size()) != shape[0] * shape[2])
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a rotation of {} elements and {} positions for heads of shape {}",
                                2 * table.half, table.positions.size(), shape.text()));
    for (const std::int64_t position : table.positions)
        if (position < 0 || position >= table.rows)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("position {} of {} whose angles are known", position, table.rows));
    float *data = heads.mutableValues<float>().data();
    const std::int64_t first = table.interleaved ? 2 : 1, second = table.interleaved ? 1 : table.half;
    for (std::int64_t line = 0; table.half > 0 && line < shape[0] * shape[1] * shape[2]; ++line) {
        const std::int64_t batch = line / (shape[1] * shape[2]), token = line % shape[2];
        const std::int64_t row = table.positions[static_cast<std::size_t>(batch * shape[2] + token)];
        const float *cosine = table.cosine + row * table.half, *sine = table.sine + row * table.half;
        float *x = data + line * shape[3];
        for (std::int64_t i = 0; i < table.half; ++i) {
            const float a = x[i * first], b = x[i * first + second];
            x[i * first] = cosine[i] * a - sine[i] * b;
            x[i * first + second] = sine[i] * a + cosine[i] * b;
        }
    }
    return {};
}

} // namespace qs
