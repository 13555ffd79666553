#include "core/exec/reference/resize_plan.h"
#include "core/exec/reference/transposed_convolution.h"
#include "core/exec/reference/unpooling.h"
#include "core/exec/shape_rules.h"

#include <fmt/format.h>

namespace qs {
namespace {

using Shapes = Result<std::vector<Shape>>;

tl::unexpected<Error> misfit(const std::string &what) {
    return fail(ErrorCode::InvalidArgument, what);
}

/// The first operand [N, C, spatial…] after a window went over it.
Shapes windowed(const ShapeQuery &query, std::int64_t channels, const std::vector<std::int64_t> &window) {
    NodeReader reader(query.node, query.graph);
    QS_TRY(WindowAttributes attributes, WindowAttributes::read(reader));
    attributes.ceilMode = query.node.intAttribute("ceil_mode", 0) != 0;
    const std::vector<std::int64_t> &src = query.shape(0).dims();
    QS_TRY(const WindowPlan plan, attributes.plan(std::span(src).subspan(2), window));
    return std::vector<Shape>{windowResultShape(query.shape(0), channels, plan)};
}

template <std::size_t Weight>
Shapes convolution(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(Weight))
        return misfit("image or kernel is missing");
    const Shape &weight = query.shape(Weight);
    if (query.shape(0).rank() < 3 || weight.rank() != query.shape(0).rank())
        return misfit("ranks of image and kernel differ");
    return windowed(query, weight[0], {weight.begin() + 2, weight.end()});
}

Shapes transposedConvolution(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(1))
        return misfit("image or kernel is missing");
    NodeReader reader(query.node, query.graph);
    QS_TRY(const TransposedAttributes attributes, TransposedAttributes::read(reader));
    QS_TRY(TransposedPlan plan, attributes.plan(query.shape(0), query.shape(1)));
    return std::vector<Shape>{std::move(plan.result)};
}

Shapes pooling(const ShapeQuery &query) {
    if (!query.has(0) || query.shape(0).rank() < 3)
        return misfit("pooling needs spatial axes");
    QS_TRY(auto shapes, windowed(query, query.shape(0)[1], query.node.intsAttribute("kernel_shape")));
    if (query.node.outputs.size() > 1)
        shapes.push_back(shapes.front());
    return shapes;
}

Shapes globalPooling(const ShapeQuery &query) {
    if (!query.has(0))
        return misfit("the image is missing");
    Shape shape = query.shape(0);
    for (int axis = 2; axis < shape.rank(); ++axis)
        shape[axis] = 1;
    return std::vector<Shape>{std::move(shape)};
}

Shapes unpooling(const ShapeQuery &query) {
    if (!query.has(0))
        return misfit("the image is missing");
    if (query.has(2)) {
        QS_TRY(std::vector<std::int64_t> dims, query.integers(2));
        return std::vector<Shape>{Shape(std::move(dims))};
    }
    NodeReader reader(query.node, query.graph);
    QS_TRY(const WindowAttributes window, WindowAttributes::read(reader));
    QS_TRY(Shape shape, unpooledShape(query.shape(0), window));
    return std::vector<Shape>{std::move(shape)};
}

Shapes resize(const ShapeQuery &query) {
    if (!query.has(0))
        return misfit("the image is missing");
    NodeReader reader(query.node, query.graph);
    QS_TRY(const ResizeForm form, ResizeForm::read(reader));
    ResizeOperands operands;
    for (const auto &[index, operand] : {std::pair{form.roiInput, &operands.roi},
                                         {form.scalesInput, &operands.scales},
                                         {form.sizesInput, &operands.sizes}}) {
        if (index < 0 || !query.has(static_cast<std::size_t>(index)))
            continue;
        const TracedValue &value = *query.inputs[static_cast<std::size_t>(index)];
        if (value.content.empty() && value.shape.numel() > 0)
            return fail(ErrorCode::Unsupported, "its shape depends on what the inputs hold");
        *operand = &value.content;
    }
    QS_TRY(const std::vector<ResizeAxis> plan, planResize(query.shape(0), form, operands));
    Shape shape = query.shape(0);
    for (std::size_t axis = 0; axis < plan.size(); ++axis)
        shape[static_cast<int>(axis)] = plan[axis].dst;
    return std::vector<Shape>{std::move(shape)};
}

Shapes gridSample(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(1) || query.shape(0).rank() < 3 ||
        query.shape(1).rank() != query.shape(0).rank())
        return misfit("ranks of image and grid differ");
    Shape shape = query.shape(0);
    for (int axis = 2; axis < shape.rank(); ++axis)
        shape[axis] = query.shape(1)[axis - 1];
    return std::vector<Shape>{std::move(shape)};
}

Shapes roiAlign(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(1) || query.shape(0).rank() != 4 || query.shape(1).rank() != 2)
        return misfit("regions do not fit the images");
    return std::vector<Shape>{Shape{query.shape(1)[0], query.shape(0)[1],
                                    query.node.intAttribute("output_height", 1),
                                    query.node.intAttribute("output_width", 1)}};
}

Shapes columnsToImage(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(1) || !query.has(2) || query.shape(0).rank() != 3)
        return misfit("blocks, image or block size are missing");
    QS_TRY(std::vector<std::int64_t> dims, query.integers(1));
    QS_TRY(const auto block, query.integers(2));
    QS_TRY(const std::int64_t elements, Shape(block).checkedNumel());
    if (elements < 1)
        return misfit("blocks have no elements");
    dims.insert(dims.begin(), {query.shape(0)[0], query.shape(0)[1] / elements});
    return std::vector<Shape>{Shape(std::move(dims))};
}

Shapes centerCropPad(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(1))
        return misfit("image or size is missing");
    QS_TRY(const auto wanted, query.integers(1));
    Shape shape = query.shape(0);
    const std::vector<std::int64_t> axes = query.node.intsAttribute("axes");
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        QS_TRY(const int axis,
               normalizeAxis(i < axes.size() ? axes[i] : static_cast<std::int64_t>(i), shape.rank()));
        shape[axis] = wanted[i];
    }
    return std::vector<Shape>{std::move(shape)};
}

Shapes affineGrid(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(1))
        return misfit("theta or size is missing");
    QS_TRY(std::vector<std::int64_t> dims, query.integers(1));
    if (dims.size() < 3)
        return misfit("the size has no spatial axes");
    dims.erase(dims.begin() + 1);
    dims.push_back(static_cast<std::int64_t>(dims.size()) - 1);
    return std::vector<Shape>{Shape(std::move(dims))};
}

constexpr ShapeRuleEntry kRules[] = {
    {"Col2Im", columnsToImage},
    {"CenterCropPad", centerCropPad},
    {"AffineGrid", affineGrid},
    {"Conv", convolution<1>},
    {"ConvInteger", convolution<1>},
    {"QLinearConv", convolution<3>},
    {"ConvTranspose", transposedConvolution},
    {"AveragePool", pooling},
    {"LpPool", pooling},
    {"MaxPool", pooling},
    {"GlobalAveragePool", globalPooling},
    {"GlobalMaxPool", globalPooling},
    {"GlobalLpPool", globalPooling},
    {"MaxUnpool", unpooling},
    {"Resize", resize},
    {"Upsample", resize},
    {"GridSample", gridSample},
    {"RoiAlign", roiAlign},
};

} // namespace

std::span<const ShapeRuleEntry> spatialShapeRules() {
    return kRules;
}

} // namespace qs
