#include "core/io/quantized/weight_grid.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace qs {
namespace {

tl::unexpected<Error> cannotShow(std::string what) {
    return fail(ErrorCode::Unsupported, std::move(what));
}

/// Rows and columns of the matrix in the grid: which axis counts rows, and how columns lie.
struct Orientation {
    int rowAxis = 0;
    std::int64_t rows = 0, cols = 0;

    std::int64_t index(std::int64_t row, std::int64_t col) const {
        return rowAxis == 0 ? row * cols + col : col * rows + row;
    }
};

Result<Orientation> orientationOf(const WeightGrid &grid, const Layer &layer) {
    Orientation orientation{0, layer.outChannels, layer.inPerOut};
    const Shape matrix{layer.outChannels, layer.inPerOut};
    if (layer.transposed && !grid.rowsFirst)
        orientation.rowAxis = 1;
    const bool fits = grid.rowsFirst || grid.shape != layer.weightShape
                          ? grid.shape == matrix && orientation.rowAxis == 0
                          : grid.shape.rank() >= 2;
    if (!fits)
        return cannotShow(fmt::format("its codes {} do not lie like the weight {}", grid.shape.text(),
                                      layer.weightShape.text()));
    return orientation;
}

/// Columns that share a scale, counted from the last axis to the first.
std::int64_t groupSizeOf(const WeightGrid &grid, int rowAxis) {
    std::int64_t run = 1, rest = 1;
    bool whole = true;
    for (int axis = grid.shape.rank() - 1; axis >= 0; --axis) {
        if (axis == rowAxis)
            continue;
        const std::int64_t size = grid.shape[axis], block = grid.block[static_cast<std::size_t>(axis)];
        rest *= size;
        if (!whole)
            continue;
        // A shorter last block is only at the end of the row when no axis lies before this one.
        const bool outermost = axis == 0 || (axis == 1 && rowAxis == 0);
        run *= block >= size ? size : size % block == 0 || outermost ? block : std::gcd(size, block);
        whole = block >= size;
    }
    return whole ? rest : run;
}

SliceLayout layoutOf(const WeightGrid &grid, const Orientation &at) {
    SliceLayout layout{Granularity::PerGroup, at.rows, at.cols, 0};
    const std::int64_t group = groupSizeOf(grid, at.rowAxis);
    if (grid.groupOfIndex.empty() && group >= at.cols) {
        const bool single = grid.scales.size() == 1;
        layout.granularity = single ? Granularity::PerTensor : Granularity::PerChannel;
    } else {
        layout.groupSize = group;
    }
    return layout;
}

/// Index of the scale that an element has in the grid.
std::size_t scaleIndex(const WeightGrid &grid, const Shape &slices, std::int64_t flat) {
    std::int64_t index = 0, stride = 1;
    for (int axis = grid.shape.rank() - 1; axis >= 0; --axis) {
        index += flat % grid.shape[axis] / grid.block[static_cast<std::size_t>(axis)] * stride;
        flat /= grid.shape[axis];
        stride *= slices[axis];
    }
    return static_cast<std::size_t>(index);
}

/// The scale of every slice of the matrix, as indices into those of the grid.
std::vector<std::size_t> scaleOfSlice(const WeightGrid &grid, const Orientation &at,
                                      const SliceLayout &layout) {
    const Shape slices = grid.slices();
    std::vector<std::size_t> indices;
    for (std::int64_t slice = 0; slice < layout.slices(); ++slice) {
        const std::int64_t row = slice / layout.groupsPerRow(), group = slice % layout.groupsPerRow();
        indices.push_back(
            scaleIndex(grid, slices, at.index(row, group * std::max<std::int64_t>(1, layout.groupSize))));
    }
    return indices;
}

/// How codes and zero points are written down here.
struct Writing {
    GridConvention convention = GridConvention::Asymmetric;
    std::int32_t shift = 0; ///< added to codes and zero points
    bool realZeros = false;
};

Writing writingOf(const WeightGrid &grid) {
    const std::int32_t half = std::int32_t{1} << (grid.bits - 1);
    const auto all = [&](std::int32_t value) {
        return std::all_of(grid.zeroPoints.begin(), grid.zeroPoints.end(),
                           [&](std::int32_t zero) { return zero == value; });
    };
    Writing writing;
    if (!grid.levels.empty())
        return writing;
    if (!grid.realZeroPoints.empty()) {
        writing.realZeros = true;
        writing.shift = grid.isSigned ? half : 0;
        return writing;
    }
    if (grid.isSigned && all(0)) {
        writing.convention = GridConvention::SymmetricFull;
        return writing;
    }
    if (!grid.isSigned && grid.zeroPointBits == 0 && !grid.zeroPoints.empty() && all(half))
        writing.convention = GridConvention::SymmetricOffset;
    writing.shift = grid.isSigned ? half : 0;
    writing.realZeros = std::any_of(grid.zeroPoints.begin(), grid.zeroPoints.end(), [&](std::int64_t zero) {
        return zero + writing.shift < 0 || zero + writing.shift >= 2 * half;
    });
    return writing;
}

void placeScales(const WeightGrid &grid, const std::vector<std::size_t> &indices, const Writing &writing,
                 QuantizedMatrix &matrix) {
    for (const std::size_t index : indices) {
        matrix.scales.push_back(grid.scales[index]);
        const std::int32_t zero =
            grid.zeroPoints.empty() || !grid.levels.empty() ? 0 : grid.zeroPoints[index];
        if (writing.realZeros) {
            matrix.zeroPoints.push_back(0);
            matrix.realZeroPoints.push_back(
                static_cast<float>(writing.shift) +
                (grid.realZeroPoints.empty() ? static_cast<float>(zero) : grid.realZeroPoints[index]));
        } else {
            matrix.zeroPoints.push_back(grid.levels.empty() ? zero + writing.shift : 0);
        }
    }
}

/// What the file spends on a slice, where that is not what plain scales of 16 or 32 bits would take.
void countStorage(const WeightGrid &grid, QuantizedMatrix &matrix) {
    matrix.scaleAsFloat16 = grid.scaleBits == 16;
    const double share = static_cast<double>(grid.scales.size()) / static_cast<double>(matrix.scales.size());
    const bool symmetric = matrix.convention != GridConvention::Asymmetric || !grid.levels.empty();
    const SliceStorage stored{grid.scaleBits * share, symmetric ? 0 : grid.zeroPointBits * share};
    const SliceStorage plain{matrix.scaleAsFloat16 ? 16.0 : 32.0, symmetric                       ? 0.0
                                                                  : matrix.realZeroPoints.empty() ? grid.bits
                                                                                                  : 16.0};
    if (!(stored == plain))
        matrix.sliceStorage = stored;
}

} // namespace

Result<QuantizedMatrix> matrixOf(const WeightGrid &grid, const Layer &layer) {
    if (grid.bits < (grid.levels.empty() ? kMinBits : 1) || grid.bits > 15)
        return cannotShow(fmt::format("codes of {} bits cannot be shown; 2 to 15 can", grid.bits));
    QS_TRY(const Orientation at, orientationOf(grid, layer));
    if (!grid.groupOfIndex.empty() && (grid.shape.rank() != 2 || grid.groupAxis == at.rowAxis))
        return cannotShow("its rows, not its columns, are in another order");
    QuantizedMatrix matrix;
    matrix.rows = at.rows;
    matrix.cols = at.cols;
    matrix.bits = grid.bits;
    matrix.layout = layoutOf(grid, at);
    const Writing writing = writingOf(grid);
    matrix.convention = writing.convention;
    matrix.codes.resize(grid.codes.size());
    std::int16_t *code = matrix.codes.data();
    for (std::int64_t row = 0; row < at.rows; ++row)
        for (std::int64_t col = 0; col < at.cols; ++col)
            *code++ = static_cast<std::int16_t>(grid.codes[static_cast<std::size_t>(at.index(row, col))] +
                                                writing.shift);
    placeScales(grid, scaleOfSlice(grid, at, matrix.layout), writing, matrix);
    matrix.groupOfColumn = grid.groupOfIndex;
    matrix.blocks = grid.blocks;
    // Levels of codes that no weight has may be NaN; they are never looked up.
    for (const float level : grid.levels)
        matrix.levels.push_back(std::isfinite(level) ? level : 0.0f);
    for (const auto &[index, value] : grid.kept)
        matrix.kept.push_back(at.rowAxis == 0 ? KeptWeight{index / at.cols, index % at.cols, value}
                                              : KeptWeight{index % at.rows, index / at.rows, value});
    std::sort(matrix.kept.begin(), matrix.kept.end(), [](const KeptWeight &a, const KeptWeight &b) {
        return std::pair(a.row, a.col) < std::pair(b.row, b.col);
    });
    countStorage(grid, matrix);
    QS_CHECK_OK(matrix.validate(QuantizedMatrix::ScaleSign::Any));
    return matrix;
}

} // namespace qs
