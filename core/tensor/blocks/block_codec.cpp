#include "core/tensor/blocks/block_codec.h"

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/tensor/blocks/encode_block.h"
#include "core/tensor/blocks/lanes.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr float kLargestHalf = 65504;

/// About as many elements as a task of the parallel loops should have.
constexpr std::int64_t kElementsPerTask = 1 << 16;

BlockEncoder encoderOf(BlockType type) {
    // clang-format off
    switch (type) {
    case BlockType::Q4_0: return encodeQ4_0;
    case BlockType::Q4_1: return encodeQ4_1;
    case BlockType::Q5_0: return encodeQ5_0;
    case BlockType::Q5_1: return encodeQ5_1;
    case BlockType::Q8_0: return encodeQ8_0;
    case BlockType::Q2_K: return encodeQ2_K;
    case BlockType::Q3_K: return encodeQ3_K;
    case BlockType::Q4_K: return encodeQ4_K;
    case BlockType::Q5_K: return encodeQ5_K;
    case BlockType::Q6_K: return encodeQ6_K;
    case BlockType::IQ4_NL: return encodeIQ4_NL;
    case BlockType::IQ4_XS: return encodeIQ4_XS;
    case BlockType::TQ1_0: return encodeTQ1_0;
    case BlockType::TQ2_0: return encodeTQ2_0;
    case BlockType::MXFP4: return encodeMXFP4;
    case BlockType::Q1_0: return encodeQ1_0;
    case BlockType::Q2_0: return encodeQ2_0;
    default: return nullptr;
    }
    // clang-format on
}

void valuesOf(const BlockParts &parts, float *values) {
    const int length = parts.subBlockLength();
    for (int s = 0; s < parts.subBlocks; ++s) {
        const float scale = parts.scales[static_cast<std::size_t>(s)];
        const float minimum = parts.minima[static_cast<std::size_t>(s)];
        const std::int16_t *codes = parts.codes.data() + s * length;
        float *dst = values + s * length;
        if (parts.levels.empty())
            for (int i = 0; i < length; ++i)
                dst[i] = scale * static_cast<float>(codes[i] - parts.zeroPoint) - minimum;
        else
            for (int i = 0; i < length; ++i)
                dst[i] =
                    scale * static_cast<float>(parts.levels[static_cast<std::size_t>(codes[i])]) - minimum;
    }
}

/// Place of the first value that no block can hold; the count when there is none.
std::size_t firstUnfit(std::span<const float> values) {
    LaneInts fit = LaneInts{} - 1;
    std::size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes)
        fit &= magnitude(loadLanes(values.data() + i)) <= kLargestHalf; // false for NaN, too
    if (!anyOf(~fit) && i == values.size())
        return values.size();
    const auto found = std::find_if(values.begin(), values.end(),
                                    [](float value) { return !(std::fabs(value) <= kLargestHalf); });
    return static_cast<std::size_t>(found - values.begin());
}

/// The smallest place that any task has met.
void keepFirst(std::atomic<std::int64_t> &first, std::int64_t place) {
    std::int64_t known = first.load();
    while (place < known && !first.compare_exchange_weak(known, place)) {
    }
}

} // namespace

void decodeBlocks(BlockType type, std::span<const std::byte> blocks, std::span<float> values) {
    const BlockFormat &format = blockFormat(type);
    const auto bytes = static_cast<std::size_t>(format.bytes),
               length = static_cast<std::size_t>(format.elements);
    BlockParts parts;
    for (std::size_t b = 0; (b + 1) * bytes <= blocks.size(); ++b) {
        unpackBlock(type, blocks.data() + b * bytes, parts);
        valuesOf(parts, values.data() + b * length);
    }
}

Result<Tensor> decodeBlocks(const Tensor &tensor) {
    const BlockFormat *format = blockFormatOf(tensor.dtype());
    QS_CHECK(format, "plain tensors need no decoding");
    if (!format->decodable)
        return fail(ErrorCode::Unsupported,
                    fmt::format("{} needs a lattice table that this program does not have; open the model in "
                                "another format, for example q4_k",
                                format->name));
    Tensor decoded = Tensor::allocate(DType::Float32, tensor.shape());
    const auto values = decoded.mutableValues<float>();
    const std::span blocks(tensor.bytes(), tensor.sizeBytes());
    auto decode = [&](std::int64_t begin, std::int64_t end) {
        const auto first = static_cast<std::size_t>(begin), count = static_cast<std::size_t>(end - begin);
        const auto bytes = static_cast<std::size_t>(format->bytes),
                   length = static_cast<std::size_t>(format->elements);
        decodeBlocks(format->type, blocks.subspan(first * bytes, count * bytes),
                     values.subspan(first * length, count * length));
    };
    // Without a stop token it cannot be cancelled, so there is no error to pass on.
    (void)parallelFor(tensor.numel() / format->elements, kElementsPerTask / format->elements, RunContext{},
                      decode);
    return decoded;
}

bool canEncode(BlockType type) {
    return encoderOf(type) != nullptr;
}

Result<std::vector<std::byte>> encodeBlocks(BlockType type, MatrixView<const float> values,
                                            const RunContext &ctx) {
    const BlockFormat &format = blockFormat(type);
    const BlockEncoder encode = encoderOf(type);
    if (!encode)
        return fail(ErrorCode::Unsupported,
                    fmt::format("{} blocks can be read but not written", format.name));
    if (values.cols % format.elements != 0)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} cuts rows into blocks of {}; {} columns are no whole number of them",
                                format.name, format.elements, values.cols));
    const std::int64_t count = values.size() / format.elements;
    std::vector<std::byte> blocks(static_cast<std::size_t>(count * format.bytes));
    std::atomic<std::int64_t> unfit{values.size()};
    const std::int64_t grain = std::max<std::int64_t>(8, (1 << 13) / format.elements); // searches take long
    QS_CHECK_OK(parallelFor(count, grain, ctx, [&](std::int64_t begin, std::int64_t end) {
        const std::span some(values.data + begin * format.elements,
                             static_cast<std::size_t>((end - begin) * format.elements));
        if (const std::size_t place = firstUnfit(some); place < some.size())
            return keepFirst(unfit, begin * format.elements + static_cast<std::int64_t>(place));
        encode(some, reinterpret_cast<std::uint8_t *>(blocks.data() + begin * format.bytes));
    }));
    if (unfit < values.size())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("weight at row {}, column {} is {}; blocks hold finite values up to {}",
                                unfit / values.cols, unfit % values.cols, values.data[unfit], kLargestHalf));
    return blocks;
}

} // namespace qs
