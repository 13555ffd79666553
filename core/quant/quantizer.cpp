#include "core/quant/quantizer.h"

#include <fmt/format.h>

namespace qs {

std::string_view methodStatusName(MethodStatus status) {
    switch (status) {
    case MethodStatus::ReferenceChecked:
        return "reference-checked";
    case MethodStatus::PaperFormula:
        return "paper formula";
    case MethodStatus::Experimental:
        return "experimental";
    }
    return "experimental";
}

double plannedWeightBits(const WeightGridScheme &scheme, std::int64_t rows, std::int64_t cols) {
    const SliceLayout layout{scheme.granularity, rows, cols, scheme.groupSize};
    const double scaleBits = scheme.scaleAsFloat16 ? 16 : 32;
    const double zeroBits = scheme.grid.convention == GridConvention::Asymmetric ? scheme.grid.bits : 0;
    const bool noGroups = scheme.granularity == Granularity::PerGroup && scheme.groupSize <= 0;
    const double slices = noGroups ? 0 : static_cast<double>(layout.slices());
    return scheme.grid.bits +
           slices * (scaleBits + zeroBits) / (static_cast<double>(rows) * static_cast<double>(cols));
}

std::string_view methodKindName(MethodKind kind) {
    switch (kind) {
    case MethodKind::Quantizer:
        return "quantizer";
    case MethodKind::Branch:
        return "branch";
    case MethodKind::Transform:
        return "transform";
    case MethodKind::Block:
        return "block";
    }
    return "quantizer";
}

Result<InputStatistics> LayerServices::inputStatistics(std::int64_t) {
    return fail(ErrorCode::NotFound, "there are no statistics of the inputs");
}

Result<LayerInputs> LayerServices::inputs() {
    return fail(ErrorCode::NotFound, "there are no inputs");
}

} // namespace qs
