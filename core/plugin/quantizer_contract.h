#pragma once

#include "core/quant/quantizer.h"

namespace qs {

/// What came out of trying a method against the contract of Quantizer.
struct ContractReport {
    int checks = 0;                  ///< promises that were tried
    std::vector<std::string> broken; ///< one sentence per broken promise
};

/// Tries a method on small random weights with a random Hessian: its description, sizes, code ranges,
/// refusals with reasons, determinism over threads, nearness of 8-bit results, NaN and Inf, empty rows,
/// missing calibration and cancellation. Takes about a second.
ContractReport checkQuantizerContract(const Quantizer &quantizer);

} // namespace qs
