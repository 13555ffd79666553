#include "core/plugin/plugin_quantizer.h"

#include "core/plugin/plugin_method.h"

#include <algorithm>
#include <cmath>
#include <limits>

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
static_assert(QS_TOKENS_EQUAL == static_cast<int>(TokenImportance::Equal) &&
              QS_TOKENS_ATTENTION == static_cast<int>(TokenImportance::Attention) &&
              QS_TOKENS_NORM == static_cast<int>(TokenImportance::Norm) &&
              QS_TOKENS_FIRST == static_cast<int>(TokenImportance::First));

SliceLayout layoutOf(const QuantizeRequest &request) {
    return {request.scheme.granularity, request.weights.rows, request.weights.cols,
            request.scheme.granularity == Granularity::PerGroup ? request.scheme.groupSize : 0};
}

/// What no method can take, whoever wrote it; empty = fine. One bit is for methods with levels of their own
/// that say that they are made for it.
std::string impossible(const QuantizeRequest &request, bool isBinary) {
    const WeightGridScheme &scheme = request.scheme;
    if (request.weights.rows < 1 || request.weights.cols < 1)
        return "the weight is empty";
    const int fewest = isBinary ? 1 : 2;
    if (scheme.grid.bits < fewest || scheme.grid.bits > 15)
        return fmt::format("needs {} to 15 bits; got {}", fewest, scheme.grid.bits);
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

/// The buffers that this method asked for, preset like the others.
void addExtras(QuantizedMatrix &matrix, std::uint32_t stores) {
    const float unwritten = std::numeric_limits<float>::quiet_NaN();
    const std::size_t slices = matrix.scales.size(), count = std::size_t{1} << matrix.bits;
    if (stores & QS_STORES_REAL_ZERO_POINTS)
        matrix.realZeroPoints.assign(slices, unwritten);
    if (stores & (QS_STORES_LEVELS | QS_STORES_SLICE_LEVELS))
        matrix.levels.assign(stores & QS_STORES_SLICE_LEVELS ? slices * count : count, unwritten);
    if (!matrix.realZeroPoints.empty() || !matrix.levels.empty())
        matrix.zeroPoints.assign(slices, codeRange(matrix.bits, matrix.convention).lowest);
}

std::vector<std::int32_t> consecutiveGroups(const SliceLayout &layout) {
    std::vector<std::int32_t> groups(static_cast<std::size_t>(layout.cols), 0);
    if (layout.granularity == Granularity::PerGroup)
        for (std::int64_t col = 0; col < layout.cols; ++col)
            groups[static_cast<std::size_t>(col)] = static_cast<std::int32_t>(col / layout.groupSize);
    return groups;
}

SliceStorage plainSliceStorage(const QuantizedMatrix &matrix) {
    const BitsBreakdown bits = matrix.bitsBreakdown();
    const double perSlice =
        static_cast<double>(matrix.rows * matrix.cols) / static_cast<double>(matrix.layout.slices());
    return {std::round(bits.scales * perSlice), std::round(bits.zeroPoints * perSlice)};
}

/// Where the plugin writes the codes, scales and zero points of one part.
struct PartBuffers {
    qs_quantize_result result{};
    std::vector<std::int32_t> groupOfColumn;
    std::array<char, kPluginMessageSize> message{};
    SliceStorage plainStorage;

    PartBuffers(QuantizedMatrix &matrix, std::int64_t part, std::int64_t parts)
        : groupOfColumn(consecutiveGroups(matrix.layout)), plainStorage(plainSliceStorage(matrix)) {
        const std::int64_t rows = matrix.rows / parts;
        const std::int64_t slices = matrix.layout.slices() / parts;
        result.struct_size = sizeof result;
        result.message_size = kPluginMessageSize;
        result.codes = matrix.codes.data() + part * rows * matrix.cols;
        result.scales = matrix.scales.data() + part * slices;
        result.zero_points = matrix.zeroPoints.data() + part * slices;
        result.group_of_column = groupOfColumn.data();
        result.message = message.data();
        if (!matrix.realZeroPoints.empty())
            result.real_zero_points = matrix.realZeroPoints.data() + part * slices;
        if (!matrix.levels.empty()) {
            const std::int64_t count = std::int64_t{1} << matrix.bits;
            const bool bySlice = static_cast<std::int64_t>(matrix.levels.size()) > count;
            result.levels = matrix.levels.data() + (bySlice ? part * slices * count : 0);
        }
        result.scale_bits = plainStorage.scaleBits;
        result.zero_point_bits = plainStorage.zeroPointBits;
    }

    /// What the method says about its storage, if it says anything.
    std::optional<SliceStorage> storage() const {
        const SliceStorage told{result.scale_bits, result.zero_point_bits};
        return told == plainStorage ? std::nullopt : std::optional(told);
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

/// \error PluginFailure  kept weights that were not announced, or twice the same place
Status adoptKept(std::vector<KeptWeight> kept, std::uint32_t stores, QuantizedMatrix &matrix) {
    if (!kept.empty() && (stores & QS_STORES_OUTLIERS) == 0)
        return fail(ErrorCode::PluginFailure, "the method keeps weights without having said that it does");
    matrix.kept.insert(matrix.kept.end(), kept.begin(), kept.end());
    std::sort(matrix.kept.begin(), matrix.kept.end(), [](const KeptWeight &a, const KeptWeight &b) {
        return std::pair(a.row, a.col) < std::pair(b.row, b.col);
    });
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
    quantizer->m_info = pluginMethodInfo(*table, *library, MethodKind::Quantizer);
    if (QS_HAS(qs_quantizer, cost, table)) { // since 1.1
        quantizer->m_stores = table->stores;
        quantizer->m_info.cost = table->cost ? table->cost : "";
    }
    quantizer->m_schema = std::move(*schema);
    quantizer->m_library = std::move(library);
    quantizer->m_table = table;
    return quantizer;
}

Support PluginQuantizer::supports(const QuantizeRequest &request) const {
    const bool hasLevels = (m_stores & (QS_STORES_LEVELS | QS_STORES_SLICE_LEVELS)) != 0;
    const bool isBinary = hasLevels && std::ranges::find(m_info.tags, "binary") != m_info.tags.end();
    if (std::string reason = impossible(request, isBinary); !reason.empty())
        return {false, reason};
    auto parameters = m_schema.complete(request.parameters);
    if (!parameters)
        return {false, parameters.error().message};
    const std::string text = parameters->dump();
    const qs_quantize_request table = tableRequest(request, text, nullptr, 0);
    return pluginSupport(*m_table, table);
}

TokenWeighting PluginQuantizer::tokenWeighting(const nlohmann::json &parameters) const {
    const auto complete = m_schema.complete(parameters);
    if (!complete || !QS_HAS(qs_quantizer, token_weighting, m_table) || !m_table->token_weighting)
        return {};
    qs_token_weighting table{sizeof table, QS_TOKENS_EQUAL, 1, 1, 0};
    try {
        m_table->token_weighting(complete->dump().c_str(), &table);
    } catch (...) {
        return {};
    }
    if (table.importance <= QS_TOKENS_EQUAL || table.importance > QS_TOKENS_FIRST)
        return {};
    return {static_cast<TokenImportance>(table.importance), std::clamp(table.smallest, 1e-6, 1.0),
            std::clamp(table.exponent, 1e-3, 100.0), std::max<std::int64_t>(table.first, 0)};
}

Result<QuantizedMatrix> PluginQuantizer::quantize(const QuantizeRequest &request,
                                                  const RunContext &ctx) const {
    if (const Support support = supports(request); !support.yes)
        return fail(ErrorCode::InvalidArgument, fmt::format("{}: {}", m_info.name, support.reason),
                    request.layerName);
    if (!request.weights.data)
        return fail(ErrorCode::InvalidArgument, "there are no weights", request.layerName);
    QS_CHECK_OK(checkFinite(request.weights, request.layerName));
    QS_TRY(const nlohmann::json parameters, m_schema.complete(request.parameters));
    const std::string text = parameters.dump();

    QuantizedMatrix matrix = unfilledMatrix(request);
    addExtras(matrix, m_stores);
    for (std::int64_t part = 0; part < request.groups; ++part) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        if (auto status = quantizePart(request, text, part, matrix, ctx); !status)
            return fail(std::move(status).error().withContext(request.layerName));
    }
    if (auto valid = checkReturned(matrix); !valid)
        return fail(ErrorCode::PluginFailure,
                    fmt::format("method '{}' returned a broken result: {}", m_info.id, valid.error().message),
                    request.layerName);
    return matrix;
}

Status PluginQuantizer::quantizePart(const QuantizeRequest &request, const std::string &parameters,
                                     std::int64_t part, QuantizedMatrix &matrix,
                                     const RunContext &ctx) const {
    qs_call call{ctx, request.layerName, request.services, request.findings, &request.scheme};
    call.rows = matrix.rows / request.groups;
    call.cols = matrix.cols;
    call.part = part;
    call.parts = request.groups;
    const qs_quantize_request table = tableRequest(request, parameters, &call, part);
    PartBuffers buffers(matrix, part, request.groups);
    const qs_status status = callPlugin(
        buffers.message, [&] { return m_table->quantize(&table, &pluginHost(), &buffers.result); });
    QS_CHECK_OK(pluginOutcome(status, buffers.message.data(), m_info, ctx));
    matrix.sliceStorage = buffers.storage();
    QS_CHECK_OK(adoptKept(std::move(call.kept), m_stores, matrix));
    return adoptGroups(std::move(buffers.groupOfColumn), part, matrix);
}

} // namespace qs
