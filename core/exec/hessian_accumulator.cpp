#include "core/exec/hessian_accumulator.h"

#include "core/base/parallel.h"

#include <Eigen/Core>
#include <algorithm>
#include <numeric>

namespace qs {
namespace {

using RowMajorF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowMajorD = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr std::int64_t kTile = 128;
/// Rows converted to double at a time: a tile pair then stays in the second-level cache.
constexpr std::int64_t kRowBlock = 512;

std::int64_t outputLength(std::int64_t length, std::int64_t kernel, std::int64_t stride,
                          std::int64_t dilation, std::int64_t padding) {
    return (length + padding - dilation * (kernel - 1) - 1) / stride + 1;
}

} // namespace

Result<HessianAccumulator::Window> HessianAccumulator::windowOf(const Layer &layer, const Node &node) {
    const int spatial = layer.weightShape.rank() - 2;
    if (spatial > 2)
        return fail(ErrorCode::Unsupported, "a Hessian is available for 1-D and 2-D convolutions only",
                    layer.name);
    auto pick = [&](const std::vector<std::int64_t> &values, int axis, std::int64_t fallback) {
        // A 1-D convolution has only the width.
        const int index = axis - (2 - spatial);
        return index >= 0 && index < static_cast<int>(values.size()) ? values[static_cast<std::size_t>(index)]
                                                                     : fallback;
    };
    const auto strides = node.intsAttribute("strides");
    const auto dilations = node.intsAttribute("dilations");
    std::vector<std::int64_t> pads = node.intsAttribute("pads");
    pads.resize(static_cast<std::size_t>(2 * spatial), 0);
    const std::vector<std::int64_t> before(pads.begin(), pads.begin() + spatial);
    const std::vector<std::int64_t> after(pads.begin() + spatial, pads.end());

    Window window;
    window.kernelH = spatial == 2 ? layer.weightShape[2] : 1;
    window.kernelW = layer.weightShape[layer.weightShape.rank() - 1];
    window.strideH = pick(strides, 0, 1);
    window.strideW = pick(strides, 1, 1);
    window.dilationH = pick(dilations, 0, 1);
    window.dilationW = pick(dilations, 1, 1);
    window.padTop = pick(before, 0, 0);
    window.padLeft = pick(before, 1, 0);
    window.padBottom = pick(after, 0, 0);
    window.padRight = pick(after, 1, 0);
    window.autoPad = node.stringAttribute("auto_pad", "NOTSET");
    return window;
}

Result<HessianAccumulator> HessianAccumulator::create(const Layer &layer, const ModelGraph &graph) {
    HessianAccumulator accumulator;
    accumulator.m_input = layer.input;
    accumulator.m_isConv = layer.kind == LayerKind::Conv;
    accumulator.m_groups = layer.groups;
    accumulator.m_cols = layer.inPerOut;
    if (accumulator.m_isConv) {
        QS_TRY(accumulator.m_window, windowOf(layer, graph.node(layer.node)));
    }
    return accumulator;
}

bool HessianAccumulator::sameAs(const HessianAccumulator &other) const {
    return m_input == other.m_input && m_isConv == other.m_isConv && m_window == other.m_window &&
           m_groups == other.m_groups && m_cols == other.m_cols;
}

HessianAccumulator::Window HessianAccumulator::padded(std::int64_t height, std::int64_t width) const {
    Window window = m_window;
    if (window.autoPad == "NOTSET" || window.autoPad == "VALID")
        return window;
    auto split = [&](std::int64_t length, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                     std::int64_t &before, std::int64_t &after) {
        const std::int64_t outputs = (length + stride - 1) / stride;
        const std::int64_t total =
            std::max<std::int64_t>(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - length);
        before = window.autoPad == "SAME_LOWER" ? (total + 1) / 2 : total / 2;
        after = total - before;
    };
    split(height, window.kernelH, window.strideH, window.dilationH, window.padTop, window.padBottom);
    split(width, window.kernelW, window.strideW, window.dilationW, window.padLeft, window.padRight);
    return window;
}

Status HessianAccumulator::add(const Tensor &input, std::span<const double> weights, const RunContext &ctx) {
    if (m_sum.empty())
        m_sum = Tensor::zeros(DType::Float64, {m_groups, m_cols, m_cols});
    if (m_isConv)
        return addConv(input, ctx);
    const std::int64_t rows = m_cols > 0 ? input.numel() / m_cols : 0;
    QS_CHECK_OK(addRows(input.values<float>().data(), weights, rows, 0, ctx));
    m_count +=
        weights.empty() ? static_cast<double>(rows) : std::accumulate(weights.begin(), weights.end(), 0.0);
    return {};
}

Status HessianAccumulator::addConv(const Tensor &input, const RunContext &ctx) {
    const Shape &shape = input.shape();
    const std::int64_t images = shape[0], channels = shape[1];
    const std::int64_t height = shape.rank() == 4 ? shape[2] : 1;
    const std::int64_t width = shape[shape.rank() - 1];
    const Window w = padded(height, width);
    const std::int64_t outH = outputLength(height, w.kernelH, w.strideH, w.dilationH, w.padTop + w.padBottom);
    const std::int64_t outW = outputLength(width, w.kernelW, w.strideW, w.dilationW, w.padLeft + w.padRight);
    const std::int64_t channelsPerGroup = channels / m_groups;
    if (outH <= 0 || outW <= 0)
        return {};
    RowMajorF patches(outH * outW, m_cols);
    for (std::int64_t image = 0; image < images; ++image)
        for (std::int64_t group = 0; group < m_groups; ++group) {
            if (ctx.cancelled())
                return RunContext::cancelledError();
            const float *planes =
                input.values<float>().data() + (image * channels + group * channelsPerGroup) * height * width;
            std::int64_t column = 0;
            for (std::int64_t c = 0; c < channelsPerGroup; ++c)
                for (std::int64_t kh = 0; kh < w.kernelH; ++kh)
                    for (std::int64_t kw = 0; kw < w.kernelW; ++kw, ++column)
                        for (std::int64_t y = 0; y < outH; ++y) {
                            const std::int64_t row = y * w.strideH + kh * w.dilationH - w.padTop;
                            for (std::int64_t x = 0; x < outW; ++x) {
                                const std::int64_t col = x * w.strideW + kw * w.dilationW - w.padLeft;
                                const bool inside = row >= 0 && row < height && col >= 0 && col < width;
                                patches(y * outW + x, column) =
                                    inside ? planes[(c * height + row) * width + col] : 0.0f;
                            }
                        }
            QS_CHECK_OK(addRows(patches.data(), {}, outH * outW, group, ctx));
        }
    m_count += static_cast<double>(images * outH * outW);
    return {};
}

Status HessianAccumulator::addRows(const float *values, std::span<const double> weights, std::int64_t rows,
                                   std::int64_t group, const RunContext &ctx) {
    Eigen::Map<RowMajorD> sum(m_sum.mutableValues<double>().data() + group * m_cols * m_cols, m_cols, m_cols);
    const std::int64_t tiles = (m_cols + kTile - 1) / kTile;
    for (std::int64_t begin = 0; begin < rows; begin += kRowBlock) {
        const std::int64_t count = std::min(kRowBlock, rows - begin);
        RowMajorD block = Eigen::Map<const RowMajorF>(values + begin * m_cols, count, m_cols).cast<double>();
        if (!weights.empty())
            block.array().colwise() *= Eigen::Map<const Eigen::ArrayXd>(weights.data() + begin, count).sqrt();
        // Each tile is summed by one thread in row order, so any number of threads gives the same bits.
        QS_CHECK_OK(parallelFor(tiles * tiles, 1, ctx, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t tile = first; tile < last; ++tile) {
                const std::int64_t i = tile / tiles * kTile, j = tile % tiles * kTile;
                if (j > i)
                    continue;
                const std::int64_t ni = std::min(kTile, m_cols - i), nj = std::min(kTile, m_cols - j);
                sum.block(i, j, ni, nj).noalias() +=
                    block.middleCols(i, ni).transpose() * block.middleCols(j, nj);
            }
        }));
    }
    return {};
}

Tensor HessianAccumulator::finish() const {
    if (m_sum.empty()) // no rows were seen
        return Tensor::zeros(DType::Float64, {m_groups, m_cols, m_cols});
    Tensor hessian = Tensor::allocate(DType::Float64, m_sum.shape());
    const double factor = m_count > 0 ? 2.0 / m_count : 0.0;
    for (std::int64_t group = 0; group < m_groups; ++group) {
        const std::int64_t offset = group * m_cols * m_cols;
        Eigen::Map<const RowMajorD> sum(m_sum.values<double>().data() + offset, m_cols, m_cols);
        Eigen::Map<RowMajorD> dst(hessian.mutableValues<double>().data() + offset, m_cols, m_cols);
        for (std::int64_t r = 0; r < m_cols; ++r)
            for (std::int64_t c = 0; c <= r; ++c)
                dst(r, c) = dst(c, r) = factor * sum(r, c);
    }
    return hessian;
}

} // namespace qs
