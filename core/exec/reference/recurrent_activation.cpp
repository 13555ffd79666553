#include "core/exec/reference/recurrent_activation.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace qs {
namespace {

/// A parameter of a function: absent, with a default, or one that must be given.
struct Parameter {
    bool exists = false;
    std::optional<double> fallback;
};
constexpr Parameter kNone{};
constexpr Parameter kGiven{true, std::nullopt};
constexpr Parameter defaultsTo(double value) {
    return {true, value};
}

struct NamedFunction {
    const char *name;
    RecurrentActivation::Function function;
    Parameter alpha = kNone, beta = kNone;
};

// clang-format off
constexpr NamedFunction kFunctions[] = {
    {"Relu", [](double x, double, double) { return std::max(x, 0.0); }},
    {"Tanh", [](double x, double, double) { return std::tanh(x); }},
    {"Sigmoid", [](double x, double, double) { return 1 / (1 + std::exp(-x)); }},
    {"Softsign", [](double x, double, double) { return x / (1 + std::fabs(x)); }},
    {"Softplus", [](double x, double, double) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }},
    {"Affine", [](double x, double alpha, double beta) { return alpha * x + beta; }, kGiven, kGiven},
    {"ScaledTanh", [](double x, double alpha, double beta) { return alpha * std::tanh(beta * x); }, kGiven, kGiven},
    {"LeakyRelu", [](double x, double alpha, double) { return x >= 0 ? x : alpha * x; }, defaultsTo(0.01)},
    {"ThresholdedRelu", [](double x, double alpha, double) { return x > alpha ? x : 0; }, defaultsTo(1)},
    {"Elu", [](double x, double alpha, double) { return x >= 0 ? x : alpha * std::expm1(x); }, defaultsTo(1)},
    {"HardSigmoid", [](double x, double alpha, double beta) { return std::clamp(alpha * x + beta, 0.0, 1.0); },
     defaultsTo(0.2), defaultsTo(0.5)},
};
// clang-format on

/// The next parameter of a list, or the function's default.
Result<double> takeParameter(const Parameter &parameter, const std::vector<double> &given, std::size_t &next,
                             const std::string &function) {
    if (!parameter.exists)
        return 0.0;
    if (next < given.size())
        return given[next++];
    if (!parameter.fallback)
        return fail(ErrorCode::Unsupported,
                    "activation " + function + " without activation_alpha and activation_beta");
    return *parameter.fallback;
}

} // namespace

Result<std::vector<RecurrentActivation>> recurrentActivations(const std::vector<std::string> &names,
                                                              const std::vector<double> &alphas,
                                                              const std::vector<double> &betas) {
    std::vector<RecurrentActivation> result;
    std::size_t nextAlpha = 0, nextBeta = 0;
    for (const std::string &name : names) {
        const auto *found = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                         [&](const NamedFunction &entry) { return name == entry.name; });
        if (found == std::end(kFunctions))
            return fail(ErrorCode::Unsupported, "activation '" + name + "'");
        RecurrentActivation activation{found->function, 0, 0};
        QS_TRY(activation.alpha, takeParameter(found->alpha, alphas, nextAlpha, name));
        QS_TRY(activation.beta, takeParameter(found->beta, betas, nextBeta, name));
        result.push_back(activation);
    }
    if (nextAlpha < alphas.size() || nextBeta < betas.size())
        return fail(ErrorCode::Unsupported, "more activation parameters than the activations have");
    return result;
}

} // namespace qs
