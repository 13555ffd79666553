#include "core/io/importers/keras_layout.h"

#include "core/tensor/permute_axes.h"

namespace qs {
namespace {

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

bool isKernel(KerasLayout layout, std::string_view name) {
    if (contains(name, "embedding"))
        return false;
    if (layout == KerasLayout::Keras2)
        return name.ends_with("kernel");
    return layout == KerasLayout::Keras3 && (name.ends_with("/vars/0") || name.ends_with("/vars/1"));
}

} // namespace

std::string kerasName(const std::string &path) {
    const std::size_t colon = path.rfind(':');
    const bool numbered = colon != std::string::npos && colon + 1 < path.size() &&
                          path.find_first_not_of("0123456789", colon + 1) == std::string::npos;
    return numbered ? path.substr(0, colon) : path;
}

Tensor toOutputsFirst(KerasLayout layout, const std::string &name, const Tensor &stored) {
    if (dtypeBits(stored.dtype()) < 8 || !isKernel(layout, name))
        return stored;
    const Shape &shape = stored.shape();
    if (shape.rank() == 2)
        return permuteAxes(stored, {1, 0});
    if (shape.rank() == 3)
        return permuteAxes(stored, {2, 1, 0});
    if (shape.rank() == 5)
        return permuteAxes(stored, {4, 3, 0, 1, 2});
    if (shape.rank() != 4)
        return stored;
    if (contains(name, "depthwise"))
        return permuteAxes(stored, {2, 3, 0, 1}).reshaped({shape[2] * shape[3], 1, shape[0], shape[1]});
    return permuteAxes(stored, {3, 2, 0, 1});
}

} // namespace qs
