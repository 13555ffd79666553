#include "core/graph/weight_difference.h"

#include "core/tensor/convert.h"

namespace qs {
namespace {

constexpr const char *kBase = "difference_base";
constexpr const char *kBaseTransposed = "difference_base_transposed";
constexpr const char *kTransposed = "stored_transposed";

} // namespace

bool isDifference(const ModelGraph &graph) {
    return !graph.nodes().empty() && graph.nodes().front().hasAttribute(kBase);
}

std::optional<WeightDifference> weightDifference(const Layer &layer, const ModelGraph &graph) {
    const Node &node = graph.node(layer.node);
    const auto found = node.attributes.find(kBase);
    const Tensor *base = found == node.attributes.end() ? nullptr : std::get_if<Tensor>(&found->second);
    if (!base)
        return {};
    return WeightDifference{{*graph.constant(layer.weight), isStoredTransposed(node)},
                            {*base, node.intAttribute(kBaseTransposed, 0) != 0}};
}

void describeDifference(Node &node, const WeightDifference &difference) {
    node.attributes[kBase] = difference.base.tensor;
    node.attributes[kBaseTransposed] = std::int64_t(difference.base.transposed);
    node.attributes[kTransposed] = std::int64_t(difference.tuned.transposed);
}

bool isStoredTransposed(const Node &node) {
    return node.intAttribute(kTransposed, 0) != 0;
}

void transposeInto(const float *src, float *dst, std::int64_t rows, std::int64_t cols) {
    constexpr std::int64_t kBlock = 32;
    for (std::int64_t r0 = 0; r0 < rows; r0 += kBlock)
        for (std::int64_t c0 = 0; c0 < cols; c0 += kBlock)
            for (std::int64_t r = r0; r < std::min(rows, r0 + kBlock); ++r)
                for (std::int64_t c = c0; c < std::min(cols, c0 + kBlock); ++c)
                    dst[c * rows + r] = src[r * cols + c];
}

Result<Tensor> matrixOf(const StoredMatrix &stored, std::int64_t rows, std::int64_t cols) {
    QS_TRY(const Tensor values, toFloat32(stored.tensor));
    const Shape shape{rows, cols};
    if (!stored.transposed)
        return values.reshaped(shape);
    Tensor matrix = Tensor::allocate(DType::Float32, shape);
    transposeInto(values.values<float>().data(), matrix.mutableValues<float>().data(), cols, rows);
    return matrix;
}

} // namespace qs
