#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// RSQ after its rotation: GPTQ with a Hessian in which important tokens count more.
/// \source Sung et al. 2025, arXiv:2503.01820; methods A, A12
struct Rsq : QuantizerMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void tokenWeighting(const char *parameters, qs_token_weighting &weighting);
    static void quantize(const PluginCall &call);
};

} // namespace qs
