#pragma once

#include "core/quant/granularity.h"
#include "core/quant/range_rule.h"
#include "core/tensor/tensor.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace qs {

/// Where the bits of a quantized weight go. Effective bits = sum of all, per weight.
struct BitsBreakdown {
    double codes = 0;      ///< payload bits per weight
    double scales = 0;     ///< bits per weight spent on scales
    double zeroPoints = 0; ///< … on zero points
    double indices = 0;    ///< … on group indices of reordered columns
    double outliers = 0;   ///< … on weights that are kept in float16, with their places
    double branch = 0;     ///< … on the low-rank branch

    double effective() const { return codes + scales + zeroPoints + indices + outliers + branch; }
};

/// A weight that is kept as it is: its code does not count.
struct KeptWeight {
    std::int64_t row = 0;
    std::int64_t col = 0;
    float value = 0; ///< a float16 value
    bool operator==(const KeptWeight &) const = default;
};

/// up · down, added to the weight. Float16 values in float32 tensors.
struct LowRankBranch {
    Tensor down; ///< [rank, cols]
    Tensor up;   ///< [rows, rank]

    std::int64_t rank() const { return down.shape()[0]; }
    /// float32 [rows, cols], summed in float64.
    Tensor product() const;
};

/// What one slice costs in storage, in bits, where it is not a plain scale and zero point.
struct SliceStorage {
    double scaleBits = 0;
    double zeroPointBits = 0;
    bool operator==(const SliceStorage &) const = default;
};

/// A quantized weight: what every method returns and every view, metric and exporter reads. The value of
/// element (r, c) is scale · (code − zeroPoint) of its slice, or, with levels, scale · level of the code; a
/// kept weight replaces it; the branch is added.
struct QuantizedMatrix {
    std::int64_t rows = 0; ///< output channels
    std::int64_t cols = 0; ///< inputs per output
    int bits = 8;
    GridConvention convention = GridConvention::Asymmetric;
    SliceLayout layout;
    bool scaleAsFloat16 = false;
    std::vector<std::int16_t> codes;      ///< [rows, cols], within codeRange(bits, convention)
    std::vector<float> scales;            ///< [layout.slices()], > 0; of model files any finite number
    std::vector<std::int32_t> zeroPoints; ///< [layout.slices()]
    /// Group of each column when columns were grouped in another order (GPTQ act-order without static
    /// groups); empty = column / groupSize.
    std::vector<std::int32_t> groupOfColumn;
    /// [layout.slices()] or empty. Real zero points take the place of the integer ones, which are then the
    /// lowest code.
    std::vector<float> realZeroPoints;
    /// [2^bits] (one codebook) or [layout.slices(), 2^bits], first level for the lowest code; empty = codes
    /// are their own levels.
    std::vector<float> levels;
    std::vector<KeptWeight> kept; ///< sorted by row, then column; no place twice
    std::optional<LowRankBranch> branch;
    std::optional<SliceStorage> sliceStorage;
    /// The same weight [rows, cols] as the GGUF file holds it that it was read from, in a block type; else
    /// empty. Blocks know what slices do not: super-scales, and codes of scales.
    Tensor blocks;

    /// Index into scales of an element, also where columns were regrouped.
    std::int64_t slice(std::int64_t row, std::int64_t col) const;
    /// Scale and integer zero point of an element. The whole truth only when isIntegerGrid().
    ScaleZero grid(std::int64_t row, std::int64_t col) const;
    /// Whether every value is scale · (code − zeroPoint) with integer zero points and nothing else.
    bool isIntegerGrid() const;
    /// What makes it more than an integer grid, for people: "real zero points, 12 kept weights"; empty if
    /// nothing.
    std::string extras() const;
    /// The value that a code stands for in a slice; kept weights and the branch are not seen.
    float valueOf(std::int16_t code, std::int64_t slice) const;
    /// float32 [rows, cols], branch included.
    Tensor dequantize() const;
    /// The same without the branch: what reads the quantized activation.
    Tensor dequantizeWithoutBranch() const;
    /// Columns [col, col + values.size()) of a row, without the branch.
    void dequantizeRow(std::int64_t row, std::int64_t col, std::span<float> values) const;
    /// Payload, scale, zero-point and index bits per weight. Scales count 16 or 32 bits, zero points `bits`
    /// (0 for symmetric conventions, 16 for real ones) unless sliceStorage says otherwise, group indices 32
    /// bits per column, kept weights 32 (float16 value and 16-bit index), the branch 16 per element,
    /// codebooks of slices as sliceStorage says (one codebook for all is part of the format). \source methods
    /// A 0.5, B0 storage accounting
    BitsBreakdown bitsBreakdown() const;
    /// Everything that must hold: sizes, code range, positive finite scales, zero points in range. Model
    /// files hold scales of any sign: ONNX Runtime makes negative ones, blocks of zeros have 0. \error
    /// PluginFailure  names what does not hold
    enum class ScaleSign { Positive, Any };
    Status validate(ScaleSign sign = ScaleSign::Positive) const;
};

} // namespace qs
