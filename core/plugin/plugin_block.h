#pragma once

#include "core/plugin/plugin_library.h"
#include "core/quant/block_method.h"

namespace qs {

/// A block method of a plugin. Fits grids and rounds to nearest before it asks the plugin, checks what comes
/// back, and stops exceptions.
class PluginBlock final : public BlockMethod {
public:
    /// \param table  one of library->blocks()
    /// \error PluginFailure  the parameter schema is not valid
    static Result<std::shared_ptr<const Quantizer>> make(std::shared_ptr<const PluginLibrary> library,
                                                         const qs_block_method *table);

    const MethodInfo &info() const override { return m_info; }
    const ParameterSchema &schema() const override { return m_schema; }
    Support supports(const QuantizeRequest &request) const override;
    /// The layer alone, with the loss of its Hessian.
    Result<QuantizedMatrix> quantize(const QuantizeRequest &request, const RunContext &ctx) const override;
    BlockPlan plan(const nlohmann::json &parameters) const override;
    Result<BlockResult> reconstruct(const BlockRequest &request, const RunContext &ctx) const override;

private:
    PluginBlock() = default;

    std::shared_ptr<const PluginLibrary> m_library;
    const qs_block_method *m_table = nullptr;
    MethodInfo m_info;
    ParameterSchema m_schema;
};

} // namespace qs
