#include "core/plugin/plugin_method.h"

#include "core/tensor/convert.h"

#include <cmath>
#include <sstream>

namespace qs {

static_assert(QS_REFERENCE_CHECKED == static_cast<int>(MethodStatus::ReferenceChecked) &&
              QS_PAPER_FORMULA == static_cast<int>(MethodStatus::PaperFormula) &&
              QS_EXPERIMENTAL == static_cast<int>(MethodStatus::Experimental));

ErrorCode pluginErrorCode(qs_status status) {
    switch (status) {
    case QS_INVALID_ARGUMENT:
        return ErrorCode::InvalidArgument;
    case QS_UNSUPPORTED:
        return ErrorCode::Unsupported;
    case QS_NOT_FOUND:
        return ErrorCode::NotFound;
    case QS_OUT_OF_MEMORY:
        return ErrorCode::OutOfMemory;
    default:
        return ErrorCode::PluginFailure;
    }
}

MethodStatus pluginMethodStatus(std::int32_t status) {
    return status >= QS_REFERENCE_CHECKED && status <= QS_EXPERIMENTAL ? static_cast<MethodStatus>(status)
                                                                       : MethodStatus::Experimental;
}

std::vector<std::string> splitTags(const char *tags) {
    std::vector<std::string> list;
    std::istringstream stream(tags);
    for (std::string tag; std::getline(stream, tag, ',');)
        list.push_back(tag);
    return list;
}

Status pluginOutcome(qs_status status, const char *message, const MethodInfo &info, const RunContext &ctx) {
    if (ctx.cancelled())
        return RunContext::cancelledError();
    if (status == QS_OK)
        return {};
    return fail(pluginErrorCode(status),
                *message ? fmt::format("{}: {}", info.name, message)
                         : fmt::format("method '{}' failed with status {}", info.id, status));
}

Status checkFinite(MatrixView<const float> weights, const std::string &layer) {
    for (std::int64_t row = 0; row < weights.rows; ++row)
        for (std::int64_t col = 0; col < weights.cols; ++col)
            if (!std::isfinite(weights(row, col)))
                return fail(
                    ErrorCode::InvalidArgument,
                    fmt::format("weight [row {}, column {}] is {}; repair the model before quantizing it",
                                row, col, weights(row, col)),
                    layer);
    return {};
}

Status checkReturned(const QuantizedMatrix &matrix) {
    QS_CHECK_OK(matrix.validate());
    for (float scale : matrix.scales)
        if (matrix.scaleAsFloat16 && float16ToFloat(floatToFloat16(scale)) != scale)
            return fail(ErrorCode::PluginFailure, fmt::format("scale {} is not a float16 value", scale));
    return {};
}

} // namespace qs
