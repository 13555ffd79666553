#include "plugins/gguf/block_methods.h"

#include "core/tensor/blocks/block_codec.h"
#include "plugins/support/method_call.h"

#include <array>
#include <fmt/format.h>

namespace qs {
namespace {

/// A few milliseconds of the slowest search.
constexpr std::int64_t kElementsAtOnce = 1 << 17;

/// How the program's matrices say what a block says.
enum class Form {
    ZeroPoint,   ///< scale · (code − zero point); a negative scale turns the codes around
    Minimum,     ///< scale · code − minimum: a real zero point
    Codebook,    ///< the format's table
    OwnCodebook, ///< the same, but scales may be negative: each slice has its own copy, signs applied
};

struct Format {
    BlockType type;
    int bits;      ///< of a code
    int groupSize; ///< that share a scale
    Form form;
    const char *name, *summary;
};

constexpr std::array kFormats{
    Format{BlockType::Q4_0, 4, 32, Form::ZeroPoint, "GGUF Q4_0",
           "Groups of 32, a float16 scale from the largest magnitude, as llama.cpp stores it."},
    Format{BlockType::Q4_1, 4, 32, Form::Minimum, "GGUF Q4_1",
           "Groups of 32 with float16 scale and minimum, as llama.cpp stores it."},
    Format{BlockType::Q5_0, 5, 32, Form::ZeroPoint, "GGUF Q5_0",
           "Groups of 32, a float16 scale from the largest magnitude, as llama.cpp stores it."},
    Format{BlockType::Q5_1, 5, 32, Form::Minimum, "GGUF Q5_1",
           "Groups of 32 with float16 scale and minimum, as llama.cpp stores it."},
    Format{BlockType::Q8_0, 8, 32, Form::ZeroPoint, "GGUF Q8_0",
           "Groups of 32 with a float16 scale, as llama.cpp stores it."},
    Format{BlockType::Q2_K, 2, 16, Form::Minimum, "GGUF Q2_K",
           "Super-blocks of 256: 4-bit scales and minima of groups of 16, searched; as llama.cpp stores it."},
    Format{
        BlockType::Q3_K, 3, 16, Form::ZeroPoint, "GGUF Q3_K",
        "Super-blocks of 256: 6-bit scales of groups of 16, refined code by code; as llama.cpp stores it."},
    Format{BlockType::Q4_K, 4, 32, Form::Minimum, "GGUF Q4_K",
           "Super-blocks of 256: 6-bit scales and minima of groups of 32, searched; as llama.cpp stores it."},
    Format{BlockType::Q5_K, 5, 32, Form::Minimum, "GGUF Q5_K",
           "Super-blocks of 256: 6-bit scales and minima of groups of 32, searched; as llama.cpp stores it."},
    Format{BlockType::Q6_K, 6, 16, Form::ZeroPoint, "GGUF Q6_K",
           "Super-blocks of 256: 8-bit scales of groups of 16, searched; as llama.cpp stores it."},
    Format{
        BlockType::IQ4_NL, 4, 32, Form::OwnCodebook, "GGUF IQ4_NL",
        "A table of 16 uneven levels, groups of 32 with a searched float16 scale; as llama.cpp stores it."},
    Format{BlockType::IQ4_XS, 4, 32, Form::OwnCodebook, "GGUF IQ4_XS",
           "A table of 16 uneven levels, super-blocks of 256 with 6-bit scales; as llama.cpp stores it."},
    Format{BlockType::MXFP4, 4, 32, Form::Codebook, "GGUF MXFP4",
           "FP4 (E2M1) in groups of 32 that share a power of two, as llama.cpp stores it."},
    Format{BlockType::TQ2_0, 2, 256, Form::ZeroPoint, "GGUF TQ2_0",
           "Three values, −1, 0 and 1 times the largest magnitude of 256 weights; as llama.cpp stores it."},
    Format{BlockType::Q2_0, 2, 64, Form::ZeroPoint, "GGUF Q2_0",
           "Three values, −1, 0 and 1 times the largest magnitude of 64 weights; as ggml stores it."},
};

const Format &formatOf(BlockType type) {
    return *std::find_if(kFormats.begin(), kFormats.end(),
                         [&](const Format &format) { return format.type == type; });
}

/// Where the parts of a block go.
struct Target {
    std::int16_t *codes;
    float *scales;
    std::int32_t *zeroPoints;
    float *realZeroPoints, *levels; ///< of this slice, where the form has them
};

/// The two ways to say scale · (code − zero): with a positive scale as the program wants it.
void storeZeroPoint(const Format &format, const BlockParts &parts, int part, Target to) {
    const float scale = parts.scales[static_cast<std::size_t>(part)];
    const int top = (1 << format.bits) - 1;
    const int offset = format.bits == 8 ? 128 : 0; // q8_0 has signed codes
    const int zero = parts.zeroPoint + offset;
    *to.scales = scale == 0 ? 1.0f : std::fabs(scale);
    *to.zeroPoints = scale < 0 ? top - zero : zero;
    const std::int16_t *codes = parts.codes.data() + part * format.groupSize;
    for (int i = 0; i < format.groupSize; ++i) {
        const int code = scale == 0 ? zero : codes[i] + offset;
        to.codes[i] = static_cast<std::int16_t>(scale < 0 ? top - code : code);
    }
}

void storeMinimum(const Format &format, const BlockParts &parts, int part, Target to) {
    const float scale = parts.scales[static_cast<std::size_t>(part)];
    const float minimum = parts.minima[static_cast<std::size_t>(part)];
    const bool flat = scale == 0 || !std::isfinite(minimum / scale); // then all values are −minimum
    *to.scales = flat ? 1.0f : scale;
    *to.realZeroPoints = flat ? minimum : minimum / scale;
    *to.zeroPoints = 0;
    const std::int16_t *codes = parts.codes.data() + part * format.groupSize;
    for (int i = 0; i < format.groupSize; ++i)
        to.codes[i] = flat ? std::int16_t{0} : codes[i];
}

void storeCodebook(const Format &format, const BlockParts &parts, int part, Target to) {
    const float scale = parts.scales[static_cast<std::size_t>(part)];
    *to.scales = scale == 0 ? 1.0f : std::fabs(scale);
    *to.zeroPoints = 0;
    std::copy_n(parts.codes.data() + part * format.groupSize, format.groupSize, to.codes);
    if (format.form == Form::Codebook)
        return; // the one table is written once
    const float sign = scale > 0 ? 1.0f : scale < 0 ? -1.0f : 0.0f;
    for (std::size_t code = 0; code < parts.levels.size(); ++code)
        to.levels[code] = sign * static_cast<float>(parts.levels[code]);
}

void storeBlock(const Format &format, const BlockParts &parts, std::int64_t firstSlice,
                std::int64_t firstElement, qs_quantize_result &result) {
    for (int part = 0; part < parts.subBlocks; ++part) {
        const std::int64_t slice = firstSlice + part;
        const Target to{result.codes + firstElement + part * format.groupSize, result.scales + slice,
                        result.zero_points + slice,
                        format.form == Form::Minimum ? result.real_zero_points + slice : nullptr,
                        format.form == Form::OwnCodebook ? result.levels + slice * (1 << format.bits)
                                                         : nullptr};
        switch (format.form) {
        case Form::ZeroPoint:
            storeZeroPoint(format, parts, part, to);
            break;
        case Form::Minimum:
            storeMinimum(format, parts, part, to);
            break;
        case Form::Codebook:
        case Form::OwnCodebook:
            storeCodebook(format, parts, part, to);
            break;
        }
    }
}

/// Bits of a slice besides its codes, exactly as stored: halves for scale and minimum where there are both.
void storeBits(const Format &format, qs_quantize_result &result) {
    const BlockFormat &block = blockFormat(format.type);
    const int slices = block.elements / format.groupSize;
    const double bits = static_cast<double>(8 * block.bytes - block.elements * format.bits) / slices;
    result.scale_bits = format.form == Form::Minimum ? bits / 2 : bits;
    result.zero_point_bits = format.form == Form::Minimum ? bits / 2 : 0;
}

std::uint32_t storesOf(Form form) {
    switch (form) {
    case Form::ZeroPoint:
        return 0;
    case Form::Minimum:
        return QS_STORES_REAL_ZERO_POINTS;
    case Form::Codebook:
        return QS_STORES_LEVELS;
    case Form::OwnCodebook:
        return QS_STORES_SLICE_LEVELS;
    }
    return 0;
}

} // namespace

PluginMethodInfo blockMethodInfo(BlockType type) {
    const Format &format = formatOf(type);
    const bool codebook = format.form == Form::Codebook || format.form == Form::OwnCodebook;
    PluginMethodInfo info;
    info.id = blockFormat(type).name.data(); // a literal
    info.name = format.name;
    info.summary = format.summary;
    info.paper = "ggml, the tensor library of llama.cpp";
    info.tags = codebook ? "grid,codebook,search,weight-only,gguf,data-free"
                         : "grid,search,weight-only,gguf,data-free";
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "m d, times the candidates of a search (up to 21)";
    info.stores = storesOf(format.form);
    return info;
}

std::string blockRefusal(BlockType type, const qs_quantize_request &request) {
    const Format &format = formatOf(type);
    const BlockFormat &block = blockFormat(type);
    if (request.bits != format.bits || request.granularity != QS_PER_GROUP ||
        request.group_size != format.groupSize || request.convention != QS_ASYMMETRIC)
        return fmt::format("is a format of {} bits in groups of {}, asymmetric: choose these", format.bits,
                           format.groupSize);
    if (request.cols % block.elements != 0)
        return fmt::format("stores blocks of {} weights; rows of {} are no whole number of them",
                           block.elements, request.cols);
    if (request.scale_as_float16)
        return "decides itself how scales are stored; switch off float16 scales";
    return {};
}

void quantizeToBlocks(BlockType type, const PluginCall &call) {
    const Format &format = formatOf(type);
    const BlockFormat &block = blockFormat(type);
    const MatrixView<const float> weights = weightsOf(call);
    qs_quantize_result &result = call.result();
    storeBits(format, result);
    BlockParts parts;
    const std::int64_t rowsAtOnce = std::max<std::int64_t>(1, kElementsAtOnce / weights.cols);
    for (std::int64_t row = 0; row < weights.rows; row += rowsAtOnce) {
        call.throwIfCancelled();
        call.progress(row, weights.rows, format.name);
        const MatrixView<const float> some{weights.data + row * weights.cols,
                                           std::min(rowsAtOnce, weights.rows - row), weights.cols};
        const auto bytes =
            valueOrThrow(call, encodeBlocks(type, some, RunContext{{}, nullptr, call.maxThreads()}));
        for (std::int64_t b = 0; b < some.size() / block.elements; ++b) {
            unpackBlock(type, bytes.data() + b * block.bytes, parts);
            const std::int64_t element = row * weights.cols + b * block.elements;
            storeBlock(format, parts, element / format.groupSize, element, result);
        }
    }
    if (format.form == Form::Codebook)
        for (std::size_t code = 0; code < parts.levels.size(); ++code)
            result.levels[code] = static_cast<float>(parts.levels[code]);
}

} // namespace qs
