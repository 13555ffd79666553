#include "core/base/parallel.h"
#include "core/exec/depthwise_convolution.h"
#include "core/exec/fusion.h"
#include "core/exec/onednn_gemm.h"
#include "core/exec/onednn_kernels.h"

#include <cstring>

namespace qs {
namespace {

/// Convolution as a matrix product: weights [channels out, channels in · kernel] times the windows of a
/// stretch of output rows, laid out as columns.
class ConvolutionProduct {
public:
    ConvolutionProduct(const KernelCall &call, const ConvolutionPlan &plan, const ConvolutionTail &tail,
                       float *dst)
        : m_call(call), m_plan(plan), m_tail(tail), m_window(plan.window),
          m_channelsIn(plan.srcChannels / plan.groups), m_channelsOut(plan.dstChannels / plan.groups),
          m_columns(m_channelsIn * m_window.kernelSize()), m_dst(dst) {
        // Windows of 1 at stride 1 without padding: the source is its own column matrix.
        m_isPointwise = m_window.kernelSize() == 1 && m_window.src == m_window.dst &&
                        m_window.padBegin[2] == 0 && m_window.padBegin[1] == 0 && m_window.padBegin[0] == 0;
        const std::int64_t rows = m_window.dst[0] * m_window.dst[1];
        const std::int64_t work = m_channelsOut * m_columns * m_window.dst[2];
        // About 50 µs of work, and a column matrix of at most 1 MiB.
        constexpr std::int64_t kWork = 3'000'000, kColumnFloats = 1 << 18;
        m_rowsPerTask = std::clamp<std::int64_t>(
            std::min(kWork / std::max<std::int64_t>(1, work),
                     m_isPointwise ? rows
                                   : kColumnFloats / std::max<std::int64_t>(1, m_columns * m_window.dst[2])),
            1, rows);
        m_tasksPerImage = (rows + m_rowsPerTask - 1) / m_rowsPerTask;
    }

    Status run() const {
        return parallelTasks(
            m_plan.batch * m_plan.groups * m_tasksPerImage, m_call.ctx, [this](std::int64_t task) {
                return runTask(task / m_tasksPerImage / m_plan.groups, task / m_tasksPerImage % m_plan.groups,
                               task % m_tasksPerImage * m_rowsPerTask);
            });
    }

private:
    static constexpr std::int64_t kPageFloats = 1024, kCacheLineFloats = 16;

    Status runTask(std::int64_t image, std::int64_t group, std::int64_t firstRow) const {
        const std::int64_t rows = std::min(m_rowsPerTask, m_window.dst[0] * m_window.dst[1] - firstRow);
        const std::int64_t first = firstRow * m_window.dst[2], count = rows * m_window.dst[2];
        const float *src = m_call[0].values<float>().data() +
                           (image * m_plan.srcChannels + group * m_channelsIn) * m_window.srcSize();
        const float *weights = m_call[1].values<float>().data() + group * m_channelsOut * m_columns;
        float *dst =
            m_dst + (image * m_plan.dstChannels + group * m_channelsOut) * m_window.dstSize() + first;
        const bool hasBias = m_call.has(2);
        if (hasBias)
            for (std::int64_t c = 0; c < m_channelsOut; ++c)
                std::fill_n(dst + c * m_window.dstSize(), count,
                            m_call[2].values<float>()[static_cast<std::size_t>(group * m_channelsOut + c)]);
        GemmOperand columns{src + first, m_window.dstSize()};
        Tensor gathered;
        if (!m_isPointwise) {
            // Rows that are a page apart share their places in the first cache: twice the time.
            const std::int64_t stride = count % kPageFloats == 0 ? count + kCacheLineFloats : count;
            QS_TRY(gathered, m_call.pool.allocate(DType::Float32, Shape{m_columns, stride}));
            gatherColumns(src, firstRow, rows, gathered.mutableValues<float>().data(), stride);
            columns = {gathered.values<float>().data(), stride};
        }
        QS_CHECK_OK(gemmOnThisThread({m_channelsOut, count, m_columns}, 1, {weights, m_columns}, columns,
                                     hasBias ? 1.0f : 0.0f, dst, m_window.dstSize()));
        for (std::int64_t c = 0; c < m_channelsOut; ++c)
            m_tail.apply(group * m_channelsOut + c, dst + c * m_window.dstSize(), count);
        return {};
    }

    /// Row (channel, kz, ky, kx) of the column matrix: what that kernel element reads at the output rows.
    void gatherColumns(const float *src, std::int64_t firstRow, std::int64_t rows, float *columns,
                       std::int64_t stride) const {
        const WindowPlan &w = m_window;
        for (std::int64_t c = 0; c < m_channelsIn; ++c)
            for (std::int64_t k = 0; k < w.kernelSize(); ++k, columns += stride) {
                float *dst = columns;
                const std::int64_t kx = k % w.kernel[2], ky = k / w.kernel[2] % w.kernel[1],
                                   kz = k / w.kernel[2] / w.kernel[1];
                for (std::int64_t row = firstRow; row < firstRow + rows; ++row, dst += w.dst[2]) {
                    const std::int64_t z = w.at(0, row / w.dst[1], kz), y = w.at(1, row % w.dst[1], ky);
                    if (z < 0 || z >= w.src[0] || y < 0 || y >= w.src[1])
                        std::fill_n(dst, w.dst[2], 0.0f);
                    else
                        gatherRow(src + ((c * w.src[0] + z) * w.src[1] + y) * w.src[2], kx, dst);
                }
            }
    }

    void gatherRow(const float *src, std::int64_t kx, float *dst) const {
        const WindowPlan &w = m_window;
        const std::int64_t shift = kx * w.dilation[2] - w.padBegin[2], stride = w.stride[2];
        const std::int64_t first = std::min(w.dst[2], shift >= 0 ? 0 : (-shift + stride - 1) / stride);
        const std::int64_t reachable = w.src[2] - shift;
        const std::int64_t last =
            std::clamp<std::int64_t>(reachable <= 0 ? 0 : (reachable + stride - 1) / stride, first, w.dst[2]);
        std::fill(dst, dst + first, 0.0f);
        if (stride == 1)
            std::copy(src + first + shift, src + last + shift, dst + first);
        else
            for (std::int64_t o = first; o < last; ++o)
                dst[o] = src[o * stride + shift];
        std::fill(dst + last, dst + w.dst[2], 0.0f);
    }

    const KernelCall &m_call;
    const ConvolutionPlan &m_plan;
    const ConvolutionTail &m_tail;
    const WindowPlan &m_window;
    std::int64_t m_channelsIn, m_channelsOut;
    std::int64_t m_columns; ///< length of one window
    float *m_dst;
    bool m_isPointwise = false;
    std::int64_t m_rowsPerTask = 1, m_tasksPerImage = 1;
};

} // namespace

Result<Kernel> oneDnnConvolution(NodeReader &reader, Kernel reference) {
    return convolutionWithTail(reader, std::move(reference), {});
}

namespace {

/// The reference kernel takes what the fast one does not; the tail follows it.
Outputs slowConvolution(KernelCall &call, const Kernel &reference, const ConvolutionTail &tail) {
    QS_TRY(std::vector<Tensor> outputs, reference(call));
    if (!tail.isEmpty())
        QS_CHECK_OK(changeAsFloat32(outputs.front(), [&](Tensor &result) {
            tail.apply(result);
            return Status{};
        }));
    return outputs;
}

} // namespace

Result<Kernel> convolutionWithTail(NodeReader &reader, Kernel reference, ConvolutionTail tail) {
    QS_TRY(const WindowAttributes attributes, WindowAttributes::read(reader));
    const std::int64_t group = reader.intAttribute("group", 1);
    return Kernel([=, reference = std::move(reference), tail = std::move(tail)](KernelCall &call) -> Outputs {
        if (!allFloat32(call))
            return slowConvolution(call, reference, tail);
        QS_TRY(const ConvolutionPlan plan, planConvolution(call, attributes, group));
        QS_TRY(Tensor result, call.allocate(DType::Float32, plan.result));
        float *dst = result.mutableValues<float>().data();
        if (result.numel() == 0 || plan.srcChannels == 0)
            return slowConvolution(call, reference, tail);
        if (isDepthwise(plan)) {
            const float *bias = call.has(2) ? call[2].values<float>().data() : nullptr;
            const DepthwiseOperands operands{call[0].values<float>().data(), call[1].values<float>().data(),
                                             bias, dst};
            QS_CHECK_OK(depthwiseConvolution(plan, operands, tail, call.ctx));
        } else {
            QS_CHECK_OK(ConvolutionProduct(call, plan, tail, dst).run());
        }
        return std::vector<Tensor>{std::move(result)};
    });
}

} // namespace qs
