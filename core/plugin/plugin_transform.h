#pragma once

#include "core/plugin/plugin_library.h"
#include "core/quant/transform_method.h"

namespace qs {

/// A transform of a plugin. Checks what comes out: scales positive, everything finite.
class PluginTransform final : public TransformMethod {
public:
    /// \param table  one of library->transforms()
    /// \error PluginFailure  the parameter schema is not valid
    static Result<std::shared_ptr<const TransformMethod>> make(std::shared_ptr<const PluginLibrary> library,
                                                               const qs_transform *table);

    const MethodInfo &info() const override { return m_info; }
    const ParameterSchema &schema() const override { return m_schema; }
    TransformKinds kinds() const override;
    Support supports(const TransformRequest &request) const override;
    Result<SiteChange> transform(const TransformRequest &request, const RunContext &ctx) const override;

private:
    PluginTransform() = default;
    std::shared_ptr<const PluginLibrary> m_library;
    const qs_transform *m_table = nullptr;
    MethodInfo m_info;
    ParameterSchema m_schema;
};

} // namespace qs
