#pragma once

#include "core/base/result.h"

#include <string>
#include <vector>

namespace qs {

/// An activation function inside a recurrent cell.
struct RecurrentActivation {
    using Function = double (*)(double x, double alpha, double beta);
    Function function = nullptr;
    double alpha = 0, beta = 0;

    double operator()(double x) const { return function(x, alpha, beta); }
};

/// The functions that a node names, in order. Parameters are handed out in the same order, to those functions
/// that have them; the rest have the defaults of the operators of the same names.
/// \error Unsupported  no such function, or one without its parameters that has no defaults
Result<std::vector<RecurrentActivation>> recurrentActivations(const std::vector<std::string> &names,
                                                              const std::vector<double> &alphas,
                                                              const std::vector<double> &betas);

} // namespace qs
