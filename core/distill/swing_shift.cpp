#include "core/distill/swing_shift.h"

#include "core/base/random.h"

#include <algorithm>

namespace qs {
namespace {

/// Where position `at` of the moved axis comes from.
std::int64_t source(std::int64_t at, int shift, std::int64_t size) {
    if (size == 1)
        return 0;
    const std::int64_t from = at + shift;
    return from < 0 ? -from : from >= size ? 2 * size - 2 - from : from;
}

/// Calls fn(moved element, element that it comes from) for every element.
template <typename Fn>
void forEachMove(const Shape &shape, int dy, int dx, const Fn &fn) {
    const std::int64_t height = shape[2], width = shape[3];
    for (std::int64_t plane = 0; plane < shape[0] * shape[1]; ++plane)
        for (std::int64_t y = 0; y < height; ++y) {
            const std::int64_t to = (plane * height + y) * width;
            const std::int64_t from = (plane * height + source(y, dy, height)) * width;
            for (std::int64_t x = 0; x < width; ++x)
                fn(to + x, from + source(x, dx, width));
        }
}

bool hasStride(const Node &node) {
    return node.opType == "Conv" &&
           std::ranges::any_of(node.intsAttribute("strides"), [](std::int64_t stride) { return stride > 1; });
}

} // namespace

Tensor shiftImages(const Tensor &images, int dy, int dx) {
    Tensor moved = Tensor::allocate(DType::Float32, images.shape());
    const float *src = images.values<float>().data();
    float *dst = moved.mutableValues<float>().data();
    forEachMove(images.shape(), dy, dx, [=](std::int64_t to, std::int64_t from) { dst[to] = src[from]; });
    return moved;
}

Tensor shiftImagesBack(const Tensor &gradient, int dy, int dx) {
    Tensor back = Tensor::zeros(DType::Float32, gradient.shape());
    const float *src = gradient.values<float>().data();
    float *dst = back.mutableValues<float>().data();
    forEachMove(gradient.shape(), dy, dx, [=](std::int64_t to, std::int64_t from) { dst[from] += src[to]; });
    return back;
}

std::map<InputSlot, SlotFunction> swingConvolutions(const ModelGraph &graph, NodeRange range,
                                                    std::uint64_t seed) {
    std::map<InputSlot, SlotFunction> swings;
    Random random(seed);
    for (NodeId n = range.begin; n < range.end; ++n) {
        if (!hasStride(graph.node(n)))
            continue;
        const int dy = static_cast<int>(random.below(3)) - 1, dx = static_cast<int>(random.below(3)) - 1;
        const auto isImage = [](const Tensor &tensor) { return tensor.shape().rank() == 4; };
        swings[{n, 0}] = {[=](const Tensor &raw) -> Result<Tensor> {
                              return isImage(raw) ? shiftImages(raw, dy, dx) : raw;
                          },
                          [=](const Tensor &raw, const Tensor &gradient) -> Result<Tensor> {
                              return isImage(raw) ? shiftImagesBack(gradient, dy, dx) : gradient;
                          }};
    }
    return swings;
}

} // namespace qs
