#include "core/quant/quantizer.h"

#include <algorithm>
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

Status QuantizerRegistry::add(std::shared_ptr<const Quantizer> quantizer) {
    const MethodInfo &info = quantizer->info();
    if (const auto taken = find(info.id))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("method '{}' of {} was already given by {}; remove one of them", info.id,
                                info.origin, taken->info().origin));
    m_quantizers.push_back(std::move(quantizer));
    return {};
}

std::shared_ptr<const Quantizer> QuantizerRegistry::find(std::string_view id) const {
    auto found = std::find_if(m_quantizers.begin(), m_quantizers.end(),
                              [&](const auto &quantizer) { return quantizer->info().id == id; });
    return found == m_quantizers.end() ? nullptr : *found;
}

} // namespace qs
