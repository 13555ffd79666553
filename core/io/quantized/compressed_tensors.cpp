#include "core/io/quantized/checkpoint.h"
#include "core/io/quantized/constant_folding.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

using Group = CheckpointScheme::Group;

tl::unexpected<Error> wrong(std::string what) {
    return fail(ErrorCode::CorruptFile, std::move(what));
}

const Tensor *find(const ModuleTensors &tensors, const char *name) {
    const auto found = tensors.find(name);
    return found == tensors.end() ? nullptr : &found->second;
}

Result<const Tensor *> required(const ModuleTensors &tensors, const char *name) {
    if (const Tensor *tensor = find(tensors, name))
        return tensor;
    return fail(ErrorCode::NotFound, fmt::format("has no tensor '{}'", name));
}

/// Blocks of a weight [out, in] from the shape of its scales: [1], [out, 1], [out, in / group], or a coarser
/// grid of both axes.
Status readScales(const Tensor &scale, WeightGrid &grid) {
    if (!isFloatingPoint(scale.dtype()))
        return wrong(fmt::format("has weight_scale of type {}", dtypeName(scale.dtype())));
    const Shape &shape = grid.shape;
    Shape slices = scale.numel() == 1 ? Shape{1, 1} : scale.shape();
    if (slices.rank() == 1 && slices[0] == shape[0])
        slices = Shape{shape[0], 1};
    if (slices.rank() != 2 || slices[0] < 1 || slices[1] < 1 || slices[0] > shape[0] || slices[1] > shape[1])
        return wrong(fmt::format("has weight_scale {} for a weight {}", scale.shape().text(), shape.text()));
    grid.block = {(shape[0] + slices[0] - 1) / slices[0], (shape[1] + slices[1] - 1) / slices[1]};
    // Ragged blocks of both axes are cut at a round number that their count alone does not tell.
    for (int axis = 0; axis < 2; ++axis)
        if (std::int64_t &block = grid.block[static_cast<std::size_t>(axis)];
            shape[axis] % slices[axis] != 0) {
            std::int64_t round = 1;
            while (round < block)
                round *= 2;
            block = round;
        }
    if (grid.slices() != slices)
        return wrong(fmt::format("has weight_scale {}, which cuts its weight {} into no equal blocks",
                                 scale.shape().text(), shape.text()));
    QS_TRY(const Tensor values, toFloat32(scale));
    grid.scales.assign(values.values<float>().begin(), values.values<float>().end());
    grid.scaleBits = dtypeBits(scale.dtype());
    return {};
}

/// weight int8 or 8-bit float [out, in], weight_scale, weight_zero_point.
Result<WeightGrid> readPlain(const ModuleTensors &tensors) {
    QS_TRY(const Tensor *weight, required(tensors, "weight"));
    const bool fineGrained = tensors.contains("weight_scale_inv"); // which multiplies, whatever its name says
    QS_TRY(const Tensor *scale, required(tensors, fineGrained ? "weight_scale_inv" : "weight_scale"));
    if (weight->shape().rank() != 2 || dtypeBits(weight->dtype()) != 8)
        return wrong(fmt::format("has a weight {} {}; 8-bit [out, in] is needed", dtypeName(weight->dtype()),
                                 weight->shape().text()));
    QS_TRY(WeightGrid grid, gridOfCodes(*weight, Tensor::scalar(1.0f), nullptr, 0, 0,
                                        fineGrained ? "fine-grained FP8" : "compressed-tensors"));
    grid.rowsFirst = true;
    QS_CHECK_OK(readScales(*scale, grid));
    if (const Tensor *zero = find(tensors, "weight_zero_point"); zero && grid.levels.empty()) {
        QS_TRY(grid.zeroPoints, integerCodes(*zero));
        grid.zeroPointBits = 8;
        if (grid.zeroPoints.size() == 1)
            grid.zeroPoints.resize(grid.scales.size(), grid.zeroPoints.front());
    }
    QS_CHECK_OK(grid.check());
    return grid;
}

/// The sizes that the file states for the weight that it packs.
Result<Shape> statedShape(const ModuleTensors &tensors) {
    QS_TRY(const Tensor *stated, required(tensors, "weight_shape"));
    QS_TRY(const std::vector<std::int64_t> dims, toInt64Vector(*stated));
    constexpr std::int64_t kMost = std::int64_t{1} << 31;
    if (dims.size() != 2 || dims[0] < 1 || dims[1] < 1 || dims[0] > kMost || dims[1] > kMost)
        return wrong("has a weight_shape that is no [out, in]");
    return Shape{dims[0], dims[1]};
}

/// Zero points packed along the first axis: [ceil(out / codes in a word), groups].
Status readPackedZeros(const Tensor &packed, std::int64_t perWord, WeightGrid &grid) {
    const Shape slices = grid.slices();
    if (packed.dtype() != DType::Int32 ||
        packed.shape() != Shape{(slices[0] + perWord - 1) / perWord, slices[1]})
        return wrong(fmt::format("has weight_zero_point {} {} for scales {}", dtypeName(packed.dtype()),
                                 packed.shape().text(), slices.text()));
    const int half = 1 << (grid.bits - 1);
    const auto words = packed.values<std::int32_t>();
    for (std::int64_t r = 0; r < slices[0]; ++r)
        for (std::int64_t g = 0; g < slices[1]; ++g) {
            const auto word =
                static_cast<std::uint32_t>(words[static_cast<std::size_t>(r / perWord * slices[1] + g)]);
            const auto code = word >> (grid.bits * (r % perWord)) & ((1U << grid.bits) - 1);
            grid.zeroPoints.push_back(static_cast<std::int32_t>(code) - half);
        }
    grid.zeroPointBits = grid.bits;
    return {};
}

/// weight_packed int32 [out, ceil(in / codes in a word)], codes counted from the middle of their range.
Result<WeightGrid> readPacked(const ModuleTensors &tensors, const Group &group) {
    QS_TRY(const Tensor *packed, required(tensors, "weight_packed"));
    QS_TRY(const Tensor *scale, required(tensors, "weight_scale"));
    WeightGrid grid;
    QS_TRY(grid.shape, statedShape(tensors));
    const std::int64_t perWord = 32 / group.bits, rows = grid.shape[0], cols = grid.shape[1];
    const std::int64_t words = (cols + perWord - 1) / perWord;
    if (packed->dtype() != DType::Int32 || packed->shape() != Shape{rows, words})
        return wrong(fmt::format("has weight_packed {} {}, needs int32 [{}, {}]", dtypeName(packed->dtype()),
                                 packed->shape().text(), rows, words));
    grid.form = "compressed-tensors";
    grid.rowsFirst = true;
    grid.bits = group.bits;
    grid.isSigned = true;
    const int half = 1 << (group.bits - 1);
    grid.codes.reserve(static_cast<std::size_t>(rows * cols));
    const auto src = packed->values<std::int32_t>();
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < cols; ++c) {
            const auto word =
                static_cast<std::uint32_t>(src[static_cast<std::size_t>(r * words + c / perWord)]);
            const auto code = word >> (group.bits * (c % perWord)) & ((1U << group.bits) - 1);
            grid.codes.push_back(static_cast<std::int32_t>(code) - half);
        }
    QS_CHECK_OK(readScales(*scale, grid));
    const Tensor *zero = find(tensors, "weight_zero_point");
    if (zero)
        QS_CHECK_OK(readPackedZeros(*zero, perWord, grid));
    if (!zero && !group.symmetric)
        return fail(ErrorCode::NotFound,
                    "has no tensor 'weight_zero_point', which an asymmetric weight needs");
    if (const Tensor *order = find(tensors, "weight_g_idx")) {
        QS_TRY(grid.groupOfIndex, integerCodes(*order));
        // Files of weights that were not reordered may have a list of -1.
        if (std::all_of(grid.groupOfIndex.begin(), grid.groupOfIndex.end(),
                        [](int index) { return index == -1; }))
            grid.groupOfIndex.clear();
    }
    QS_CHECK_OK(grid.check());
    return grid;
}

/// weight_packed uint8 [out, in / 2], weight_scale 8-bit float [out, in / 16], weight_global_scale, which
/// divides.
Result<WeightGrid> readNvFp4(const ModuleTensors &tensors) {
    QS_TRY(const Tensor *packed, required(tensors, "weight_packed"));
    QS_TRY(const Tensor *scale, required(tensors, "weight_scale"));
    QS_TRY(const Tensor *global, required(tensors, "weight_global_scale"));
    if (packed->dtype() != DType::UInt8 || packed->shape().rank() != 2)
        return wrong(fmt::format("has weight_packed {} {}, needs uint8 [out, in / 2]",
                                 dtypeName(packed->dtype()), packed->shape().text()));
    const Shape shape{packed->shape()[0], 2 * packed->shape()[1]};
    const Tensor codes = Tensor::wrap(DType::Float4E2M1, shape, packed->storage());
    QS_TRY(WeightGrid grid,
           gridOfCodes(codes, Tensor::scalar(1.0f), nullptr, 0, 0, "compressed-tensors NVFP4"));
    grid.rowsFirst = true;
    QS_CHECK_OK(readScales(*scale, grid));
    QS_TRY(const Tensor divisor, toFloat32(*global));
    if (divisor.numel() != 1 || !(std::abs(divisor.values<float>()[0]) > 0) || grid.block[1] != 16)
        return wrong("has a weight_global_scale that is no number but 0, or blocks that are not of 16");
    for (float &value : grid.scales)
        value /= divisor.values<float>()[0];
    QS_CHECK_OK(grid.check());
    return grid;
}

/// input_scale and input_zero_point of static integer activations; nothing when there is no whole grid.
std::optional<ActivationGrid> readInput(const ModuleTensors &tensors, const Group &group) {
    const Tensor *scale = find(tensors, "input_scale"), *zero = find(tensors, "input_zero_point");
    if (!group.staticInput || group.inputIsFloat || !scale || scale->numel() != 1 ||
        !isFloatingPoint(scale->dtype()) || group.inputBits < kMinBits || group.inputBits > 8)
        return std::nullopt;
    const auto step = toFloat32(*scale);
    const auto zeros =
        zero ? integerCodes(*zero) : Result<std::vector<std::int32_t>>(std::vector<std::int32_t>{0});
    if (!step || !zeros || zeros->size() != 1 || !(step->values<float>()[0] > 0) ||
        !std::isfinite(step->values<float>()[0]))
        return std::nullopt;
    GridScheme scheme;
    scheme.bits = group.inputBits;
    scheme.convention = zeros->front() == 0 ? GridConvention::SymmetricFull : GridConvention::Asymmetric;
    const std::int32_t shift = zeros->front() == 0 ? 0 : 1 << (group.inputBits - 1);
    const std::int64_t code = std::int64_t{zeros->front()} + shift;
    const CodeRange range = codeRange(scheme.bits, scheme.convention);
    if (code < range.lowest || code > range.highest)
        return std::nullopt;
    return ActivationGrid{{step->values<float>()[0], static_cast<std::int32_t>(code)}, scheme};
}

} // namespace

Result<StoredLayer> readCompressedModule(const ModuleTensors &tensors, const Group &group) {
    auto grid = group.storage == CheckpointScheme::Storage::Packed  ? readPacked(tensors, group)
                : group.storage == CheckpointScheme::Storage::NvFp4 ? readNvFp4(tensors)
                                                                    : readPlain(tensors);
    if (!grid)
        return fail(std::move(grid).error());
    return StoredLayer{std::move(*grid), readInput(tensors, group)};
}

} // namespace qs
