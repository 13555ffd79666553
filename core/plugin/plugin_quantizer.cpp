#include "core/plugin/plugin_quantizer.h"

#include "core/plugin/plugin_host.h"
#include "core/tensor/convert.h"

#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <sstream>

namespace qs {
namespace {

static_assert(QS_ASYMMETRIC == static_cast<int>(GridConvention::Asymmetric) &&
              QS_SYMMETRIC_OFFSET == static_cast<int>(GridConvention::SymmetricOffset) &&
              QS_SYMMETRIC_RESTRICTED == static_cast<int>(GridConvention::SymmetricRestricted) &&
              QS_SYMMETRIC_FULL == static_cast<int>(GridConvention::SymmetricFull));
static_assert(QS_PER_TENSOR == static_cast<int>(Granularity::PerTensor) &&
              QS_PER_CHANNEL == static_cast<int>(Granularity::PerChannel) &&
              QS_PER_GROUP == static_cast<int>(Granularity::PerGroup));
static_assert(QS_ROUND_HALF_EVEN == static_cast<int>(RoundingMode::HalfEven) &&
              QS_ROUND_HALF_AWAY == static_cast<int>(RoundingMode::HalfAway) &&
              QS_ROUND_FLOOR == static_cast<int>(RoundingMode::Floor));
static_assert(QS_REFERENCE_CHECKED == static_cast<int>(MethodStatus::ReferenceChecked) &&
              QS_PAPER_FORMULA == static_cast<int>(MethodStatus::PaperFormula) &&
              QS_EXPERIMENTAL == static_cast<int>(MethodStatus::Experimental));

constexpr std::size_t kMessageSize = 1024;

/// QS_CANCELLED is not listed: a method that stops although nobody asked it to has failed.
ErrorCode errorCodeOf(qs_status status) {
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

std::vector<std::string> splitTags(const char *tags) {
    std::vector<std::string> list;
    std::istringstream stream(tags);
    for (std::string tag; std::getline(stream, tag, ',');)
        list.push_back(tag);
    return list;
}

SliceLayout layoutOf(const QuantizeRequest &request) {
    return {request.scheme.granularity, request.weights.rows, request.weights.cols,
            request.scheme.granularity == Granularity::PerGroup ? request.scheme.groupSize : 0};
}

/// What no method can take, whoever wrote it; empty = fine.
std::string impossible(const QuantizeRequest &request) {
    const WeightGridScheme &scheme = request.scheme;
    if (request.weights.rows < 1 || request.weights.cols < 1)
        return "the weight is empty";
    if (scheme.grid.bits < 2 || scheme.grid.bits > 15)
        return fmt::format("needs 2 to 15 bits; got {}", scheme.grid.bits);
    if (scheme.granularity == Granularity::PerGroup && scheme.groupSize < 1)
        return fmt::format("needs a group size of at least 1; got {}", scheme.groupSize);
    if (request.groups < 1 || request.weights.rows % request.groups != 0)
        return fmt::format("{} rows do not divide into {} convolution groups", request.weights.rows,
                           request.groups);
    if (request.groups > 1 && scheme.granularity == Granularity::PerTensor)
        return "a convolution with groups is quantized group by group and cannot share one scale; choose "
               "per-channel";
    return {};
}

qs_quantize_request tableRequest(const QuantizeRequest &request, const std::string &parameters, qs_call *call,
                                 std::int64_t part) {
    const std::int64_t rows = request.weights.rows / request.groups;
    const CodeRange range = codeRange(request.scheme.grid.bits, request.scheme.grid.convention);
    qs_quantize_request table{};
    table.struct_size = sizeof table;
    table.bits = request.scheme.grid.bits;
    table.call = call;
    table.layer_name = request.layerName.c_str();
    table.weights =
        request.weights.data ? request.weights.data + part * rows * request.weights.cols : nullptr;
    table.rows = rows;
    table.cols = request.weights.cols;
    table.lowest_code = range.lowest;
    table.highest_code = range.highest;
    table.convention = static_cast<std::int32_t>(request.scheme.grid.convention);
    table.granularity = static_cast<std::int32_t>(request.scheme.granularity);
    table.group_size = request.scheme.groupSize;
    table.groups_per_row = layoutOf(request).groupsPerRow();
    table.rounding = static_cast<std::int32_t>(request.scheme.grid.rounding);
    table.scale_as_float16 = request.scheme.scaleAsFloat16 ? 1 : 0;
    table.part = part;
    table.parts = request.groups;
    table.parameters = parameters.c_str();
    table.seed = request.seed;
    return table;
}

Status checkFinite(const QuantizeRequest &request) {
    for (std::int64_t row = 0; row < request.weights.rows; ++row)
        for (std::int64_t col = 0; col < request.weights.cols; ++col)
            if (!std::isfinite(request.weights(row, col)))
                return fail(
                    ErrorCode::InvalidArgument,
                    fmt::format("weight [row {}, column {}] is {}; repair the model before quantizing it",
                                row, col, request.weights(row, col)),
                    request.layerName);
    return {};
}

/// Buffers preset so that what the plugin forgot to write does not pass validate().
QuantizedMatrix unfilledMatrix(const QuantizeRequest &request) {
    QuantizedMatrix matrix;
    matrix.rows = request.weights.rows;
    matrix.cols = request.weights.cols;
    matrix.bits = request.scheme.grid.bits;
    matrix.convention = request.scheme.grid.convention;
    matrix.layout = layoutOf(request);
    matrix.scaleAsFloat16 = request.scheme.scaleAsFloat16;
    matrix.codes.assign(static_cast<std::size_t>(matrix.rows * matrix.cols),
                        std::numeric_limits<std::int16_t>::min());
    matrix.scales.assign(static_cast<std::size_t>(matrix.layout.slices()),
                         std::numeric_limits<float>::quiet_NaN());
    matrix.zeroPoints.assign(matrix.scales.size(), std::numeric_limits<std::int32_t>::min());
    return matrix;
}

std::vector<std::int32_t> consecutiveGroups(const SliceLayout &layout) {
    std::vector<std::int32_t> groups(static_cast<std::size_t>(layout.cols), 0);
    if (layout.granularity == Granularity::PerGroup)
        for (std::int64_t col = 0; col < layout.cols; ++col)
            groups[static_cast<std::size_t>(col)] = static_cast<std::int32_t>(col / layout.groupSize);
    return groups;
}

/// Where the plugin writes the codes, scales and zero points of one part.
struct PartBuffers {
    qs_quantize_result result{};
    std::vector<std::int32_t> groupOfColumn;
    std::array<char, kMessageSize> message{};

    PartBuffers(QuantizedMatrix &matrix, std::int64_t part, std::int64_t parts)
        : groupOfColumn(consecutiveGroups(matrix.layout)) {
        const std::int64_t rows = matrix.rows / parts;
        const std::int64_t slices = matrix.layout.slices() / parts;
        result.struct_size = sizeof result;
        result.message_size = kMessageSize;
        result.codes = matrix.codes.data() + part * rows * matrix.cols;
        result.scales = matrix.scales.data() + part * slices;
        result.zero_points = matrix.zeroPoints.data() + part * slices;
        result.group_of_column = groupOfColumn.data();
        result.message = message.data();
    }
};

Status adoptGroups(std::vector<std::int32_t> groups, std::int64_t part, QuantizedMatrix &matrix) {
    const bool consecutive = groups == consecutiveGroups(matrix.layout);
    const bool sameAsBefore =
        part == 0 || (consecutive ? matrix.groupOfColumn.empty() : groups == matrix.groupOfColumn);
    if (!sameAsBefore)
        return fail(ErrorCode::Unsupported,
                    "the method ordered the columns of each convolution group differently, "
                    "which cannot be stored; choose an option that keeps the order");
    if (!consecutive)
        matrix.groupOfColumn = std::move(groups);
    return {};
}

Status checkFloat16Scales(const QuantizedMatrix &matrix) {
    for (float scale : matrix.scales)
        if (matrix.scaleAsFloat16 && float16ToFloat(floatToFloat16(scale)) != scale)
            return fail(ErrorCode::PluginFailure, fmt::format("scale {} is not a float16 value", scale));
    return {};
}

} // namespace

Result<std::shared_ptr<const Quantizer>> PluginQuantizer::make(std::shared_ptr<const PluginLibrary> library,
                                                               const qs_quantizer *table) {
    auto schema = ParameterSchema::parse(table->parameters);
    if (!schema)
        return fail(ErrorCode::PluginFailure,
                    fmt::format("method '{}': {}", table->id, schema.error().text()));
    std::shared_ptr<PluginQuantizer> quantizer(new PluginQuantizer);
    quantizer->m_info = {table->id,
                         table->name,
                         table->summary,
                         table->paper,
                         splitTags(table->tags),
                         library->entry().version,
                         library->file().string(),
                         table->status >= QS_REFERENCE_CHECKED && table->status <= QS_EXPERIMENTAL
                             ? static_cast<MethodStatus>(table->status)
                             : MethodStatus::Experimental,
                         (table->needs & QS_NEEDS_HESSIAN) != 0};
    quantizer->m_schema = std::move(*schema);
    quantizer->m_library = std::move(library);
    quantizer->m_table = table;
    return quantizer;
}

Support PluginQuantizer::supports(const QuantizeRequest &request) const {
    if (std::string reason = impossible(request); !reason.empty())
        return {false, reason};
    auto parameters = m_schema.complete(request.parameters);
    if (!parameters)
        return {false, parameters.error().message};
    const std::string text = parameters->dump();
    const qs_quantize_request table = tableRequest(request, text, nullptr, 0);
    std::array<char, kMessageSize> reason{};
    try {
        if (m_table->supports(&table, reason.data(), reason.size()) != 0)
            return {};
    } catch (...) {
        return {false, "the plugin threw an exception when asked"};
    }
    reason.back() = '\0';
    return {false, reason.front() ? reason.data() : "the plugin refuses and gives no reason"};
}

Result<QuantizedMatrix> PluginQuantizer::quantize(const QuantizeRequest &request,
                                                  const RunContext &ctx) const {
    if (const Support support = supports(request); !support.yes)
        return fail(ErrorCode::InvalidArgument, fmt::format("{}: {}", m_info.name, support.reason),
                    request.layerName);
    if (!request.weights.data)
        return fail(ErrorCode::InvalidArgument, "there are no weights", request.layerName);
    QS_CHECK_OK(checkFinite(request));
    QS_TRY(const nlohmann::json parameters, m_schema.complete(request.parameters));
    const std::string text = parameters.dump();

    QuantizedMatrix matrix = unfilledMatrix(request);
    for (std::int64_t part = 0; part < request.groups; ++part) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        if (auto status = quantizePart(request, text, part, matrix, ctx); !status)
            return fail(std::move(status).error().withContext(request.layerName));
    }
    Status valid = matrix.validate();
    if (valid)
        valid = checkFloat16Scales(matrix);
    if (!valid)
        return fail(ErrorCode::PluginFailure,
                    fmt::format("method '{}' returned a broken result: {}", m_info.id, valid.error().message),
                    request.layerName);
    return matrix;
}

Status PluginQuantizer::quantizePart(const QuantizeRequest &request, const std::string &parameters,
                                     std::int64_t part, QuantizedMatrix &matrix,
                                     const RunContext &ctx) const {
    qs_call call{request, ctx, part, request.groups};
    const qs_quantize_request table = tableRequest(request, parameters, &call, part);
    PartBuffers buffers(matrix, part, request.groups);
    qs_status status = QS_FAILED;
    try {
        status = m_table->quantize(&table, &pluginHost(), &buffers.result);
    } catch (...) {
        return fail(ErrorCode::PluginFailure, fmt::format("method '{}' threw an exception", m_info.id));
    }
    if (ctx.cancelled())
        return RunContext::cancelledError();
    if (status != QS_OK) {
        buffers.message.back() = '\0';
        const std::string_view message = buffers.message.data();
        return fail(errorCodeOf(status),
                    message.empty() ? fmt::format("method '{}' failed with status {}", m_info.id, status)
                                    : fmt::format("{}: {}", m_info.name, message));
    }
    return adoptGroups(std::move(buffers.groupOfColumn), part, matrix);
}

} // namespace qs
