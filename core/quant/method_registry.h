#pragma once

#include "core/quant/branch_method.h"
#include "core/quant/transform_method.h"

namespace qs {

/// All methods of this program run: built in and from plugins. Filled at start, then only read.
class MethodRegistry {
public:
    /// \error InvalidArgument  the id is taken by a method of any kind; names both origins
    Status add(std::shared_ptr<const Quantizer> quantizer);
    Status add(std::shared_ptr<const BranchMethod> branch);
    Status add(std::shared_ptr<const TransformMethod> transform);

    /// nullptr when there is none of that kind.
    std::shared_ptr<const Quantizer> find(std::string_view id) const;
    std::shared_ptr<const BranchMethod> findBranch(std::string_view id) const;
    std::shared_ptr<const TransformMethod> findTransform(std::string_view id) const;
    /// Of any kind; nullptr when there is none.
    const MethodInfo *info(std::string_view id) const;
    const ParameterSchema *schema(std::string_view id) const;

    const std::vector<std::shared_ptr<const Quantizer>> &all() const { return m_quantizers; }
    const std::vector<std::shared_ptr<const BranchMethod>> &branches() const { return m_branches; }
    const std::vector<std::shared_ptr<const TransformMethod>> &transforms() const { return m_transforms; }
    /// Of every kind, in the order of a chain: transforms, quantizers, branches.
    std::vector<const MethodInfo *> infos() const;

private:
    Status checkFree(const MethodInfo &info) const;
    std::vector<std::shared_ptr<const Quantizer>> m_quantizers;
    std::vector<std::shared_ptr<const BranchMethod>> m_branches;
    std::vector<std::shared_ptr<const TransformMethod>> m_transforms;
};

} // namespace qs
