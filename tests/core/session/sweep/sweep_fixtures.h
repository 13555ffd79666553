#pragma once

#include "core/session/sweep/run_sweep.h"

#include <atomic>
#include <gtest/gtest.h>

namespace qs {

/// Rounds to nearest under another id, after a look at the request.
class FakeMethod final : public Quantizer {
public:
    using Look = std::function<Status(const QuantizeRequest &)>;
    FakeMethod(std::string id, std::string version, Look look,
               std::function<Support(const QuantizeRequest &)> supports = {})
        : m_look(std::move(look)), m_supports(std::move(supports)) {
        m_info.id = std::move(id);
        m_info.name = "Fake";
        m_info.version = std::move(version);
    }
    const MethodInfo &info() const override { return m_info; }
    const ParameterSchema &schema() const override { return m_rtn->schema(); }
    Support supports(const QuantizeRequest &request) const override {
        return m_supports ? m_supports(request) : Support{};
    }
    Result<QuantizedMatrix> quantize(const QuantizeRequest &request, const RunContext &ctx) const override {
        QS_CHECK_OK(m_look(request));
        return m_rtn->quantize(request, ctx);
    }

private:
    MethodInfo m_info;
    Look m_look;
    std::function<Support(const QuantizeRequest &)> m_supports;
    std::shared_ptr<const Quantizer> m_rtn = makeRtnQuantizer();
};

inline std::shared_ptr<const MethodRegistry>
registryWith(const std::vector<std::shared_ptr<const Quantizer>> &methods) {
    auto registry = std::make_shared<MethodRegistry>();
    EXPECT_TRUE(registry->add(makeRtnQuantizer()));
    for (const auto &method : methods)
        EXPECT_TRUE(registry->add(method));
    return registry;
}

/// Few samples of glyph-cnn.
inline SweepPlan smallPlan(std::vector<std::string> methods, std::vector<int> bits) {
    SweepPlan plan;
    plan.models = {modelFiles(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-cnn.onnx")};
    plan.methods = std::move(methods);
    plan.bits = std::move(bits);
    plan.calibrationSamples = 8;
    plan.evaluationSamples = 16;
    return plan;
}

} // namespace qs
