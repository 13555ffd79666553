#pragma once

#include "core/quant/granularity.h"
#include "core/quant/range_rule.h"
#include "core/tensor/tensor.h"

#include <vector>

namespace qs {

/// Where the bits of a quantized weight go. Effective bits = sum of all, per weight.
struct BitsBreakdown {
    double codes = 0;      ///< payload bits per weight
    double scales = 0;     ///< bits per weight spent on scales
    double zeroPoints = 0; ///< … on zero points
    double indices = 0;    ///< … on group indices of reordered columns

    double effective() const { return codes + scales + zeroPoints + indices; }
};

/// A quantized weight as codes on an integer grid: what every method returns and every view, metric and
/// exporter reads. The value of element (r, c) is scale · (code − zeroPoint) of its slice.
struct QuantizedMatrix {
    std::int64_t rows = 0; ///< output channels
    std::int64_t cols = 0; ///< inputs per output
    int bits = 8;
    GridConvention convention = GridConvention::Asymmetric;
    SliceLayout layout;
    bool scaleAsFloat16 = false;
    std::vector<std::int16_t> codes;      ///< [rows, cols], within codeRange(bits, convention)
    std::vector<float> scales;            ///< [layout.slices()], > 0
    std::vector<std::int32_t> zeroPoints; ///< [layout.slices()]
    /// Group of each column when columns were grouped in another order (GPTQ act-order without static
    /// groups); empty = column / groupSize.
    std::vector<std::int32_t> groupOfColumn;

    ScaleZero grid(std::int64_t row, std::int64_t col) const;
    /// float32 [rows, cols].
    Tensor dequantize() const;
    /// Payload, scale, zero-point and index bits per weight. Scales count 16 or 32 bits, zero points `bits`
    /// (0 for symmetric conventions), group indices 32 bits per column. \source methods A 0.5, B0 storage
    /// accounting
    BitsBreakdown bitsBreakdown() const;
    /// Everything that must hold: sizes, code range, positive finite scales, zero points in range.
    /// \error PluginFailure  names what does not hold
    Status validate() const;
};

} // namespace qs
