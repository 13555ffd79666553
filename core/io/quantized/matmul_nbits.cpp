#include "core/io/quantized/operator_rewriting.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

using NewNode = GraphRewrite::NewNode;

tl::unexpected<Error> wrong(std::string what) {
    return fail(ErrorCode::CorruptFile, std::move(what));
}

const Tensor *constantOf(const ModelGraph &graph, const Node &node, std::size_t index) {
    return index < node.inputs.size() && node.inputs[index] != kNoValue ? graph.constant(node.inputs[index])
                                                                        : nullptr;
}
bool isGiven(const Node &node, std::size_t index) {
    return index < node.inputs.size() && node.inputs[index] != kNoValue;
}

/// The attributes of MatMulNBits.
struct Sizes {
    std::int64_t rows = 0, cols = 0, block = 0, bits = 0;

    std::int64_t blocks() const { return (cols + block - 1) / block; }
    std::int64_t blockBytes() const { return block * bits / 8; }
    std::int64_t zeroBytes() const { return (blocks() * bits + 7) / 8; }
};

Result<Sizes> readSizes(const Node &node) {
    const Sizes sizes{node.intAttribute("N", 0), node.intAttribute("K", 0),
                      node.intAttribute("block_size", 0), node.intAttribute("bits", 4)};
    constexpr std::int64_t kMost = std::int64_t{1} << 31;
    if (sizes.rows < 1 || sizes.cols < 1 || sizes.rows > kMost || sizes.cols > kMost)
        return wrong(fmt::format("has the sizes N = {}, K = {}", sizes.rows, sizes.cols));
    if (sizes.block < 2 || sizes.block > kMost || sizes.block * sizes.bits % 8 != 0)
        return wrong(fmt::format("has blocks of {}", sizes.block));
    if (sizes.bits != 2 && sizes.bits != 4 && sizes.bits != 8)
        return fail(ErrorCode::Unsupported,
                    fmt::format("has codes of {} bits; 2, 4 and 8 are known", sizes.bits));
    return sizes;
}

/// `count` codes of a row of bytes, lowest bits first.
void unpackRow(const std::uint8_t *bytes, std::int64_t bits, std::span<std::int32_t> codes) {
    const auto width = static_cast<std::size_t>(bits);
    const int mask = (1 << bits) - 1;
    for (std::size_t i = 0; i < codes.size(); ++i)
        codes[i] = bytes[i * width / 8] >> (i * width % 8) & mask;
}

/// Rows of packed codes, of which each starts at a byte.
std::vector<std::int32_t> unpackRows(const Tensor &packed, std::int64_t rows, std::int64_t rowBytes,
                                     std::int64_t bits, std::int64_t count) {
    std::vector<std::int32_t> codes(static_cast<std::size_t>(rows * count));
    const auto *bytes = reinterpret_cast<const std::uint8_t *>(packed.bytes());
    for (std::int64_t row = 0; row < rows; ++row)
        unpackRow(
            bytes + row * rowBytes, bits,
            std::span(codes).subspan(static_cast<std::size_t>(row * count), static_cast<std::size_t>(count)));
    return codes;
}

Status readZeroPoints(const Tensor *zeros, const Sizes &sizes, WeightGrid &grid) {
    const auto slices = static_cast<std::size_t>(sizes.rows * sizes.blocks());
    if (!zeros) {
        grid.zeroPoints.assign(slices, std::int32_t{1} << (sizes.bits - 1));
        return {};
    }
    if (isFloatingPoint(zeros->dtype())) {
        if (static_cast<std::size_t>(zeros->numel()) != slices)
            return wrong(fmt::format("has zero points {} for {} blocks", zeros->shape().text(), slices));
        QS_TRY(const Tensor values, toFloat32(*zeros));
        grid.realZeroPoints.assign(values.values<float>().begin(), values.values<float>().end());
        grid.zeroPointBits = dtypeBits(zeros->dtype());
        return {};
    }
    if (zeros->dtype() != DType::UInt8 || zeros->numel() != sizes.rows * sizes.zeroBytes())
        return wrong(fmt::format("has zero points {} {}, needs uint8 [{}, {}]", dtypeName(zeros->dtype()),
                                 zeros->shape().text(), sizes.rows, sizes.zeroBytes()));
    grid.zeroPoints = unpackRows(*zeros, sizes.rows, sizes.zeroBytes(), sizes.bits, sizes.blocks());
    grid.zeroPointBits = static_cast<double>(sizes.bits);
    return {};
}

Result<WeightGrid> readNBits(const ModelGraph &graph, const Node &node, const Sizes &sizes) {
    const Tensor &packed = *constantOf(graph, node, 1), &scales = *constantOf(graph, node, 2);
    const std::int64_t rowBytes = sizes.blocks() * sizes.blockBytes();
    if (packed.dtype() != DType::UInt8 || packed.numel() != sizes.rows * rowBytes)
        return wrong(fmt::format("has codes {} {}, needs uint8 [{}, {}, {}]", dtypeName(packed.dtype()),
                                 packed.shape().text(), sizes.rows, sizes.blocks(), sizes.blockBytes()));
    if (!isFloatingPoint(scales.dtype()) || scales.numel() != sizes.rows * sizes.blocks())
        return wrong(fmt::format("has scales {} {}, needs [{}, {}]", dtypeName(scales.dtype()),
                                 scales.shape().text(), sizes.rows, sizes.blocks()));
    WeightGrid grid;
    grid.form = "MatMulNBits";
    grid.shape = Shape{sizes.rows, sizes.cols};
    grid.rowsFirst = true;
    grid.bits = static_cast<int>(sizes.bits);
    grid.block = {1, std::min(sizes.block, sizes.cols)};
    grid.codes = unpackRows(packed, sizes.rows, rowBytes, sizes.bits, sizes.cols);
    QS_TRY(const Tensor values, toFloat32(scales));
    grid.scales.assign(values.values<float>().begin(), values.values<float>().end());
    grid.scaleBits = dtypeBits(scales.dtype());
    QS_CHECK_OK(readZeroPoints(constantOf(graph, node, 3), sizes, grid));
    if (const Tensor *order = constantOf(graph, node, 4)) {
        QS_TRY(grid.groupOfIndex, integerCodes(*order));
    }
    QS_CHECK_OK(grid.check());
    return grid;
}

/// Codes as a tensor of their own type, where rows have no unused bits at their end.
Tensor typedCodes(const Tensor &packed, const Sizes &sizes) {
    const DType type = sizes.bits == 2 ? DType::UInt2 : sizes.bits == 4 ? DType::UInt4 : DType::UInt8;
    return Tensor::wrap(type, Shape{sizes.rows, sizes.blocks() * sizes.block}, packed.storage());
}

/// MatMulNBits(A, B, scales, zero_points?, g_idx?, bias?)
Result<bool> rewriteNBits(const ModelGraph &graph, NodeId id, GraphRewrite &rewrite) {
    const Node &node = graph.node(id);
    for (const std::size_t index : {3, 4})
        if (isGiven(node, index) && !constantOf(graph, node, index))
            return false;
    if (!isGiven(node, 0) || !constantOf(graph, node, 1) || !constantOf(graph, node, 2) ||
        !hasOneOutput(node))
        return false;
    QS_TRY(const Sizes sizes, readSizes(node));
    QS_TRY(WeightGrid grid, readNBits(graph, node, sizes));
    const DType type = constantOf(graph, node, 2)->dtype();
    const std::string weight = rewrite.freeName(graph, graph.value(node.inputs[1]).name + "_dequantized");
    // The operator reads [N, K], MatMul [K, N].
    QS_TRY(Tensor value, castTensor(grid.transposed().values(), type));
    QS_CHECK_OK(rewrite.addConstant(
        weight,
        FoldedConstant{std::move(value), typedCodes(*constantOf(graph, node, 1), sizes), std::move(grid)}));
    const std::string output = graph.value(node.outputs[0]).name;
    const bool hasBias = isGiven(node, 5);
    NewNode product{node.name,
                    "MatMul",
                    {graph.value(node.inputs[0]).name, weight},
                    hasBias ? rewrite.freeName(graph, output + "_product") : output,
                    {}};
    if (hasBias)
        rewrite.nodes.push_back(
            {node.name + "/bias", "Add", {product.output, graph.value(node.inputs[5]).name}, output, {}});
    rewrite.nodes.push_back(std::move(product));
    rewrite.removed.insert(id);
    return true;
}

/// GatherBlockQuantized(data, indices, scales, zero_points?)
Result<bool> rewriteGather(const ModelGraph &graph, NodeId id, GraphRewrite &rewrite) {
    const Node &node = graph.node(id);
    const Tensor *data = constantOf(graph, node, 0), *scales = constantOf(graph, node, 2);
    if (!data || !scales || !isGiven(node, 1) || (isGiven(node, 3) && !constantOf(graph, node, 3)) ||
        !hasOneOutput(node))
        return false;
    if (dtypeBits(data->dtype()) != 4)
        return fail(ErrorCode::Unsupported, fmt::format("has codes of type {}", dtypeName(data->dtype())));
    QS_TRY(WeightGrid grid,
           gridOfCodes(*data, *scales, constantOf(graph, node, 3), node.intAttribute("quantize_axis", 1),
                       node.intAttribute("block_size", 128), "GatherBlockQuantized"));
    const std::string table = rewrite.freeName(graph, graph.value(node.inputs[0]).name + "_dequantized");
    QS_TRY(Tensor value, castTensor(grid.values(), scales->dtype()));
    QS_CHECK_OK(rewrite.addConstant(table, FoldedConstant{std::move(value), *data, std::move(grid)}));
    rewrite.nodes.push_back({node.name,
                             "Gather",
                             {table, graph.value(node.inputs[1]).name},
                             graph.value(node.outputs[0]).name,
                             {{"axis", node.intAttribute("gather_axis", 0)}}});
    rewrite.removed.insert(id);
    return true;
}

} // namespace

Result<bool> rewriteBlockOperator(const ModelGraph &graph, NodeId id, GraphRewrite &rewrite) {
    const Node &node = graph.node(id);
    if (node.domain != kMicrosoftDomain)
        return false;
    return node.opType == "MatMulNBits"            ? rewriteNBits(graph, id, rewrite)
           : node.opType == "GatherBlockQuantized" ? rewriteGather(graph, id, rewrite)
                                                   : Result<bool>(false);
}

} // namespace qs
