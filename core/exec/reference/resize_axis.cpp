#include "core/exec/reference/resize_axis.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

/// Position in the source that result i stands for, in float32 as ONNX Runtime computes it: at a scale of
/// 1/3, result 1 comes from exactly 3, which rounding down must not turn into 2.
float sourcePosition(const ResizeAxis &axis, ResizeCoordinates coordinates, std::int64_t result) {
    const auto i = static_cast<float>(result), last = static_cast<float>(axis.src - 1);
    const float halfPixel = (i + 0.5f) / axis.scale - 0.5f;
    switch (coordinates) {
    case ResizeCoordinates::HalfPixel:
        return halfPixel;
    case ResizeCoordinates::HalfPixelSymmetric: {
        const float adjustment = static_cast<float>(axis.dst) / axis.resizedLength;
        return static_cast<float>(axis.src) / 2 * (1 - adjustment) + halfPixel;
    }
    case ResizeCoordinates::PytorchHalfPixel:
        return axis.dst > 1 ? halfPixel : 0;
    case ResizeCoordinates::AlignCorners:
        // Of the elements that there are, as PyTorch and ONNX Runtime; the standard's own reference takes the
        // length before it was rounded.
        return axis.dst <= 1 ? 0 : i * last / static_cast<float>(axis.dst - 1);
    case ResizeCoordinates::Asymmetric:
        return i / axis.scale;
    case ResizeCoordinates::TfHalfPixelForNearest:
        return (i + 0.5f) / axis.scale;
    case ResizeCoordinates::TfCropAndResize:
        if (axis.dst <= 1)
            return 0.5f * (axis.roiStart + axis.roiEnd) * last;
        return axis.roiStart * last +
               i * (axis.roiEnd - axis.roiStart) * last / static_cast<float>(axis.dst - 1);
    }
    return halfPixel;
}

bool isOutside(const ResizeAxis &axis, const ResizeForm &form, float position) {
    return form.coordinates == ResizeCoordinates::TfCropAndResize &&
           !(position >= 0 && position <= static_cast<float>(axis.src - 1));
}

/// Positions far outside only meet the edge; the bound keeps conversions to integers defined.
double boundedPosition(const ResizeAxis &axis, float position) {
    const auto size = static_cast<double>(axis.src);
    return std::isnan(position) ? 0 : std::clamp(static_cast<double>(position), -size - 4, 2 * size + 4);
}

double linearKernel(double distance) {
    return std::max(0.0, 1 - distance);
}

double cubicKernel(double d, double a) {
    if (d <= 1)
        return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

double roundedPosition(double x, NearestMode mode, float scale) {
    switch (mode) {
    case NearestMode::RoundPreferFloor:
        return std::ceil(x - 0.5);
    case NearestMode::RoundPreferCeil:
        return std::floor(x + 0.5);
    case NearestMode::Floor:
        return std::floor(x);
    case NearestMode::Ceil:
        return std::ceil(x);
    case NearestMode::CeilWhenSmaller:
        return scale < 1 ? std::ceil(x) : std::floor(x);
    }
    return x;
}

} // namespace

ResizeTaps resizeTaps(const ResizeAxis &axis, const ResizeForm &form) {
    const bool cubic = form.mode == ResizeMode::Cubic;
    // Antialiasing stretches the kernel over all elements that shrink into one.
    const double stretch = form.antialias ? std::min(1.0, static_cast<double>(axis.scale)) : 1;
    const double reach = (cubic ? 2 : 1) / stretch;
    ResizeTaps result;
    for (std::int64_t i = 0; i < axis.dst; ++i) {
        result.first.push_back(result.taps.size());
        const float position = sourcePosition(axis, form.coordinates, i);
        if (isOutside(axis, form, position))
            continue;
        const double x = boundedPosition(axis, position);
        const std::size_t begin = result.taps.size();
        double sum = 0;
        for (auto at = static_cast<std::int64_t>(std::floor(x - reach)) + 1;
             static_cast<double>(at) < x + reach; ++at) {
            const double distance = std::fabs(static_cast<double>(at) - x) * stretch;
            const double weight =
                cubic ? cubicKernel(distance, form.cubicCoefficient) : linearKernel(distance);
            const std::int64_t index = std::clamp<std::int64_t>(at, 0, axis.src - 1);
            if (weight == 0 || (form.excludeOutside && index != at))
                continue;
            sum += weight;
            if (result.taps.size() > begin && result.taps.back().index == index)
                result.taps.back().weight += weight;
            else
                result.taps.push_back({index, weight});
        }
        for (std::size_t tap = begin; tap < result.taps.size(); ++tap)
            result.taps[tap].weight /= sum;
    }
    result.first.push_back(result.taps.size());
    return result;
}

std::vector<std::int64_t> nearestElements(const ResizeAxis &axis, const ResizeForm &form) {
    std::vector<std::int64_t> elements;
    for (std::int64_t i = 0; i < axis.dst; ++i) {
        if (!axis.isResized) {
            elements.push_back(i);
            continue;
        }
        const float position = sourcePosition(axis, form.coordinates, i);
        const double x = roundedPosition(boundedPosition(axis, position), form.nearest, axis.scale);
        elements.push_back(isOutside(axis, form, position)
                               ? -1
                               : std::clamp<std::int64_t>(static_cast<std::int64_t>(x), 0, axis.src - 1));
    }
    return elements;
}

} // namespace qs
