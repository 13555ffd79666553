#pragma once

#include "core/plugin/plugin_library.h"
#include "core/quant/branch_method.h"

namespace qs {

/// A branch method of a plugin. Checks what goes in and what comes out; rounds the factors to float16.
class PluginBranch final : public BranchMethod {
public:
    /// \param table  one of library->branches()
    /// \error PluginFailure  the parameter schema is not valid
    static Result<std::shared_ptr<const BranchMethod>> make(std::shared_ptr<const PluginLibrary> library,
                                                            const qs_branch *table);

    const MethodInfo &info() const override { return m_info; }
    const ParameterSchema &schema() const override { return m_schema; }
    Support supports(const BranchRequest &request) const override;
    Result<QuantizedMatrix> decompose(const BranchRequest &request, const RunContext &ctx) const override;

private:
    PluginBranch() = default;
    std::shared_ptr<const PluginLibrary> m_library;
    const qs_branch *m_table = nullptr;
    MethodInfo m_info;
    ParameterSchema m_schema;
};

} // namespace qs
