#include "core/io/quantized/gguf_blocks.h"

#include "core/tensor/blocks/block_parts.h"

#include <cmath>

namespace qs {
namespace {

/// Everything that the format says, from any of its blocks.
WeightGrid emptyGrid(const BlockFormat &format, const BlockParts &parts, const Shape &shape) {
    WeightGrid grid;
    grid.shape = shape;
    grid.rowsFirst = true;
    grid.bits = parts.codeBits;
    grid.isSigned = format.type == BlockType::Q8_0;
    grid.block = {1, parts.subBlockLength()};
    grid.levels.assign(parts.levels.begin(), parts.levels.end());
    const double bits =
        static_cast<double>(8 * format.bytes - format.elements * parts.codeBits) / parts.subBlocks;
    grid.scaleBits = parts.hasMinima ? bits / 2 : bits;
    grid.zeroPointBits = parts.hasMinima ? bits / 2 : 0;
    grid.form = format.name;
    return grid;
}

void addSlices(const BlockParts &parts, WeightGrid &grid) {
    for (int part = 0; part < parts.subBlocks; ++part) {
        const auto p = static_cast<std::size_t>(part);
        const float scale = parts.scales[p], minimum = parts.minima[p];
        // Without a scale all values are the minimum, whatever the codes say.
        const bool flat = parts.hasMinima && (scale == 0 || !std::isfinite(minimum / scale));
        grid.scales.push_back(flat ? 1.0f : scale);
        if (parts.hasMinima)
            grid.realZeroPoints.push_back(flat ? minimum : minimum / scale);
        else if (parts.zeroPoint != 0)
            grid.zeroPoints.push_back(parts.zeroPoint);
        const std::int16_t *codes = parts.codes.data() + part * parts.subBlockLength();
        for (int i = 0; i < parts.subBlockLength(); ++i)
            grid.codes.push_back(flat ? 0 : codes[i]);
    }
}

} // namespace

Result<WeightGrid> readBlocks(const Tensor &weight) {
    const BlockFormat &format = *blockFormatOf(weight.dtype());
    if (format.type == BlockType::TQ1_0)
        return fail(ErrorCode::Unsupported, "tq1_0 packs five codes into a byte, so that a code has no bits "
                                            "of its own");
    BlockParts parts;
    WeightGrid grid;
    const std::int64_t count = weight.numel() / format.elements;
    for (std::int64_t block = 0; block < count; ++block) {
        unpackBlock(format.type, weight.bytes() + block * format.bytes, parts);
        if (block == 0) {
            grid = emptyGrid(format, parts, weight.shape());
            grid.codes.reserve(static_cast<std::size_t>(weight.numel()));
            grid.scales.reserve(static_cast<std::size_t>(count * parts.subBlocks));
        }
        addSlices(parts, grid);
    }
    grid.blocks = weight;
    QS_CHECK_OK(grid.check());
    return grid;
}

} // namespace qs
