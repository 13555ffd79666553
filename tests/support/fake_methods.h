#pragma once

#include "core/quant/method_registry.h"

namespace qs {

/// A branch that splits nothing off. For tests of what deals with methods of every kind.
class FakeBranch final : public BranchMethod {
public:
    explicit FakeBranch(std::string id) {
        m_info.kind = MethodKind::Branch;
        m_info.id = m_info.name = std::move(id);
        m_info.version = "1";
    }
    const MethodInfo &info() const override { return m_info; }
    const ParameterSchema &schema() const override { return m_schema; }
    Support supports(const BranchRequest &) const override { return {}; }
    Result<QuantizedMatrix> decompose(const BranchRequest &request, const RunContext &) const override {
        return request.quantize(request.weights);
    }

private:
    MethodInfo m_info;
    ParameterSchema m_schema;
};

/// A transform that changes nothing.
class FakeTransform final : public TransformMethod {
public:
    explicit FakeTransform(std::string id) {
        m_info.kind = MethodKind::Transform;
        m_info.id = m_info.name = std::move(id);
        m_info.version = "1";
    }
    const MethodInfo &info() const override { return m_info; }
    const ParameterSchema &schema() const override { return m_schema; }
    TransformKinds kinds() const override { return {}; }
    Support supports(const TransformRequest &) const override { return {}; }
    Result<SiteChange> transform(const TransformRequest &, const RunContext &) const override {
        return SiteChange{};
    }

private:
    MethodInfo m_info;
    ParameterSchema m_schema;
};

} // namespace qs
