#include "core/exec/reference/resize_plan.h"

#include "core/exec/reference/axes.h"
#include "core/tensor/convert.h"

#include <cmath>
#include <numeric>

namespace qs {
namespace {

/// Positions are float32, which counts in steps of 1 up to here.
constexpr std::int64_t kLongestAxis = std::int64_t{1} << 24;

constexpr double kMostCoverage = 16; ///< how often a roi may repeat the source

template <typename Enum>
using Names = std::initializer_list<std::pair<const char *, Enum>>;

template <typename Enum>
Result<Enum> named(NodeReader &reader, const char *attribute, const char *fallback, Names<Enum> names) {
    const std::string given = reader.stringAttribute(attribute, fallback);
    for (const auto &[name, value] : names)
        if (given == name)
            return value;
    return fail(ErrorCode::Unsupported, fmt::format("{}='{}'", attribute, given));
}

/// Upsample, and Resize 10: pixel i comes from i / scale. \source what ONNX Runtime does, as the
/// specification of these versions does not say how positions are rounded
Status readOld(NodeReader &reader, ResizeForm &form) {
    form.coordinates = ResizeCoordinates::Asymmetric;
    form.nearest = NearestMode::CeilWhenSmaller;
    QS_TRY(form.mode, named<ResizeMode>(reader, "mode", "nearest",
                                        {{"nearest", ResizeMode::Nearest},
                                         {"linear", ResizeMode::Linear},
                                         {"bilinear", ResizeMode::Linear}}));
    if (reader.node().opType == "Upsample" && reader.opset() < 9) {
        const auto scales = reader.floatsAttribute("scales").value_or(std::vector<double>{});
        form.scales.assign(scales.begin(), scales.end());
    } else
        form.scalesInput = 1;
    return {};
}

Status readCoordinates(NodeReader &reader, ResizeForm &form) {
    using enum ResizeCoordinates;
    QS_TRY(form.coordinates, named<ResizeCoordinates>(reader, "coordinate_transformation_mode", "half_pixel",
                                                      {{"half_pixel", HalfPixel},
                                                       {"half_pixel_symmetric", HalfPixelSymmetric},
                                                       {"pytorch_half_pixel", PytorchHalfPixel},
                                                       {"align_corners", AlignCorners},
                                                       {"asymmetric", Asymmetric},
                                                       {"tf_half_pixel_for_nn", TfHalfPixelForNearest},
                                                       {"tf_crop_and_resize", TfCropAndResize}}));
    if (form.coordinates == TfCropAndResize)
        form.roiInput = 1;
    return {};
}

/// Attributes since opset 18.
Status readNew(NodeReader &reader, ResizeForm &form) {
    form.antialias = reader.flag("antialias", false);
    form.axes = reader.intsAttribute("axes");
    QS_TRY(form.aspectRatio, named<AspectRatio>(reader, "keep_aspect_ratio_policy", "stretch",
                                                {{"stretch", AspectRatio::Stretch},
                                                 {"not_larger", AspectRatio::NotLarger},
                                                 {"not_smaller", AspectRatio::NotSmaller}}));
    if (form.antialias && form.mode == ResizeMode::Nearest)
        return fail(ErrorCode::Unsupported, "antialias=1 with mode='nearest'");
    return {};
}

/// The values of an operand as floats; empty when it is absent.
Result<std::vector<float>> floatsOf(const Tensor *operand) {
    if (!operand || operand->empty())
        return std::vector<float>{};
    QS_TRY(const Tensor values, toFloat32(*operand));
    const std::span<const float> all = values.values<float>();
    return std::vector<float>(all.begin(), all.end());
}

struct Request {
    std::vector<int> axes;
    std::vector<float> scales, roi;
    std::vector<std::int64_t> sizes;
};

Result<Request> readRequest(const Shape &src, const ResizeForm &form, const ResizeOperands &operands) {
    Request request;
    request.axes.resize(static_cast<std::size_t>(src.rank()));
    std::iota(request.axes.begin(), request.axes.end(), 0);
    if (form.axes) {
        request.axes.clear();
        for (const std::int64_t given : *form.axes) {
            QS_TRY(const int axis, normalizeAxis(given, src.rank()));
            request.axes.push_back(axis);
        }
        QS_TRY(const auto distinct, normalizeAxes(*form.axes, src.rank()));
    }
    QS_TRY(request.scales, floatsOf(operands.scales));
    if (request.scales.empty())
        request.scales = form.scales;
    QS_TRY(request.roi, floatsOf(operands.roi));
    if (operands.sizes && operands.sizes->numel() > 0) {
        QS_TRY(request.sizes, toInt64Vector(*operands.sizes));
    }
    const std::size_t count = request.axes.size();
    const bool byScales = !request.scales.empty();
    if (byScales == !request.sizes.empty() ||
        (byScales ? request.scales.size() : request.sizes.size()) != count)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} scales and {} sizes for {} axes; needs one of both for every axis",
                                request.scales.size(), request.sizes.size(), count));
    if (form.coordinates == ResizeCoordinates::TfCropAndResize && request.roi.size() != 2 * count)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a roi of {} numbers for {} axes", request.roi.size(), count));
    return request;
}

Status planByScale(ResizeAxis &axis, float scale, bool crops) {
    const float size = static_cast<float>(axis.src) * (crops ? axis.roiEnd - axis.roiStart : 1.0f) * scale;
    if (!(scale > 0) || !(size >= 0) || size > 1e15f)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a scale of {} for {} elements", scale, axis.src));
    axis.scale = scale;
    axis.dst = static_cast<std::int64_t>(std::floor(size));
    axis.resizedLength = scale * static_cast<float>(axis.src);
    return {};
}

Status planBySizes(std::vector<ResizeAxis> &plan, const Request &request, AspectRatio policy) {
    double common = policy == AspectRatio::NotLarger ? HUGE_VAL : 0;
    for (std::size_t i = 0; i < request.axes.size(); ++i) {
        ResizeAxis &axis = plan[static_cast<std::size_t>(request.axes[i])];
        axis.dst = request.sizes[i];
        if (axis.dst < 0 || (axis.src == 0 && axis.dst > 0))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} elements cannot become {}", axis.src, axis.dst));
        const double ratio =
            axis.src == 0 ? 1 : static_cast<double>(axis.dst) / static_cast<double>(axis.src);
        axis.scale = static_cast<float>(ratio);
        axis.resizedLength = static_cast<float>(axis.dst);
        common = policy == AspectRatio::NotLarger ? std::min(common, ratio) : std::max(common, ratio);
    }
    if (policy == AspectRatio::Stretch)
        return {};
    for (const int index : request.axes) {
        ResizeAxis &axis = plan[static_cast<std::size_t>(index)];
        const double length = common * static_cast<double>(axis.src);
        if (length > 1e15)
            return fail(ErrorCode::InvalidArgument, fmt::format("a scale of {}", common));
        axis.scale = static_cast<float>(common);
        axis.resizedLength = static_cast<float>(length);
        axis.dst = static_cast<std::int64_t>(std::floor(length + 0.5));
    }
    return {};
}

} // namespace

Result<ResizeForm> ResizeForm::read(NodeReader &reader) {
    ResizeForm form;
    if (reader.node().opType == "Upsample" || reader.opset() < 11) {
        QS_CHECK_OK(readOld(reader, form));
        return form;
    }
    form.scalesInput = 2;
    form.sizesInput = 3;
    QS_TRY(form.mode, named<ResizeMode>(reader, "mode", "nearest",
                                        {{"nearest", ResizeMode::Nearest},
                                         {"linear", ResizeMode::Linear},
                                         {"cubic", ResizeMode::Cubic}}));
    QS_TRY(form.nearest, named<NearestMode>(reader, "nearest_mode", "round_prefer_floor",
                                            {{"round_prefer_floor", NearestMode::RoundPreferFloor},
                                             {"round_prefer_ceil", NearestMode::RoundPreferCeil},
                                             {"floor", NearestMode::Floor},
                                             {"ceil", NearestMode::Ceil}}));
    QS_CHECK_OK(readCoordinates(reader, form));
    form.excludeOutside = reader.flag("exclude_outside", false);
    form.cubicCoefficient = reader.floatAttribute("cubic_coeff_a", -0.75);
    form.extrapolationValue = reader.floatAttribute("extrapolation_value", 0);
    if (reader.opset() >= 18)
        QS_CHECK_OK(readNew(reader, form));
    return form;
}

Result<std::vector<ResizeAxis>> planResize(const Shape &src, const ResizeForm &form,
                                           const ResizeOperands &operands) {
    QS_TRY(const Request request, readRequest(src, form, operands));
    const bool crops = form.coordinates == ResizeCoordinates::TfCropAndResize;
    std::vector<ResizeAxis> plan(static_cast<std::size_t>(src.rank()));
    for (std::size_t i = 0; i < plan.size(); ++i)
        plan[i].src = plan[i].dst = src[static_cast<int>(i)];
    for (std::size_t i = 0; i < request.axes.size(); ++i) {
        ResizeAxis &axis = plan[static_cast<std::size_t>(request.axes[i])];
        if (crops) {
            axis.roiStart = request.roi[i];
            axis.roiEnd = request.roi[i + request.axes.size()];
        }
        if (!request.scales.empty())
            QS_CHECK_OK(planByScale(axis, request.scales[i], crops));
    }
    if (request.scales.empty())
        QS_CHECK_OK(planBySizes(plan, request, form.aspectRatio));
    for (ResizeAxis &axis : plan) {
        axis.isResized =
            axis.dst != axis.src || axis.scale != 1 || (crops && (axis.roiStart != 0 || axis.roiEnd != 1));
        // An antialiased element is made of 4 / scale others. Only a roi can ask for many such elements.
        if (axis.isResized && form.antialias &&
            static_cast<double>(axis.dst) / axis.scale > kMostCoverage * static_cast<double>(axis.src + 1))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} elements of {} antialiased at a scale of {}", axis.dst, axis.src,
                                    axis.scale));
        if (axis.isResized && std::max(axis.src, axis.dst) > kLongestAxis)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} elements cannot become {}: more than {} along an axis", axis.src,
                                    axis.dst, kLongestAxis));
    }
    return plan;
}

} // namespace qs
