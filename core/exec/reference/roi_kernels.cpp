#include "core/base/parallel.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/families.h"

#include "core/tensor/convert.h"

#include <cmath>

namespace qs {
namespace {

/// More sampling points inside one bin than any sane region needs.
constexpr double kMostSamples = 1 << 16;

struct RoiForm {
    std::int64_t height = 1, width = 1, samplingRatio = 0;
    double scale = 1, offset = 0.5;
    bool takesMaximum = false;
};

/// One bilinear sample: four elements of a plane and their weights.
struct RoiSample {
    std::array<std::int64_t, 4> index{};
    std::array<double, 4> weight{};
};

/// The two neighbours of a coordinate and the weight of the second. \return false  beyond the border
bool neighbours(double x, std::int64_t length, std::int64_t &low, std::int64_t &high, double &fraction) {
    if (!(x >= -1 && x <= static_cast<double>(length)))
        return false;
    x = std::max(x, 0.0);
    low = std::min(static_cast<std::int64_t>(x), length - 1);
    high = std::min(low + 1, length - 1);
    fraction = low == length - 1 ? 0 : x - static_cast<double>(low);
    return true;
}

RoiSample sampleAt(double y, double x, std::int64_t height, std::int64_t width) {
    std::int64_t top = 0, bottom = 0, left = 0, right = 0;
    double fy = 0, fx = 0;
    if (!neighbours(y, height, top, bottom, fy) || !neighbours(x, width, left, right, fx))
        return {}; // weights of 0
    return {{top * width + left, top * width + right, bottom * width + left, bottom * width + right},
            {(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx}};
}

/// One region on the feature map: where its bins begin and how many samples each has.
struct Region {
    double top = 0, left = 0, binHeight = 0, binWidth = 0;
    std::int64_t rows = 0, columns = 0;

    static Result<Region> of(const double *corners, const RoiForm &form) {
        Region region;
        region.left = corners[0] * form.scale - form.offset;
        region.top = corners[1] * form.scale - form.offset;
        double width = corners[2] * form.scale - form.offset - region.left;
        double height = corners[3] * form.scale - form.offset - region.top;
        if (form.offset == 0) { // without the shift of half a pixel, regions have at least one pixel
            width = std::max(width, 1.0);
            height = std::max(height, 1.0);
        }
        region.binHeight = height / static_cast<double>(form.height);
        region.binWidth = width / static_cast<double>(form.width);
        const auto given = static_cast<double>(form.samplingRatio);
        const double rows = form.samplingRatio > 0 ? given : std::ceil(region.binHeight);
        const double columns = form.samplingRatio > 0 ? given : std::ceil(region.binWidth);
        if (!std::isfinite(region.top + region.left) ||
            !(std::fabs(rows) * std::fabs(columns) <= kMostSamples) ||
            !(rows <= kMostSamples && columns <= kMostSamples))
            return fail(ErrorCode::InvalidArgument, fmt::format("a region from {}, {} to {}, {}", corners[0],
                                                                corners[1], corners[2], corners[3]));
        region.rows = static_cast<std::int64_t>(std::max(0.0, rows));
        region.columns = static_cast<std::int64_t>(std::max(0.0, columns));
        return region;
    }

    std::vector<RoiSample> samplesOf(std::int64_t binY, std::int64_t binX, const Shape &x) const {
        std::vector<RoiSample> samples;
        for (std::int64_t row = 0; row < rows; ++row)
            for (std::int64_t column = 0; column < columns; ++column)
                samples.push_back(sampleAt(coordinate(top, binHeight, binY, row, rows),
                                           coordinate(left, binWidth, binX, column, columns), x[2], x[3]));
        return samples;
    }

private:
    static double coordinate(double start, double bin, std::int64_t at, std::int64_t sample,
                             std::int64_t count) {
        return start +
               (static_cast<double>(at) + (static_cast<double>(sample) + 0.5) / static_cast<double>(count)) *
                   bin;
    }
};

/// The mean of the samples; or the largest weighted neighbour of any of them, which is what the operator's
/// 'max' means in ONNX Runtime and in the tests of ONNX.
template <typename T>
double poolSamples(const std::vector<RoiSample> &samples, const T *plane, bool takesMaximum) {
    double sum = 0, best = samples.empty() ? 0 : -std::numeric_limits<double>::infinity();
    for (const RoiSample &sample : samples)
        for (std::size_t i = 0; i < 4; ++i) {
            const double value = sample.weight[i] * static_cast<double>(plane[sample.index[i]]);
            sum += value;
            best = std::max(best, value);
        }
    return takesMaximum ? best : sum / std::max(1.0, static_cast<double>(samples.size()));
}

template <typename T>
Outputs alignRegions(const KernelCall &call, const RoiForm &form, const std::vector<std::int64_t> &images) {
    const Shape &x = call[0].shape();
    const auto count = static_cast<std::int64_t>(images.size());
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), Shape{count, x[1], form.height, form.width}));
    QS_TRY(const Tensor corners, castTensor(call[1], DType::Float64));
    std::vector<Region> regions;
    for (std::int64_t i = 0; i < count; ++i) {
        QS_TRY(Region region, Region::of(corners.values<double>().data() + i * 4, form));
        regions.push_back(region);
    }
    T *dst = result.mutableValues<T>().data();
    const std::int64_t bins = form.height * form.width, size = x[2] * x[3];
    const auto alignBins = [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t at = begin; at < end && !call.ctx.cancelled(); ++at) {
            const std::int64_t roi = at / bins, bin = at % bins;
            const auto samples =
                regions[static_cast<std::size_t>(roi)].samplesOf(bin / form.width, bin % form.width, x);
            const T *image = call[0].values<T>().data() + images[static_cast<std::size_t>(roi)] * x[1] * size;
            for (std::int64_t channel = 0; channel < x[1]; ++channel)
                dst[(roi * x[1] + channel) * bins + bin] =
                    static_cast<T>(poolSamples(samples, image + channel * size, form.takesMaximum));
        }
    };
    QS_CHECK_OK(parallelFor(result.numel() == 0 ? 0 : count * bins, 16, call.ctx, alignBins));
    return std::vector<Tensor>{std::move(result)};
}

/// Images [N, C, H, W], regions [count, 4] as x1, y1, x2, y2, the image of each region [count].
Result<std::vector<std::int64_t>> checkRegions(const KernelCall &call) {
    QS_CHECK_OK(requireInputs(call, 3));
    const Shape &x = call[0].shape(), &rois = call[1].shape();
    if (x.rank() != 4 || x[2] < 1 || x[3] < 1 || rois.rank() != 2 || rois[1] != 4)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("regions of shape {} in images of shape {}", rois.text(), x.text()));
    QS_TRY(auto images, integerOperand(call, 2));
    if (static_cast<std::int64_t>(images.size()) != rois[0])
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} batch indices for {} regions", images.size(), rois[0]));
    for (const std::int64_t image : images)
        if (image < 0 || image >= x[0])
            return fail(ErrorCode::InvalidArgument, fmt::format("batch index {} of {} images", image, x[0]));
    return images;
}

/// Since opset 16 coordinates are shifted by half a pixel unless the node says otherwise; before, never.
Result<Kernel> roiAlign(NodeReader &reader) {
    RoiForm form;
    form.height = reader.intAttribute("output_height", 1);
    form.width = reader.intAttribute("output_width", 1);
    form.samplingRatio = reader.intAttribute("sampling_ratio", 0);
    form.scale = reader.floatAttribute("spatial_scale", 1);
    const auto sane = [](std::int64_t size) { return size >= 1 && size <= 1 << 20; };
    if (!sane(form.height) || !sane(form.width) || form.samplingRatio < 0 || form.samplingRatio > 256)
        return fail(ErrorCode::Unsupported, "an output size or a sampling_ratio out of range");
    const std::string coordinates =
        reader.opset() < 16 ? "output_half_pixel"
                            : reader.stringAttribute("coordinate_transformation_mode", "half_pixel");
    if (coordinates != "half_pixel" && coordinates != "output_half_pixel")
        return fail(ErrorCode::Unsupported, "coordinate_transformation_mode='" + coordinates + "'");
    form.offset = coordinates == "half_pixel" ? 0.5 : 0;
    const std::string mode = reader.stringAttribute("mode", "avg");
    if (mode != "avg" && mode != "max")
        return fail(ErrorCode::Unsupported, "mode='" + mode + "'");
    form.takesMaximum = mode == "max";
    return widenHalfTypes([form](KernelCall &call) -> Outputs {
        QS_TRY(const auto images, checkRegions(call));
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return alignRegions<T>(call, form, images); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"RoiAlign", 10, roiAlign},
};

} // namespace

KernelFamily roiKernels() {
    return kEntries;
}

} // namespace qs
