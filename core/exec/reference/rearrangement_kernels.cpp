#include "core/exec/reference/axes.h"
#include "core/exec/reference/copy.h"
#include "core/exec/reference/families.h"

#include <array>
#include <cstring>

namespace qs {
namespace {

using SixDims = std::array<std::int64_t, 6>;

/// The operand seen as six dimensions, transposed, under the shape of the result.
Outputs transposeSix(const KernelCall &call, const SixDims &dims, const std::array<std::size_t, 6> &order,
                     const Shape &result) {
    const std::vector<std::int64_t> strides = Shape(std::vector(dims.begin(), dims.end())).strides();
    std::vector<std::int64_t> to, walk;
    for (const std::size_t axis : order) {
        to.push_back(dims[axis]);
        walk.push_back(strides[axis]);
    }
    auto outputs = copyStrided(call, call[0], 0, Shape(std::move(to)), walk);
    if (outputs)
        outputs->front() = outputs->front().reshaped(result);
    return outputs;
}

Result<std::int64_t> readBlockSize(NodeReader &reader) {
    const std::int64_t block = reader.intAttribute("blocksize", 0);
    if (block < 1 || block > (1 << 20))
        return fail(ErrorCode::Unsupported, fmt::format("blocksize={}", block));
    return block;
}

/// Channels become blocks of pixels: depth first (DCR), or a pixel's block after its channel (CRD).
Result<Kernel> depthToSpace(NodeReader &reader) {
    QS_TRY(const std::int64_t b, readBlockSize(reader));
    const std::string mode = reader.stringAttribute("mode", "DCR");
    if (mode != "DCR" && mode != "CRD")
        return fail(ErrorCode::Unsupported, fmt::format("mode='{}'", mode));
    return Kernel([b, depthFirst = mode == "DCR"](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        const Shape &src = call[0].shape();
        if (src.rank() != 4 || src[1] % (b * b) != 0)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("blocks of {} for a tensor of shape {}", b, src.text()));
        const std::int64_t depth = src[1] / (b * b);
        const Shape result{src[0], depth, src[2] * b, src[3] * b};
        if (depthFirst)
            return transposeSix(call, {src[0], b, b, depth, src[2], src[3]}, {0, 3, 4, 1, 5, 2}, result);
        return transposeSix(call, {src[0], depth, b, b, src[2], src[3]}, {0, 1, 4, 2, 5, 3}, result);
    });
}

Result<Kernel> spaceToDepth(NodeReader &reader) {
    QS_TRY(const std::int64_t b, readBlockSize(reader));
    return Kernel([b](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        const Shape &src = call[0].shape();
        if (src.rank() != 4 || src[2] % b != 0 || src[3] % b != 0)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("blocks of {} for a tensor of shape {}", b, src.text()));
        const std::int64_t height = src[2] / b, width = src[3] / b;
        return transposeSix(call, {src[0], src[1], height, b, width, b}, {0, 3, 5, 1, 2, 4},
                            Shape{src[0], src[1] * b * b, height, width});
    });
}

/// The first `lengths[batch]` entries of every sequence in reverse order, the rest as they are.
Result<Kernel> reverseSequence(NodeReader &reader) {
    const std::int64_t timeAxis = reader.intAttribute("time_axis", 0),
                       batchAxis = reader.intAttribute("batch_axis", 1);
    if (timeAxis + batchAxis != 1 || timeAxis < 0 || timeAxis > 1)
        return fail(ErrorCode::Unsupported, "time_axis and batch_axis other than 0 and 1");
    return Kernel([timeAxis, batchAxis](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_CHECK_OK(requireWholeBytes(call[0]));
        const Shape &src = call[0].shape();
        QS_TRY(const auto lengths, integerOperand(call, 1));
        if (src.rank() < 2 || static_cast<std::int64_t>(lengths.size()) != src[static_cast<int>(batchAxis)])
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} lengths for a tensor of shape {}", lengths.size(), src.text()));
        const std::int64_t time = src[static_cast<int>(timeAxis)];
        for (const std::int64_t length : lengths)
            if (length < 0 || length > time)
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("length {} of a sequence of {}", length, time));
        QS_TRY(Tensor result, call.allocate(call[0].dtype(), src));
        const auto bytes =
            static_cast<std::size_t>(src.numelBetween(2, src.rank()) * dtypeBits(call[0].dtype()) / 8);
        const auto row = [&](std::int64_t t, std::size_t batch) {
            const auto b = static_cast<std::int64_t>(batch);
            return static_cast<std::size_t>(timeAxis == 0 ? t * src[1] + b : b * time + t) * bytes;
        };
        for (std::size_t batch = 0; bytes > 0 && batch < lengths.size(); ++batch)
            for (std::int64_t t = 0; t < time; ++t)
                std::memcpy(result.mutableBytes() + row(t, batch),
                            call[0].bytes() + row(t < lengths[batch] ? lengths[batch] - 1 - t : t, batch),
                            bytes);
        return std::vector<Tensor>{std::move(result)};
    });
}

/// The triangle of the last two axes on one side of diagonal k; zeros elsewhere.
Outputs triangle(const KernelCall &call, bool upper, std::int64_t diagonal) {
    const Shape &shape = call[0].shape();
    const std::int64_t rows = shape[shape.rank() - 2], columns = shape[shape.rank() - 1];
    const std::int64_t k = std::clamp(diagonal, -rows - 1, columns + 1);
    QS_TRY(Tensor result, call.allocate(call[0].dtype(), shape));
    std::memset(result.mutableBytes(), 0, result.sizeBytes());
    const auto item = static_cast<std::size_t>(dtypeBits(call[0].dtype()) / 8);
    const std::int64_t lines = columns == 0 ? 0 : shape.numel() / columns;
    for (std::int64_t line = 0; line < lines; ++line) {
        const std::int64_t edge = std::clamp<std::int64_t>(line % rows + k + (upper ? 0 : 1), 0, columns);
        const std::int64_t begin = upper ? edge : 0, end = upper ? columns : edge;
        const std::size_t offset = static_cast<std::size_t>(line * columns + begin) * item;
        std::memcpy(result.mutableBytes() + offset, call[0].bytes() + offset,
                    static_cast<std::size_t>(end - begin) * item);
    }
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> trilu(NodeReader &reader) {
    return Kernel([upper = reader.flag("upper", true)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        QS_CHECK_OK(requireWholeBytes(call[0]));
        if (call[0].shape().rank() < 2)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("a tensor of shape {} has no triangle", call[0].shape().text()));
        std::vector<std::int64_t> diagonal{0};
        if (call.has(1)) {
            QS_TRY(diagonal, integerOperand(call, 1));
        }
        if (diagonal.size() != 1)
            return fail(ErrorCode::InvalidArgument, "the diagonal must be a scalar");
        return triangle(call, upper, diagonal[0]);
    });
}

constexpr KernelEntry kEntries[] = {
    {"DepthToSpace", 1, depthToSpace},
    {"SpaceToDepth", 1, spaceToDepth},
    {"ReverseSequence", 10, reverseSequence},
    {"Trilu", 14, trilu},
};

} // namespace

KernelFamily rearrangementKernels() {
    return kEntries;
}

} // namespace qs
