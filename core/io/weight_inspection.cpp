#include "core/io/weight_inspection.h"

#include "core/tensor/blocks/block_codec.h"
#include "core/tensor/convert.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr std::size_t kBlock = std::size_t(1) << 20; ///< elements between two looks at cancelled()
constexpr int kMaxReports = 100;                     ///< a broken model need not drown the list

/// Layout of an IEEE-like format: all exponent bits set means NaN (mantissa not 0) or infinity.
template <typename Bits>
struct FloatLayout {
    Bits exponent = 0;
    Bits mantissa = 0;
};

constexpr FloatLayout<std::uint32_t> kFloat32{0x7f800000u, 0x007fffffu};

struct NonFinite {
    std::int64_t count = 0;
    std::int64_t nans = 0;
    std::int64_t first = -1;
};

template <typename Bits>
Result<NonFinite> countNonFinite(std::span<const Bits> values, FloatLayout<Bits> layout,
                                 const RunContext &ctx) {
    NonFinite found;
    for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        const auto block = values.subspan(begin, std::min(kBlock, values.size() - begin));
        std::int64_t odd = 0; // no branch inside, so that the compiler vectorises the loop
        for (const Bits bits : block)
            odd += (bits & layout.exponent) == layout.exponent;
        if (odd == 0)
            continue;
        for (std::size_t i = 0; i < block.size(); ++i) {
            if ((block[i] & layout.exponent) != layout.exponent)
                continue;
            found.nans += (block[i] & layout.mantissa) != 0;
            if (found.count++ == 0)
                found.first = static_cast<std::int64_t>(begin + i);
        }
    }
    return found;
}

/// Blocks of one value after the other, so that a large tensor is never decoded as a whole.
Result<NonFinite> countNonFiniteBlocks(const Tensor &tensor, const BlockFormat &format,
                                       const RunContext &ctx) {
    NonFinite found;
    if (!format.decodable)
        return found; // the importer has said so
    const auto length = static_cast<std::size_t>(format.elements),
               bytes = static_cast<std::size_t>(format.bytes);
    const std::size_t blocks = tensor.sizeBytes() / bytes, atOnce = kBlock / length;
    std::vector<float> values(atOnce * length);
    for (std::size_t first = 0; first < blocks; first += atOnce) {
        const std::size_t count = std::min(atOnce, blocks - first);
        const auto part = std::span(values).first(count * length);
        decodeBlocks(format.type, {tensor.bytes() + first * bytes, count * bytes}, part);
        const std::span patterns(reinterpret_cast<const std::uint32_t *>(part.data()), part.size());
        QS_TRY(const NonFinite here, countNonFinite(patterns, kFloat32, ctx));
        if (found.count == 0)
            found.first = static_cast<std::int64_t>(first * length) + here.first;
        found.nans += here.nans;
        found.count += here.count;
    }
    return found;
}

Result<NonFinite> countNonFinite(const Tensor &tensor, const RunContext &ctx) {
    if (const BlockFormat *format = blockFormatOf(tensor.dtype()))
        return countNonFiniteBlocks(tensor, *format, ctx);
    switch (tensor.dtype()) {
    case DType::Float32:
        return countNonFinite(tensor.values<std::uint32_t>(), kFloat32, ctx);
    case DType::Float64:
        return countNonFinite<std::uint64_t>(tensor.values<std::uint64_t>(),
                                             {0x7ff0000000000000u, 0x000fffffffffffffu}, ctx);
    case DType::Float16:
        return countNonFinite<std::uint16_t>(tensor.values<std::uint16_t>(), {0x7c00, 0x03ff}, ctx);
    case DType::BFloat16:
        return countNonFinite<std::uint16_t>(tensor.values<std::uint16_t>(), {0x7f80, 0x007f}, ctx);
    default:
        break;
    }
    QS_TRY(const Tensor floats, toFloat32(tensor)); // 8-bit and smaller floats mark NaN in their own ways
    return countNonFinite(floats, ctx);
}

/// "[3, 0, 17]" for a C-order position.
std::string indexText(std::int64_t position, const Shape &shape) {
    std::vector<std::int64_t> index(static_cast<std::size_t>(shape.rank()));
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        index[static_cast<std::size_t>(axis)] = position % shape[axis];
        position /= shape[axis];
    }
    return fmt::format("[{}]", fmt::join(index, ", "));
}

void reportNonFinite(const NonFinite &found, const std::string &name, const Tensor &tensor,
                     const Layer *layer, FindingList &findings) {
    // Infinities outside weights are usually meant: attention masks are made of them.
    const bool harmless = !layer && found.nans == 0;
    findings.add(harmless ? Severity::Info : Severity::Warning,
                 fmt::format("constant '{}' {} has {} NaN and {} infinite values; the first is at {}", name,
                             tensor.shape().text(), found.nans, found.count - found.nans,
                             indexText(found.first, tensor.shape())),
                 layer ? layer->name : name,
                 harmless ? std::string()
                          : "ranges and errors that read them mean nothing; export the model again");
}

/// Output channels all of whose weights are +0 or -0.
template <typename Bits>
std::int64_t countZeroChannels(std::span<const Bits> values, const Layer &layer) {
    const auto signless = static_cast<Bits>(~(Bits(1) << (8 * sizeof(Bits) - 1)));
    const auto rows = static_cast<std::size_t>(layer.transposed ? layer.inPerOut : layer.outChannels);
    const auto columns = static_cast<std::size_t>(layer.transposed ? layer.outChannels : layer.inPerOut);
    std::vector<std::uint8_t> nonZero(static_cast<std::size_t>(layer.outChannels), 0);
    for (std::size_t row = 0; row < rows; ++row)
        for (std::size_t column = 0; column < columns; ++column)
            nonZero[layer.transposed ? column : row] |= (values[row * columns + column] & signless) != 0;
    return std::count(nonZero.begin(), nonZero.end(), 0);
}

std::int64_t countZeroChannels(const Layer &layer, const Tensor &weight) {
    switch (dtypeBits(weight.dtype())) {
    case 64:
        return countZeroChannels(weight.values<std::uint64_t>(), layer);
    case 32:
        return countZeroChannels(weight.values<std::uint32_t>(), layer);
    case 16:
        return countZeroChannels(weight.values<std::uint16_t>(), layer);
    default:
        return 0; // smaller floats are quantized weights already
    }
}

/// Layers by the constants that they read as weight or bias; the first reader counts.
std::map<ValueId, const Layer *> constantReaders(const Model &model) {
    std::map<ValueId, const Layer *> readers;
    for (const Layer &layer : model.layers) {
        readers.emplace(layer.weight, &layer);
        readers.emplace(layer.bias, &layer);
    }
    return readers;
}

Status inspectConstants(const Model &model, FindingList &findings, const RunContext &ctx) {
    const auto readers = constantReaders(model);
    const std::map<ValueId, Tensor> ordered(model.graph.constants().begin(), model.graph.constants().end());
    int reports = 0;
    std::int64_t done = 0;
    for (const auto &[id, tensor] : ordered) {
        ctx.step(done++, static_cast<std::int64_t>(ordered.size()), "checking weights");
        if (!isFloatingPoint(tensor.dtype()))
            continue;
        QS_TRY(const NonFinite found, countNonFinite(tensor, ctx));
        if (found.count == 0 || ++reports > kMaxReports)
            continue;
        const auto reader = readers.find(id);
        reportNonFinite(found, model.graph.value(id).name, tensor,
                        reader == readers.end() ? nullptr : reader->second, findings);
    }
    if (reports > kMaxReports)
        findings.add(Severity::Warning,
                     fmt::format("{} more constants have NaN or infinite values", reports - kMaxReports),
                     model.file.filename().string());
    return {};
}

} // namespace

Status inspectWeights(const Model &model, FindingList &findings, const RunContext &ctx) {
    QS_CHECK_OK(inspectConstants(model, findings, ctx));
    for (const Layer &layer : model.layers) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        if (layer.kind == LayerKind::Embedding) // unused rows of a table are common and harmless
            continue;
        if (const std::int64_t zeros = countZeroChannels(layer, *model.graph.constant(layer.weight)))
            findings.add(
                Severity::Info,
                fmt::format("{} of {} output channels have only zero weights", zeros, layer.outChannels),
                layer.name, "they cost space and need a scale of their own; pruning them changes nothing");
    }
    return {};
}

} // namespace qs
