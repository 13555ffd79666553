#pragma once

#include "core/plugin/plugin_library.h"
#include "core/quant/quantizer.h"

namespace qs {

/// A method of a plugin as a Quantizer: nobody behind this interface can tell it from a built-in one.
/// Checks what goes in (finite weights, parameters) and what comes out (QuantizedMatrix::validate), splits
/// convolutions with groups into one call per group, and stops exceptions.
class PluginQuantizer final : public Quantizer {
public:
    /// \param table  one of library->quantizers()
    /// \error PluginFailure  the parameter schema is not valid
    static Result<std::shared_ptr<const Quantizer>> make(std::shared_ptr<const PluginLibrary> library,
                                                         const qs_quantizer *table);

    const MethodInfo &info() const override { return m_info; }
    const ParameterSchema &schema() const override { return m_schema; }
    Support supports(const QuantizeRequest &request) const override;
    TokenWeighting tokenWeighting(const nlohmann::json &parameters) const override;
    Result<QuantizedMatrix> quantize(const QuantizeRequest &request, const RunContext &ctx) const override;

private:
    PluginQuantizer() = default;
    Status quantizePart(const QuantizeRequest &request, const std::string &parameters, std::int64_t part,
                        QuantizedMatrix &matrix, const RunContext &ctx) const;

    std::shared_ptr<const PluginLibrary> m_library;
    const qs_quantizer *m_table = nullptr;
    std::uint32_t m_stores = 0; ///< QS_STORES_...
    MethodInfo m_info;
    ParameterSchema m_schema;
};

} // namespace qs
