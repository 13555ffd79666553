#include "core/io/quantized/checkpoint.h"
#include "core/tensor/convert.h"

#include <fmt/format.h>

namespace qs {
namespace {

tl::unexpected<Error> wrong(std::string what) {
    return fail(ErrorCode::CorruptFile, std::move(what));
}

Result<const Tensor *> required(const ModuleTensors &tensors, const char *name, DType type, int rank) {
    const auto found = tensors.find(name);
    if (found == tensors.end())
        return fail(ErrorCode::NotFound, fmt::format("has no tensor '{}'", name));
    const Tensor &tensor = found->second;
    if (type != DType::Undefined && tensor.dtype() != type)
        return fail(ErrorCode::Unsupported, fmt::format("has {} of type {}; {} is known here", name,
                                                        dtypeName(tensor.dtype()), dtypeName(type)));
    if (tensor.shape().rank() != rank || tensor.numel() == 0)
        return wrong(
            fmt::format("has {} of shape {}; {} axes are needed", name, tensor.shape().text(), rank));
    return &tensor;
}

/// scales [groups, outputs] as [outputs, groups].
Status readScales(const Tensor &scales, std::int64_t groups, std::int64_t outputs, WeightGrid &grid) {
    if (scales.shape() != Shape{groups, outputs} || !isFloatingPoint(scales.dtype()))
        return wrong(fmt::format("has scales {} {}, needs [{}, {}]", dtypeName(scales.dtype()),
                                 scales.shape().text(), groups, outputs));
    QS_TRY(const Tensor values, toFloat32(scales));
    grid.scaleBits = dtypeBits(scales.dtype());
    grid.scales.resize(static_cast<std::size_t>(groups * outputs));
    for (std::int64_t g = 0; g < groups; ++g)
        for (std::int64_t o = 0; o < outputs; ++o)
            grid.scales[static_cast<std::size_t>(o * groups + g)] =
                values.values<float>()[static_cast<std::size_t>(g * outputs + o)];
    return {};
}

std::int64_t groupsOf(std::int64_t inputs, std::int64_t groupSize) {
    return groupSize < 0 ? 1 : (inputs + groupSize - 1) / groupSize;
}

WeightGrid emptyGrid(const char *form, int bits, std::int64_t outputs, std::int64_t inputs,
                     std::int64_t groupSize) {
    WeightGrid grid;
    grid.form = form;
    grid.rowsFirst = true;
    grid.bits = bits;
    grid.shape = Shape{outputs, inputs};
    grid.block = {1, groupSize < 0 ? inputs : std::min(groupSize, inputs)};
    grid.codes.resize(static_cast<std::size_t>(outputs * inputs));
    grid.zeroPoints.resize(static_cast<std::size_t>(outputs * groupsOf(inputs, groupSize)));
    grid.zeroPointBits = bits;
    return grid;
}

/// g_idx, unless it says what the place says anyway.
Status readGroupIndex(const ModuleTensors &tensors, WeightGrid &grid) {
    if (!tensors.contains("g_idx"))
        return {};
    QS_TRY(const Tensor *order, required(tensors, "g_idx", DType::Int32, 1));
    QS_TRY(std::vector<std::int32_t> groups, integerCodes(*order));
    bool plain = true;
    for (std::size_t i = 0; i < groups.size(); ++i)
        plain = plain && groups[i] == static_cast<std::int64_t>(i) / grid.block[1];
    if (!plain || static_cast<std::int64_t>(groups.size()) != grid.shape[1])
        grid.groupOfIndex = std::move(groups);
    return {};
}

} // namespace

void unpackWords(const std::int32_t *words, std::int64_t step, int bits, std::span<std::int32_t> codes) {
    const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
    for (std::size_t i = 0; i < codes.size(); ++i) {
        const std::size_t bit = i * static_cast<std::size_t>(bits), word = bit / 32, shift = bit % 32;
        const auto at = [&](std::size_t index) {
            return std::uint64_t{static_cast<std::uint32_t>(words[static_cast<std::int64_t>(index) * step])};
        };
        std::uint64_t pair = at(word);
        if (shift + static_cast<std::size_t>(bits) > 32) // of 3-bit codes, some lie across two words
            pair |= at(word + 1) << 32;
        codes[i] = static_cast<std::int32_t>(pair >> shift & mask);
    }
}

Result<WeightGrid> readGptqModule(const ModuleTensors &tensors, const CheckpointScheme &scheme) {
    QS_TRY(const Tensor *packed, required(tensors, "qweight", DType::Int32, 2));
    QS_TRY(const Tensor *zeros, required(tensors, "qzeros", DType::Int32, 2));
    QS_TRY(const Tensor *scales, required(tensors, "scales", DType::Undefined, 2));
    const std::int64_t wordBits = packed->shape()[0] * 32, outputs = packed->shape()[1];
    if (wordBits % scheme.bits != 0)
        return wrong(fmt::format("has qweight {}, which no whole number of {}-bit codes fills",
                                 packed->shape().text(), scheme.bits));
    const std::int64_t inputs = wordBits / scheme.bits, groups = groupsOf(inputs, scheme.groupSize);
    if (outputs * scheme.bits % 32 != 0 || zeros->shape() != Shape{groups, outputs * scheme.bits / 32})
        return wrong(fmt::format("has qzeros {}; {} groups of {} outputs need [{}, {}]",
                                 zeros->shape().text(), groups, outputs, groups, outputs * scheme.bits / 32));
    WeightGrid grid = emptyGrid("GPTQ", scheme.bits, outputs, inputs, scheme.groupSize);
    for (std::int64_t o = 0; o < outputs; ++o)
        unpackWords(packed->values<std::int32_t>().data() + o, outputs, scheme.bits,
                    std::span(grid.codes)
                        .subspan(static_cast<std::size_t>(o * inputs), static_cast<std::size_t>(inputs)));
    std::vector<std::int32_t> row(static_cast<std::size_t>(outputs));
    for (std::int64_t g = 0; g < groups; ++g) {
        unpackWords(zeros->values<std::int32_t>().data() + g * zeros->shape()[1], 1, scheme.bits, row);
        for (std::int64_t o = 0; o < outputs; ++o)
            grid.zeroPoints[static_cast<std::size_t>(o * groups + g)] =
                row[static_cast<std::size_t>(o)] + (scheme.zeroPlusOne ? 1 : 0);
    }
    QS_CHECK_OK(readScales(*scales, groups, outputs, grid));
    QS_CHECK_OK(readGroupIndex(tensors, grid));
    QS_CHECK_OK(grid.check());
    return grid;
}

Result<WeightGrid> readAwqModule(const ModuleTensors &tensors, const CheckpointScheme &scheme) {
    // Nibble i of a word holds column 8 c + kColumn[i].
    constexpr std::int64_t kColumn[] = {0, 2, 4, 6, 1, 3, 5, 7}, kCodes = 8;
    QS_TRY(const Tensor *packed, required(tensors, "qweight", DType::Int32, 2));
    QS_TRY(const Tensor *zeros, required(tensors, "qzeros", DType::Int32, 2));
    QS_TRY(const Tensor *scales, required(tensors, "scales", DType::Undefined, 2));
    const std::int64_t inputs = packed->shape()[0], words = packed->shape()[1], outputs = words * kCodes;
    const std::int64_t groups = groupsOf(inputs, scheme.groupSize);
    if (zeros->shape() != Shape{groups, words})
        return wrong(fmt::format("has qzeros {}; {} groups of {} outputs need [{}, {}]",
                                 zeros->shape().text(), groups, outputs, groups, words));
    WeightGrid grid = emptyGrid("AWQ", 4, outputs, inputs, scheme.groupSize);
    const auto unpack = [&](const Tensor &src, std::int64_t lines, std::vector<std::int32_t> &dst) {
        std::int32_t codes[kCodes];
        for (std::int64_t line = 0; line < lines; ++line)
            for (std::int64_t w = 0; w < words; ++w) {
                unpackWords(src.values<std::int32_t>().data() + line * words + w, 1, 4, codes);
                for (std::int64_t i = 0; i < kCodes; ++i)
                    dst[static_cast<std::size_t>((w * kCodes + kColumn[i]) * lines + line)] = codes[i];
            }
    };
    unpack(*packed, inputs, grid.codes);
    unpack(*zeros, groups, grid.zeroPoints);
    QS_CHECK_OK(readScales(*scales, groups, outputs, grid));
    QS_CHECK_OK(grid.check());
    return grid;
}

} // namespace qs
