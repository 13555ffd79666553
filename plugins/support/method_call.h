#pragma once

#include "plugins/support/slices.h"
#include "plugins/support/solver_services.h"

#include "core/base/result.h"
#include "core/tensor/matrix_view.h"

#include <nlohmann/json.hpp>
#include <quantoscope/plugin.hpp>

namespace qs {

/// From a request of the host to what solvers take: the same for the methods of several plugins.

/// \param method  named in front of what it has to say
template <typename Call>
SolverServices servicesOf(const Call &call, const char *method) {
    SolverServices services;
    if constexpr (requires(std::span<const float> values) { call.fitGrid(values.data(), std::int64_t{}); })
        services.fitGrid = [&call](std::span<const float> values) {
            const PluginGrid grid = call.fitGrid(values.data(), static_cast<std::int64_t>(values.size()));
            return ScaleZero{grid.scale, grid.zeroPoint};
        };
    services.cancelled = [&call] { return call.cancelled(); };
    services.progress = [&call](std::int64_t done, std::int64_t total, const char *stage) {
        call.progress(done, total, stage);
    };
    services.warn = [&call, method](const std::string &text) {
        call.log(QS_LOG_WARNING, std::string(method) + ": " + text);
    };
    services.maxThreads = call.maxThreads();
    return services;
}

/// Ends the call with the error of a solver, if there is one.
template <typename T, typename Call>
T valueOrThrow(const Call &call, Result<T> result) {
    call.throwIfCancelled();
    if (!result)
        throw PluginError(QS_INVALID_ARGUMENT, result.error().message);
    return std::move(*result);
}

/// As the host completed them by the method's schema.
template <typename Request>
nlohmann::json parametersOf(const Request &request) {
    return nlohmann::json::parse(request.parameters);
}

template <typename Call>
MatrixView<const float> weightsOf(const Call &call) {
    return {call.request().weights, call.request().rows, call.request().cols};
}

template <typename Call>
MatrixView<const double> hessianOf(const Call &call) {
    return {call.hessian(), call.request().cols, call.request().cols};
}

inline Slices slicesOf(const qs_quantize_request &request) {
    return {request.rows, request.cols,
            request.granularity == QS_PER_TENSOR    ? 0
            : request.granularity == QS_PER_CHANNEL ? request.cols
                                                    : request.group_size};
}

/// \param convention  QS_ASYMMETRIC, QS_SYMMETRIC_...
inline GridConvention conventionOf(std::int32_t convention) {
    return static_cast<GridConvention>(convention);
}

inline RoundingMode roundingOf(const qs_quantize_request &request) {
    return request.rounding == QS_ROUND_HALF_AWAY ? RoundingMode::HalfAway
           : request.rounding == QS_ROUND_FLOOR   ? RoundingMode::Floor
                                                  : RoundingMode::HalfEven;
}

/// Reason why a codebook of 2^bits levels does not fit the request; empty = it does.
inline std::string refuseMissingCodes(const qs_quantize_request &request) {
    if (request.highest_code - request.lowest_code + 1 == 1 << request.bits)
        return {};
    return "the restricted symmetric convention (s2) leaves out a code that the codebook needs; choose "
           "another";
}

} // namespace qs
