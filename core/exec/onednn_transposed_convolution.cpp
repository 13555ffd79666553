#include "core/base/parallel.h"
#include "core/exec/onednn_gemm.h"
#include "core/exec/onednn_kernels.h"
#include "core/exec/reference/column_image.h"
#include "core/exec/reference/transposed_convolution.h"

namespace qs {
namespace {

/// Transposed convolution as a matrix product: weights [channels in, channels out · kernel] transposed times
/// the image [channels in, positions] gives columns, which are added where their windows lie.
class TransposedProduct {
public:
    TransposedProduct(const KernelCall &call, const WindowPlan &window, std::int64_t groups,
                      const Shape &shape, float *dst)
        : m_call(call), m_window(window), m_groups(groups), m_images(shape[0]),
          m_channelsIn(call[0].shape()[1] / groups), m_channelsOut(shape[1] / groups), m_dst(dst) {
        const std::int64_t columns = m_window.kernelSize() * m_window.dstSize();
        // About 50 µs of work, and columns of about 1 MiB.
        constexpr std::int64_t kWork = 3'000'000, kColumnFloats = 1 << 18;
        m_channelsPerTask = std::clamp<std::int64_t>(std::min(kWork / m_channelsIn, kColumnFloats) / columns,
                                                     1, m_channelsOut);
        m_tasksPerGroup = (m_channelsOut + m_channelsPerTask - 1) / m_channelsPerTask;
    }

    Status run() const {
        return parallelTasks(m_images * m_groups * m_tasksPerGroup, m_call.ctx, [this](std::int64_t task) {
            return runTask(task / m_tasksPerGroup, task % m_tasksPerGroup * m_channelsPerTask);
        });
    }

private:
    /// \param imageGroup  image · groups + group
    Status runTask(std::int64_t imageGroup, std::int64_t firstChannel) const {
        const std::int64_t channels = std::min(m_channelsPerTask, m_channelsOut - firstChannel);
        const std::int64_t group = imageGroup % m_groups, kernel = m_window.kernelSize(),
                           positions = m_window.dstSize();
        const float *src = m_call[0].values<float>().data() + imageGroup * m_channelsIn * positions;
        const float *weights =
            m_call[1].values<float>().data() + (group * m_channelsIn * m_channelsOut + firstChannel) * kernel;
        QS_TRY(Tensor columns, m_call.pool.allocate(DType::Float32, Shape{channels * kernel, positions}));
        float *sums = columns.mutableValues<float>().data();
        QS_CHECK_OK(gemmOnThisThread({channels * kernel, positions, m_channelsIn}, 1,
                                     {weights, m_channelsOut * kernel, true}, {src, positions}, 0, sums,
                                     positions));
        for (std::int64_t c = 0; c < channels; ++c) {
            const std::int64_t channel = firstChannel + c;
            float *plane = m_dst + (imageGroup * m_channelsOut + channel) * m_window.srcSize();
            const auto at = static_cast<std::size_t>(group * m_channelsOut + channel);
            std::fill_n(plane, m_window.srcSize(), m_call.has(2) ? m_call[2].values<float>()[at] : 0.0f);
            addColumns(m_window, sums + c * kernel * positions, plane);
        }
        return {};
    }

    const KernelCall &m_call;
    const WindowPlan &m_window; ///< of the convolution that this one transposes: src is the result
    std::int64_t m_groups, m_images, m_channelsIn, m_channelsOut;
    float *m_dst;
    std::int64_t m_channelsPerTask = 1, m_tasksPerGroup = 1;
};

} // namespace

Result<Kernel> oneDnnTransposedConvolution(NodeReader &reader, Kernel reference) {
    QS_TRY(const TransposedAttributes attributes, TransposedAttributes::read(reader));
    return Kernel([attributes, reference = std::move(reference)](KernelCall &call) -> Outputs {
        if (!allFloat32(call) || !call.has(0) || !call.has(1))
            return reference(call);
        QS_TRY(const TransposedPlan plan, attributes.plan(call));
        if (plan.result.numel() == 0 || call[0].shape()[1] == 0)
            return reference(call);
        QS_TRY(Tensor result, call.allocate(DType::Float32, plan.result));
        QS_CHECK_OK(TransposedProduct(call, plan.window, attributes.group, plan.result,
                                      result.mutableValues<float>().data())
                        .run());
        return std::vector<Tensor>{std::move(result)};
    });
}

} // namespace qs
