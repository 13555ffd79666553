#include "core/base/parallel.h"
#include "core/exec/onednn_gemm.h"
#include "core/exec/reference/convolution.h"
#include "core/gradient/gradient_rule.h"

namespace qs {
namespace {

/// Images whose weight gradients are summed by one task; the sums of tasks are added in order.
constexpr std::int64_t kImagesPerTask = 8;

/// Positions along the last axis whose source lies inside the image, for one kernel column.
struct Reach {
    std::int64_t first = 0, last = 0, shift = 0;

    static Reach of(const WindowPlan &w, std::int64_t kx) {
        Reach reach;
        reach.shift = w.at(2, 0, kx);
        const std::int64_t stride = w.stride[2], reachable = w.src[2] - reach.shift;
        reach.first = reach.shift >= 0 ? 0 : (-reach.shift + stride - 1) / stride;
        reach.last =
            std::clamp<std::int64_t>(reachable <= 0 ? 0 : (reachable + stride - 1) / stride, 0, w.dst[2]);
        reach.first = std::min(reach.first, reach.last);
        return reach;
    }
};

/// Calls fn(kernel index, source row offset, destination row offset, reach) for every kernel element and
/// every output row that it reads inside the image.
template <typename Fn>
void forEachKernelRow(const WindowPlan &w, const Fn &fn) {
    for (std::int64_t k = 0; k < w.kernelSize(); ++k) {
        const std::int64_t ky = k / w.kernel[2] % w.kernel[1], kz = k / w.kernel[2] / w.kernel[1];
        const Reach reach = Reach::of(w, k % w.kernel[2]);
        for (std::int64_t row = 0; row < w.dst[0] * w.dst[1]; ++row) {
            const std::int64_t z = w.at(0, row / w.dst[1], kz), y = w.at(1, row % w.dst[1], ky);
            if (z >= 0 && z < w.src[0] && y >= 0 && y < w.src[1])
                fn(k, (z * w.src[1] + y) * w.src[2], row * w.dst[2], reach);
        }
    }
}

float dotStrided(const float *a, const float *b, std::int64_t count, std::int64_t stride) {
    float sum = 0;
    if (stride == 1)
        for (std::int64_t i = 0; i < count; ++i)
            sum += a[i] * b[i];
    else
        for (std::int64_t i = 0; i < count; ++i)
            sum += a[i * stride] * b[i];
    return sum;
}

void addStrided(float *dst, const float *src, float factor, std::int64_t count, std::int64_t stride) {
    if (stride == 1)
        for (std::int64_t i = 0; i < count; ++i)
            dst[i] += factor * src[i];
    else
        for (std::int64_t i = 0; i < count; ++i)
            dst[i * stride] += factor * src[i];
}

class ConvolutionGradient {
public:
    ConvolutionGradient(const BackwardCall &call, const ConvolutionPlan &plan)
        : m_call(call), m_plan(plan), m_w(plan.window), m_in(plan.srcChannels / plan.groups),
          m_out(plan.dstChannels / plan.groups), m_columns(m_in * m_w.kernelSize()),
          m_x(call.operand(0).values<float>().data()), m_weights(call.operand(1).values<float>().data()),
          m_gradient(call.gradients[0].values<float>().data()), m_gradients(call.wanted.size()) {
        for (std::size_t i = 0; i < 2; ++i)
            if (call.wants(i))
                m_gradients[i] = Tensor::zeros(DType::Float32, call.operand(i).shape());
    }

    Gradients run() {
        m_chunks = (m_plan.batch + kImagesPerTask - 1) / kImagesPerTask;
        const std::int64_t weights = m_call.operand(1).numel();
        if (m_call.wants(1))
            m_parts.assign(static_cast<std::size_t>(m_chunks * weights), 0.0f);
        QS_CHECK_OK(parallelTasks(m_chunks * m_plan.groups, m_call.forward.ctx, [this](std::int64_t task) {
            return runTask(task / m_plan.groups, task % m_plan.groups);
        }));
        if (m_call.wants(1))
            addParts(weights);
        if (m_call.wants(2))
            m_gradients[2] = biasGradient();
        return std::move(m_gradients);
    }

private:
    Status runTask(std::int64_t chunk, std::int64_t group) {
        const std::int64_t begin = chunk * kImagesPerTask;
        const std::int64_t end = std::min(m_plan.batch, begin + kImagesPerTask);
        float *weightGradient =
            m_call.wants(1) ? m_parts.data() + (chunk * m_plan.groups + group) * m_out * m_columns : nullptr;
        std::vector<float> columns;
        for (std::int64_t image = begin; image < end; ++image) {
            const std::int64_t src = (image * m_plan.srcChannels + group * m_in) * m_w.srcSize();
            const std::int64_t dst = (image * m_plan.dstChannels + group * m_out) * m_w.dstSize();
            float *xGradient = m_call.wants(0) ? m_gradients[0].mutableValues<float>().data() + src : nullptr;
            const float *weights = m_weights + group * m_out * m_columns;
            if (m_in == 1 && m_out <= 4)
                direct(m_x + src, weights, m_gradient + dst, weightGradient, xGradient);
            else
                QS_CHECK_OK(
                    byProduct(m_x + src, weights, m_gradient + dst, weightGradient, xGradient, columns));
        }
        return {};
    }

    /// One source channel: matrices would be as thin as a row.
    void direct(const float *x, const float *weights, const float *g, float *weightGradient,
                float *xGradient) const {
        const std::int64_t stride = m_w.stride[2];
        for (std::int64_t out = 0; out < m_out; ++out, g += m_w.dstSize(), weights += m_columns)
            forEachKernelRow(m_w, [&](std::int64_t k, std::int64_t src, std::int64_t dst,
                                      const Reach &reach) {
                const std::int64_t count = reach.last - reach.first;
                const std::int64_t from = src + reach.first * stride + reach.shift, to = dst + reach.first;
                if (weightGradient)
                    weightGradient[out * m_columns + k] += dotStrided(x + from, g + to, count, stride);
                if (xGradient)
                    addStrided(xGradient + from, g + to, weights[k], count, stride);
            });
    }

    Status byProduct(const float *x, const float *weights, const float *g, float *weightGradient,
                     float *xGradient, std::vector<float> &columns) const {
        const std::int64_t positions = m_w.dstSize();
        const GemmOperand gradient{g, positions};
        const bool isPointwise = m_w.kernelSize() == 1 && m_w.src == m_w.dst &&
                                 m_w.padBegin == std::array<std::int64_t, 3>{0, 0, 0};
        columns.resize(static_cast<std::size_t>(isPointwise ? 0 : m_columns * positions));
        if (weightGradient) {
            if (!isPointwise)
                gatherColumns(x, columns);
            const GemmOperand windows{isPointwise ? x : columns.data(), positions, true};
            QS_CHECK_OK(gemmOnThisThread({m_out, m_columns, positions}, 1, gradient, windows, 1,
                                         weightGradient, m_columns));
        }
        if (!xGradient)
            return {};
        QS_CHECK_OK(gemmOnThisThread({m_columns, positions, m_out}, 1, {weights, m_columns, true}, gradient,
                                     0, isPointwise ? xGradient : columns.data(), positions));
        if (!isPointwise)
            scatterColumns(columns, xGradient);
        return {};
    }

    void gatherColumns(const float *x, std::vector<float> &columns) const {
        std::fill(columns.begin(), columns.end(), 0.0f);
        const std::int64_t stride = m_w.stride[2];
        for (std::int64_t c = 0; c < m_in; ++c)
            forEachKernelRow(
                m_w, [&](std::int64_t k, std::int64_t src, std::int64_t dst, const Reach &reach) {
                    float *row = columns.data() + (c * m_w.kernelSize() + k) * m_w.dstSize() + dst;
                    const float *from = x + c * m_w.srcSize() + src + reach.shift;
                    for (std::int64_t o = reach.first; o < reach.last; ++o)
                        row[o] = from[o * stride];
                });
    }

    void scatterColumns(const std::vector<float> &columns, float *xGradient) const {
        const std::int64_t stride = m_w.stride[2];
        for (std::int64_t c = 0; c < m_in; ++c)
            forEachKernelRow(
                m_w, [&](std::int64_t k, std::int64_t src, std::int64_t dst, const Reach &reach) {
                    const float *row = columns.data() + (c * m_w.kernelSize() + k) * m_w.dstSize() + dst;
                    float *to = xGradient + c * m_w.srcSize() + src + reach.shift;
                    for (std::int64_t o = reach.first; o < reach.last; ++o)
                        to[o * stride] += row[o];
                });
    }

    void addParts(std::int64_t weights) {
        const auto dst = m_gradients[1].mutableValues<float>();
        for (std::int64_t chunk = 0; chunk < m_chunks; ++chunk)
            for (std::size_t i = 0; i < dst.size(); ++i)
                dst[i] += m_parts[static_cast<std::size_t>(chunk * weights) + i];
    }

    Tensor biasGradient() const {
        Tensor bias = Tensor::allocate(DType::Float32, Shape{m_plan.dstChannels});
        const auto dst = bias.mutableValues<float>();
        for (std::int64_t channel = 0; channel < m_plan.dstChannels; ++channel) {
            double sum = 0;
            for (std::int64_t image = 0; image < m_plan.batch; ++image) {
                const float *plane = m_gradient + (image * m_plan.dstChannels + channel) * m_w.dstSize();
                for (std::int64_t i = 0; i < m_w.dstSize(); ++i)
                    sum += plane[i];
            }
            dst[static_cast<std::size_t>(channel)] = static_cast<float>(sum);
        }
        return bias;
    }

    const BackwardCall &m_call;
    const ConvolutionPlan &m_plan;
    const WindowPlan &m_w;
    std::int64_t m_in, m_out; ///< channels of a group
    std::int64_t m_columns;   ///< weights of one output channel
    const float *m_x, *m_weights, *m_gradient;
    std::vector<Tensor> m_gradients;
    std::int64_t m_chunks = 0;
    std::vector<float> m_parts; ///< weight gradients of every chunk of images
};

Gradients convolution(const BackwardCall &call) {
    NodeReader reader = call.reader();
    QS_TRY(const WindowAttributes attributes, WindowAttributes::read(reader));
    QS_TRY(const ConvolutionPlan plan,
           planConvolution(call.forward, attributes, reader.intAttribute("group", 1)));
    return ConvolutionGradient(call, plan).run();
}

constexpr GradientRuleEntry kEntries[] = {{"Conv", convolution}};

} // namespace

RuleFamily convolutionRules() {
    return kEntries;
}

} // namespace qs
