#pragma once

#include "core/quant/quantizer.h"

namespace qs {

/// Takes one scheme, as a format does, for rows of whole blocks.
class OneFormat final : public Quantizer {
public:
    OneFormat() { m_info.id = "format"; }
    const MethodInfo &info() const override { return m_info; }
    const ParameterSchema &schema() const override { return m_schema; }
    Support supports(const QuantizeRequest &request) const override {
        const WeightGridScheme &scheme = request.scheme;
        return {scheme.grid.bits == 4 && scheme.granularity == Granularity::PerGroup &&
                    scheme.groupSize == 32 && scheme.grid.convention == GridConvention::Asymmetric &&
                    !scheme.scaleAsFloat16 && request.weights.cols % 32 == 0,
                "another format"};
    }
    Result<QuantizedMatrix> quantize(const QuantizeRequest &, const RunContext &) const override {
        return fail(ErrorCode::Unsupported, "only asked");
    }

private:
    MethodInfo m_info;
    ParameterSchema m_schema;
};

} // namespace qs
