#include "core/plugin/plugin_host.h"

#include "core/base/random.h"
#include "core/tensor/convert.h"

#include <cmath>
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
    else if (call->findings)
        call->findings->add(severityOf(severity), text, call->name);
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

qs_status statusOf(const Error &error) {
    return error.code == ErrorCode::NotFound          ? QS_NOT_FOUND
           : error.code == ErrorCode::Cancelled       ? QS_CANCELLED
           : error.code == ErrorCode::InvalidArgument ? QS_INVALID_ARGUMENT
                                                      : QS_FAILED;
}

qs_status hostHessian(qs_call *call, const double **matrix) {
    if (!matrix || !call->services)
        return matrix ? QS_NOT_FOUND : QS_INVALID_ARGUMENT;
    auto hessian = call->services->hessian(call->part);
    if (!hessian)
        return statusOf(hessian.error());
    if (hessian->rows != call->cols || hessian->cols != call->cols)
        return QS_FAILED;
    *matrix = hessian->data;
    return QS_OK;
}

qs_status hostFitGrid(qs_call *call, const float *values, std::int64_t count, float *scale,
                      std::int32_t *zeroPoint) {
    if (!values || count < 1 || !scale || !zeroPoint || !call->scheme)
        return QS_INVALID_ARGUMENT;
    const ScaleZero grid =
        fitGrid({values, static_cast<std::size_t>(count)}, call->scheme->grid, call->scheme->scaleAsFloat16);
    *scale = grid.scale;
    *zeroPoint = grid.zeroPoint;
    return QS_OK;
}

qs_status hostInputStatistics(qs_call *call, qs_input_statistics *statistics) {
    if (!statistics || statistics->struct_size < sizeof(qs_input_statistics) || !call->services)
        return statistics && !call->services ? QS_NOT_FOUND : QS_INVALID_ARGUMENT;
    std::scoped_lock lock(call->mutex);
    if (!call->statistics) {
        auto found = call->services->inputStatistics(call->part);
        if (!found)
            return statusOf(found.error());
        if (static_cast<std::int64_t>(found->minimum.size()) != call->cols)
            return QS_FAILED;
        call->statistics = std::move(*found);
    }
    statistics->count = call->cols;
    statistics->minimum = call->statistics->minimum.data();
    statistics->maximum = call->statistics->maximum.data();
    statistics->mean = call->statistics->mean.data();
    statistics->mean_magnitude = call->statistics->meanMagnitude.data();
    return QS_OK;
}

qs_status hostInputs(qs_call *call, qs_inputs *inputs) {
    if (!inputs || inputs->struct_size < sizeof(qs_inputs) || !call->services)
        return inputs && !call->services ? QS_NOT_FOUND : QS_INVALID_ARGUMENT;
    std::scoped_lock lock(call->mutex);
    if (!call->inputs) {
        auto found = call->services->inputs();
        if (!found)
            return statusOf(found.error());
        const Shape &shape = found->values.shape();
        if (shape.rank() != 2 || shape[0] < 1 || shape[1] != call->cols)
            return shape.rank() == 2 && shape[0] < 1 ? QS_NOT_FOUND : QS_FAILED;
        call->inputs = std::move(*found);
    }
    inputs->tokens = call->inputs->values.shape()[0];
    inputs->cols = call->cols;
    inputs->values = call->inputs->values.values<float>().data();
    inputs->quantized = call->inputs->quantized.values<float>().data();
    return QS_OK;
}

qs_status hostKeepOutlier(qs_call *call, std::int64_t row, std::int64_t col, float value) {
    const float stored = float16ToFloat(floatToFloat16(value));
    if (row < 0 || row >= call->rows || col < 0 || col >= call->cols || !std::isfinite(stored))
        return QS_INVALID_ARGUMENT;
    std::scoped_lock lock(call->mutex);
    call->kept.push_back({call->part * call->rows + row, col, stored});
    return QS_OK;
}

qs_status hostQuantize(qs_call *call, const float *weights, std::int64_t rows, std::int64_t cols,
                       float *dequantized) {
    if (!weights || !dequantized || rows < 1 || cols < 1)
        return QS_INVALID_ARGUMENT;
    return call->quantize ? call->quantize({weights, rows, cols}, dequantized) : QS_UNSUPPORTED;
}

qs_status hostKeepQuantized(qs_call *call) {
    return call->keepQuantized ? call->keepQuantized() : QS_UNSUPPORTED;
}

std::uint64_t hostRandomBits(std::uint64_t seed, std::uint64_t index) {
    // SplitMix64 adds this constant per step, so the state after `index` steps is known at once.
    return Random(seed + index * 0x9E3779B97F4A7C15u).next();
}

} // namespace

const qs_host &pluginHost() {
    static const qs_host host = {
        sizeof(qs_host), QS_ABI_MAJOR,      QS_ABI_MINOR,         "quantoscope",   "0.1.0",
        &hostLog,        &hostProgress,     &hostCancelled,       &hostMaxThreads, &hostHessian,
        &hostFitGrid,    &hostRandomBits,   &hostInputStatistics, &hostInputs,     &hostKeepOutlier,
        &hostQuantize,   &hostKeepQuantized};
    return host;
}

} // namespace qs
