#pragma once

#include "core/tensor/dtype.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace qs {

/// Block formats of ggml, by the type ids that GGUF files use: a fixed number of consecutive elements of a
/// row is stored as codes with scales of their own. \source file_formats 3.4, 13
enum class BlockType : std::int32_t {
    Q4_0 = 2,
    Q4_1 = 3,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    Q8_1 = 9,
    Q2_K = 10,
    Q3_K = 11,
    Q4_K = 12,
    Q5_K = 13,
    Q6_K = 14,
    Q8_K = 15,
    IQ2_XXS = 16,
    IQ2_XS = 17,
    IQ3_XXS = 18,
    IQ1_S = 19,
    IQ4_NL = 20,
    IQ3_S = 21,
    IQ2_S = 22,
    IQ4_XS = 23,
    IQ1_M = 29,
    TQ1_0 = 34,
    TQ2_0 = 35,
    MXFP4 = 39,
    NVFP4 = 40,
    Q1_0 = 41,
    Q2_0 = 42,
};

struct BlockFormat {
    BlockType type;
    std::string_view name; ///< "q4_k"
    int elements;          ///< of a block
    int bytes;             ///< of a block
    bool decodable = true; ///< false: codes point into a lattice table that this program does not have

    double bitsPerValue() const { return 8.0 * bytes / elements; }
};

/// Every block format, by id.
std::span<const BlockFormat> blockFormats();
const BlockFormat &blockFormat(BlockType type);
/// nullptr when there is none of that name.
const BlockFormat *findBlockFormat(std::string_view name);

/// Tensors in a block format have an element type of its own, beyond the codes of ONNX. The last axis is cut
/// into blocks; toFloat32() decodes them.
constexpr DType blockDType(BlockType type) {
    return static_cast<DType>(0x100 + static_cast<std::int32_t>(type));
}
/// nullptr for a plain element type.
const BlockFormat *blockFormatOf(DType type);
/// dtypeBits(), and of block formats what an element takes with its share of the scales.
double bitsPerElement(DType type);

} // namespace qs
