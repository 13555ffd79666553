#include "core/base/parallel.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/families.h"

#include "core/tensor/convert.h"

#include <cmath>

namespace qs {
namespace {

enum class SampleMode { Nearest, Linear, Cubic };
enum class SamplePadding { Zeros, Border, Reflection };

struct SampleForm {
    SampleMode mode = SampleMode::Linear;
    SamplePadding padding = SamplePadding::Zeros;
    bool alignCorners = false;
};

/// The elements of one axis that a coordinate reads.
struct AxisSample {
    std::array<std::int64_t, 4> index; ///< -1 where it reads a padded zero
    std::array<double, 4> weight;
    int count = 0;
};

/// Mirrors x at the ends of [low, high] until it lies within.
double reflected(double x, double low, double high) {
    const double range = high - low;
    if (range <= 0 || !std::isfinite(x))
        return low;
    const double distance = std::fmod(std::fabs(x - low), 2 * range);
    return low + (distance > range ? 2 * range - distance : distance);
}

class AxisSampler {
public:
    AxisSampler(const SampleForm &form, std::int64_t length)
        : m_form(form), m_length(length), m_low(form.alignCorners ? 0.0 : -0.5),
          m_high(static_cast<double>(length) - (form.alignCorners ? 1.0 : 0.5)) {}

    /// \param coordinate  -1 and 1 are the ends of the axis; finite
    AxisSample operator()(double coordinate) const {
        const auto size = static_cast<double>(m_length);
        double x =
            m_form.alignCorners ? (coordinate + 1) / 2 * (size - 1) : ((coordinate + 1) * size - 1) / 2;
        if (m_form.mode == SampleMode::Nearest)
            x = std::nearbyint(x);
        // A cubic reads beyond the border where it is, as PyTorch and ONNX Runtime do.
        if (m_form.padding == SamplePadding::Border && m_form.mode != SampleMode::Cubic)
            x = std::clamp(x, 0.0, size - 1);
        else if (m_form.padding == SamplePadding::Reflection && (x < m_low || x > m_high))
            x = reflected(x, m_low, m_high);
        x = std::clamp(x, -4.0, size + 4); // nothing changes out there; keeps conversions to integers defined
        const double floor = std::floor(x), fraction = x - floor;
        const auto first = static_cast<std::int64_t>(floor);
        switch (m_form.mode) {
        case SampleMode::Nearest:
            return {{at(first)}, {1}, 1};
        case SampleMode::Linear:
            return {{at(first), at(first + 1)}, {1 - fraction, fraction}, 2};
        case SampleMode::Cubic:
            return {{at(first - 1), at(first), at(first + 1), at(first + 2)},
                    {outerWeight(1 + fraction), innerWeight(fraction), innerWeight(1 - fraction),
                     outerWeight(2 - fraction)},
                    4};
        }
        return {};
    }

private:
    // Keys 1981 with a = -0.75.
    static double innerWeight(double d) { return (1.25 * d - 2.25) * d * d + 1; }
    static double outerWeight(double d) { return ((-0.75 * d + 3.75) * d - 6) * d + 3; }

    std::int64_t at(std::int64_t index) const {
        if (index >= 0 && index < m_length)
            return index;
        if (m_form.padding == SamplePadding::Zeros)
            return -1;
        const double x = static_cast<double>(index);
        const double inside = m_form.padding == SamplePadding::Border ? x : reflected(x, m_low, m_high);
        return std::clamp<std::int64_t>(static_cast<std::int64_t>(inside), 0, m_length - 1);
    }

    SampleForm m_form;
    std::int64_t m_length;
    double m_low, m_high;
};

struct SampleTap {
    std::int64_t offset;
    double weight;
};

/// All elements of a plane that one position of the grid reads. \param position  last axis of the plane first
std::vector<SampleTap> tapsAt(const std::vector<AxisSampler> &samplers,
                              const std::vector<std::int64_t> &strides, const double *position) {
    std::vector<SampleTap> taps{{0, 1.0}};
    for (std::size_t axis = 0; axis < samplers.size(); ++axis) {
        const AxisSample sample = samplers[axis](position[samplers.size() - 1 - axis]);
        std::vector<SampleTap> more;
        for (const SampleTap &tap : taps)
            for (std::size_t i = 0; i < static_cast<std::size_t>(sample.count); ++i)
                if (sample.index[i] >= 0 && sample.weight[i] != 0)
                    more.push_back(
                        {tap.offset + sample.index[i] * strides[axis], tap.weight * sample.weight[i]});
        taps = std::move(more);
    }
    return taps;
}

/// X [N, C, spatial…], grid [N, result spatial…, spatial axes].
Result<Shape> sampledShape(const Shape &x, const Shape &grid, bool imagesOnly) {
    const int axes = x.rank() - 2;
    if (axes < 1 || axes > 3 || (imagesOnly && axes != 2) || grid.rank() != x.rank() || grid[0] != x[0] ||
        grid[grid.rank() - 1] != axes)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a grid of shape {} for x of shape {}", grid.text(), x.text()));
    Shape shape = x;
    for (int axis = 2; axis < x.rank(); ++axis) {
        shape[axis] = grid[axis - 1];
        if (x[axis] < 1)
            return fail(ErrorCode::InvalidArgument, fmt::format("nothing to sample in {}", x.text()));
    }
    return shape;
}

template <typename T>
Outputs sampleGrid(const KernelCall &call, const SampleForm &form, const Shape &shape) {
    const Shape &x = call[0].shape();
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), shape));
    if (result.numel() == 0)
        return std::vector<Tensor>{std::move(result)};
    QS_TRY(const Tensor grid, castTensor(call[1], DType::Float64));
    const std::size_t axes = static_cast<std::size_t>(x.rank() - 2);
    std::vector<AxisSampler> samplers;
    for (std::size_t axis = 0; axis < axes; ++axis)
        samplers.emplace_back(form, x[static_cast<int>(axis) + 2]);
    std::vector<std::int64_t> strides = x.strides();
    strides.erase(strides.begin(), strides.begin() + 2);
    const std::int64_t size = x.numelBetween(2, x.rank()), points = shape.numelBetween(2, shape.rank());
    const double *positions = grid.values<double>().data();
    T *dst = result.mutableValues<T>().data();
    const auto samplePoints = [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t point = begin; point < end; ++point) {
            const std::int64_t image = point / points;
            const double *position = positions + point * static_cast<std::int64_t>(axes);
            const bool finite =
                std::all_of(position, position + axes, [](double p) { return std::isfinite(p); });
            const auto taps = finite ? tapsAt(samplers, strides, position) : std::vector<SampleTap>{};
            for (std::int64_t channel = 0; channel < x[1]; ++channel) {
                const T *plane = call[0].values<T>().data() + (image * x[1] + channel) * size;
                double sum = finite ? 0 : std::numeric_limits<double>::quiet_NaN();
                for (const SampleTap &tap : taps)
                    sum += tap.weight * static_cast<double>(plane[tap.offset]);
                dst[(image * x[1] + channel) * points + point % points] = static_cast<T>(sum);
            }
        }
    };
    QS_CHECK_OK(parallelFor(x[0] * points, 256, call.ctx, samplePoints));
    return std::vector<Tensor>{std::move(result)};
}

/// Opset 16 samples images; 20 has one to three spatial axes and other names of the modes.
Result<Kernel> gridSample(NodeReader &reader) {
    SampleForm form;
    const bool named16 = reader.opset() < 20;
    const std::string mode = reader.stringAttribute("mode", named16 ? "bilinear" : "linear");
    const std::string padding = reader.stringAttribute("padding_mode", "zeros");
    if (mode == "nearest")
        form.mode = SampleMode::Nearest;
    else if (mode == (named16 ? "bicubic" : "cubic"))
        form.mode = SampleMode::Cubic;
    else if (mode != (named16 ? "bilinear" : "linear"))
        return fail(ErrorCode::Unsupported, "mode='" + mode + "'");
    if (padding == "border")
        form.padding = SamplePadding::Border;
    else if (padding == "reflection")
        form.padding = SamplePadding::Reflection;
    else if (padding != "zeros")
        return fail(ErrorCode::Unsupported, "padding_mode='" + padding + "'");
    form.alignCorners = reader.flag("align_corners", false);
    return widenHalfTypes([form, named16](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_TRY(const Shape shape, sampledShape(call[0].shape(), call[1].shape(), named16));
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return sampleGrid<T>(call, form, shape); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"GridSample", 16, gridSample},
};

} // namespace

KernelFamily gridSampleKernels() {
    return kEntries;
}

} // namespace qs
