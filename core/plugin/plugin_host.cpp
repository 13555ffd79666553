#include "core/plugin/plugin_host.h"

#include "core/base/random.h"

#include <cstdio>
#include <fmt/format.h>
#include <thread>

namespace qs {
namespace {

/// From this many values on, a range search takes long enough to be worth threads and a look at Cancel.
constexpr std::int64_t kLongSlice = 65536;

Severity severityOf(std::int32_t level) {
    return level == QS_LOG_ERROR     ? Severity::Error
           : level == QS_LOG_WARNING ? Severity::Warning
                                     : Severity::Info;
}

void hostLog(qs_call *call, std::int32_t severity, const char *text) {
    if (!text)
        return;
    if (!call)
        std::fprintf(stderr, "plugin: %s\n", text);
    else if (call->request.findings)
        call->request.findings->add(severityOf(severity), text, call->request.layerName);
}

void hostProgress(qs_call *call, std::int64_t done, std::int64_t total, const char *stage) {
    // A layer of several parts is one job for the user.
    call->ctx.step(call->part * total + done, call->parts * total, stage ? stage : "");
}

std::int32_t hostCancelled(const qs_call *call) {
    return call->ctx.cancelled() ? 1 : 0;
}

std::int32_t hostMaxThreads(const qs_call *call) {
    if (call->ctx.maxThreads > 0)
        return call->ctx.maxThreads;
    return static_cast<std::int32_t>(std::max(1u, std::thread::hardware_concurrency()));
}

qs_status hostHessian(qs_call *call, const double **matrix) {
    if (!matrix || !call->request.services)
        return matrix ? QS_NOT_FOUND : QS_INVALID_ARGUMENT;
    auto hessian = call->request.services->hessian(call->part);
    if (!hessian)
        return hessian.error().code == ErrorCode::NotFound    ? QS_NOT_FOUND
               : hessian.error().code == ErrorCode::Cancelled ? QS_CANCELLED
                                                              : QS_FAILED;
    if (hessian->rows != call->request.weights.cols || hessian->cols != call->request.weights.cols)
        return QS_FAILED;
    *matrix = hessian->data;
    return QS_OK;
}

qs_status hostFitGrid(qs_call *call, const float *values, std::int64_t count, float *scale,
                      std::int32_t *zeroPoint) {
    if (!values || count < 1 || !scale || !zeroPoint)
        return QS_INVALID_ARGUMENT;
    const WeightGridScheme &scheme = call->request.scheme;
    const ScaleZero grid =
        fitGrid({values, static_cast<std::size_t>(count)}, scheme.grid, scheme.scaleAsFloat16);
    *scale = grid.scale;
    *zeroPoint = grid.zeroPoint;
    return QS_OK;
}

std::uint64_t hostRandomBits(std::uint64_t seed, std::uint64_t index) {
    // SplitMix64 adds this constant per step, so the state after `index` steps is known at once.
    return Random(seed + index * 0x9E3779B97F4A7C15u).next();
}

} // namespace

const qs_host &pluginHost() {
    static const qs_host host = {sizeof(qs_host), QS_ABI_MAJOR, QS_ABI_MINOR,  "quantoscope",
                                 "0.1.0",         &hostLog,     &hostProgress, &hostCancelled,
                                 &hostMaxThreads, &hostHessian, &hostFitGrid,  &hostRandomBits};
    return host;
}

} // namespace qs
