#include "core/distill/input_normalization.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace qs {
namespace {

/// A constant as one number per channel, if that is what it is: a scalar, or [.., channels, 1, 1].
std::optional<std::vector<double>> byChannel(const Tensor &constant, std::int64_t channels) {
    if (constant.dtype() != DType::Float32 || constant.numel() == 0)
        return std::nullopt;
    const auto values = constant.values<float>();
    const Shape &shape = constant.shape();
    const bool isImageChannel =
        shape.rank() >= 3 && shape[shape.rank() - 3] == channels && constant.numel() == channels;
    if (constant.numel() != 1 && !isImageChannel)
        return std::nullopt;
    std::vector<double> list(static_cast<std::size_t>(channels), values[0]);
    for (std::size_t c = 0; c < list.size() && isImageChannel; ++c)
        list[c] = values[c];
    return list;
}

/// Follows the input through one node of its normalisation; false where that is over.
bool follow(const ModelGraph &graph, ImageInput &image) {
    const std::vector<NodeId> &readers = graph.consumers(image.normalized);
    if (readers.size() != 1)
        return false;
    const Node &node = graph.node(readers[0]);
    const std::string &op = node.opType;
    if ((op == "Identity" || op == "Cast") && graph.value(node.outputs[0]).dtype != DType::Float16) {
        image.normalized = node.outputs[0];
        return true;
    }
    if ((op != "Sub" && op != "Div" && op != "Mul" && op != "Add") || node.inputs.size() != 2)
        return false;
    const bool imageFirst = node.inputs[0] == image.normalized;
    const Tensor *constant = graph.constant(node.inputs[imageFirst ? 1 : 0]);
    const auto values = constant ? byChannel(*constant, image.channels) : std::nullopt;
    if (!values || (!imageFirst && (op == "Sub" || op == "Div")))
        return false;
    for (std::size_t c = 0; c < values->size(); ++c) {
        const double value = (*values)[c];
        if ((op == "Mul" || op == "Div") && value == 0)
            return false;
        const double factor = op == "Mul" ? value : op == "Div" ? 1 / value : 1;
        image.factor[c] *= factor;
        image.offset[c] = image.offset[c] * factor + (op == "Add" ? value : op == "Sub" ? -value : 0);
    }
    image.normalized = node.outputs[0];
    return true;
}

tl::unexpected<Error> notAnImage(const ModelGraph &graph, const std::string &reason) {
    std::string inputs;
    for (const ValueId id : graph.inputs())
        inputs += (inputs.empty() ? "" : ", ") + graph.value(id).name;
    return fail(ErrorCode::Unsupported,
                reason + "; calibration images can be made for models of one float image "
                         "[batch, channels, height, width]. Calibrate with real samples instead",
                "inputs " + inputs);
}

/// A range whose middle half the normalised image spans.
void normalizeOver(ImageInput &image, const ValueRange &pixels) {
    const double width = pixels.hi - pixels.lo;
    std::ranges::fill(image.factor, 4 / width);
    std::ranges::fill(image.offset, -(pixels.lo + pixels.hi) / 2 * 4 / width);
}

/// Calls fn(element, channel) for every element of normalised images.
template <typename Fn>
void forEachPixel(const ImageInput &input, const Tensor &images, const Fn &fn) {
    const std::int64_t plane = input.height * input.width;
    for (std::int64_t i = 0; i < images.numel(); ++i)
        fn(i, static_cast<std::size_t>(i / plane % input.channels));
}

/// The normalised values of a channel between which pixels are held.
ValueRange normalizedRange(const ImageInput &input, std::size_t channel) {
    const double a = input.pixels->lo * input.factor[channel] + input.offset[channel];
    const double b = input.pixels->hi * input.factor[channel] + input.offset[channel];
    return {std::min(a, b), std::max(a, b)};
}

} // namespace

Tensor pixelsOf(const ImageInput &input, const Tensor &normalized) {
    Tensor pixels = Tensor::allocate(DType::Float32, normalized.shape());
    const float *src = normalized.values<float>().data();
    float *dst = pixels.mutableValues<float>().data();
    forEachPixel(input, normalized, [&](std::int64_t i, std::size_t channel) {
        const double pixel = (src[i] - input.offset[channel]) / input.factor[channel];
        dst[i] =
            static_cast<float>(input.pixels ? std::clamp(pixel, input.pixels->lo, input.pixels->hi) : pixel);
    });
    return pixels;
}

void holdInRange(const ImageInput &input, Tensor &normalized) {
    if (!input.pixels)
        return;
    float *values = normalized.mutableValues<float>().data();
    forEachPixel(input, normalized, [&](std::int64_t i, std::size_t channel) {
        const ValueRange range = normalizedRange(input, channel);
        values[i] = static_cast<float>(std::clamp<double>(values[i], range.lo, range.hi));
    });
}

void stopAtRange(const ImageInput &input, const Tensor &normalized, Tensor &gradient) {
    if (!input.pixels)
        return;
    const float *values = normalized.values<float>().data();
    float *dst = gradient.mutableValues<float>().data();
    forEachPixel(input, normalized, [&](std::int64_t i, std::size_t channel) {
        const ValueRange range = normalizedRange(input, channel);
        const double slack = 1e-4 * (range.hi - range.lo); // what was held lies at the end itself
        if (values[i] < range.lo - slack || values[i] > range.hi + slack)
            dst[i] = 0;
    });
}

Result<ImageInput> findImageInput(const ModelGraph &graph, std::optional<ValueRange> pixels) {
    if (graph.inputs().size() != 1)
        return notAnImage(graph, fmt::format("the model has {} inputs", graph.inputs().size()));
    ImageInput image;
    image.value = image.normalized = graph.inputs()[0];
    const Value &value = graph.value(image.value);
    if (value.dtype != DType::Float32)
        return notAnImage(graph, fmt::format("the input is {}", dtypeName(value.dtype)));
    if (!value.hasShape || value.shape.rank() != 4 ||
        std::ranges::any_of(std::array{1, 2, 3}, [&](int axis) { return value.shape[axis] < 1; }))
        return notAnImage(graph,
                          "the input is " + (value.hasShape ? value.shape.text() : "of unknown shape"));
    image.batch = std::max<std::int64_t>(0, value.shape[0]);
    image.channels = value.shape[1];
    image.height = value.shape[2];
    image.width = value.shape[3];
    image.factor.assign(static_cast<std::size_t>(image.channels), 1.0);
    image.offset.assign(static_cast<std::size_t>(image.channels), 0.0);
    while (follow(graph, image)) {
    }
    const bool isNormalizedInside = image.normalized != image.value;
    if (pixels && !(pixels->lo < pixels->hi))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the pixel range from {} to {} is empty", pixels->lo, pixels->hi));
    if (!isNormalizedInside && pixels)
        normalizeOver(image, *pixels);
    if (isNormalizedInside && !pixels)
        pixels = ValueRange{0, -image.offset[0] / image.factor[0] > 1 ? 255.0 : 1.0};
    image.pixels = pixels;
    return image;
}

} // namespace qs
