#include "core/plugin/plugin_branch.h"

#include "core/plugin/plugin_method.h"
#include "core/tensor/convert.h"

namespace qs {
namespace {

/// The factors as the plugin writes them.
struct Factors {
    qs_branch_result result{};
    std::array<char, kPluginMessageSize> message{};
    std::vector<float> down, up;
    std::int64_t rows, cols, rank = 0;
    bool tooLarge = false;

    Factors(std::int64_t rowCount, std::int64_t colCount) : rows(rowCount), cols(colCount) {
        result.struct_size = sizeof result;
        result.message_size = kPluginMessageSize;
        result.reserve = &Factors::reserve;
        result.owner = this;
        result.message = message.data();
    }

    static void reserve(qs_branch_result *result, std::int64_t rank, float **down, float **up) {
        auto &self = *static_cast<Factors *>(result->owner);
        self.tooLarge = rank < 0 || rank > std::min(self.rows, self.cols);
        self.rank = self.tooLarge ? 0 : rank;
        self.down.assign(static_cast<std::size_t>(self.rank * self.cols), 0.0f);
        self.up.assign(static_cast<std::size_t>(self.rows * self.rank), 0.0f);
        result->rank = self.rank;
        *down = self.tooLarge ? nullptr : self.down.data();
        *up = self.tooLarge ? nullptr : self.up.data();
    }

    LowRankBranch branch() const {
        const auto stored = [](const std::vector<float> &values, const Shape &shape) {
            Tensor tensor = Tensor::allocate(DType::Float32, shape);
            float *dst = tensor.mutableValues<float>().data();
            for (const float value : values)
                *dst++ = float16ToFloat(floatToFloat16(value));
            return tensor;
        };
        return {stored(down, Shape{rank, cols}), stored(up, Shape{rows, rank})};
    }
};

qs_branch_request tableRequest(const BranchRequest &request, const std::string &parameters, qs_call *call) {
    qs_branch_request table{};
    table.struct_size = sizeof table;
    table.call = call;
    table.layer_name = request.layerName.c_str();
    table.weights = request.weights.data;
    table.rows = request.weights.rows;
    table.cols = request.weights.cols;
    table.bits = request.scheme.grid.bits;
    table.convention = static_cast<std::int32_t>(request.scheme.grid.convention);
    table.granularity = static_cast<std::int32_t>(request.scheme.granularity);
    table.group_size = request.scheme.groupSize;
    table.parameters = parameters.c_str();
    table.seed = request.seed;
    return table;
}

} // namespace

Result<std::shared_ptr<const BranchMethod>> PluginBranch::make(std::shared_ptr<const PluginLibrary> library,
                                                               const qs_branch *table) {
    auto schema = ParameterSchema::parse(table->parameters);
    if (!schema)
        return fail(ErrorCode::PluginFailure,
                    fmt::format("method '{}': {}", table->id, schema.error().text()));
    std::shared_ptr<PluginBranch> branch(new PluginBranch);
    branch->m_info = pluginMethodInfo(*table, *library, MethodKind::Branch);
    branch->m_info.cost = table->cost;
    branch->m_schema = std::move(*schema);
    branch->m_library = std::move(library);
    branch->m_table = table;
    return branch;
}

Support PluginBranch::supports(const BranchRequest &request) const {
    if (request.weights.rows < 1 || request.weights.cols < 1)
        return {false, "the weight is empty"};
    auto parameters = m_schema.complete(request.parameters);
    if (!parameters)
        return {false, parameters.error().message};
    const std::string text = parameters->dump();
    return pluginSupport(*m_table, tableRequest(request, text, nullptr));
}

Result<QuantizedMatrix> PluginBranch::decompose(const BranchRequest &request, const RunContext &ctx) const {
    if (const Support support = supports(request); !support.yes)
        return fail(ErrorCode::InvalidArgument, fmt::format("{}: {}", m_info.name, support.reason),
                    request.layerName);
    QS_CHECK_OK(checkFinite(request.weights, request.layerName));
    QS_TRY(const nlohmann::json parameters, m_schema.complete(request.parameters));
    const std::string text = parameters.dump();

    std::optional<QuantizedMatrix> latest, kept;
    std::optional<Error> failure;
    qs_call call{ctx, request.layerName, request.services, request.findings, &request.scheme};
    call.rows = request.weights.rows;
    call.cols = request.weights.cols;
    call.quantize = [&](MatrixView<const float> weights, float *dequantized) -> qs_status {
        if (weights.rows != call.rows || weights.cols != call.cols)
            return QS_INVALID_ARGUMENT;
        auto matrix = request.quantize(weights);
        if (!matrix) {
            failure = matrix.error();
            return failure->code == ErrorCode::Cancelled ? QS_CANCELLED : QS_FAILED;
        }
        latest = std::move(*matrix);
        const Tensor values = latest->dequantize();
        std::ranges::copy(values.values<float>(), dequantized);
        return QS_OK;
    };
    call.keepQuantized = [&]() -> qs_status {
        if (!latest)
            return QS_INVALID_ARGUMENT;
        kept = latest;
        return QS_OK;
    };
    const qs_branch_request table = tableRequest(request, text, &call);
    Factors factors(call.rows, call.cols);
    const qs_status status = callPlugin(
        factors.message, [&] { return m_table->decompose(&table, &pluginHost(), &factors.result); });
    if (status != QS_OK && failure)
        return fail(std::move(*failure));
    if (auto outcome = pluginOutcome(status, factors.message.data(), m_info, ctx); !outcome)
        return fail(std::move(outcome).error().withContext(request.layerName));
    if (!kept || factors.tooLarge)
        return fail(
            ErrorCode::PluginFailure,
            fmt::format("method '{}' {}", m_info.id,
                        factors.tooLarge ? "asked for an impossible rank" : "kept no quantized weight"),
            request.layerName);
    if (factors.rank > 0)
        kept->branch = factors.branch();
    if (auto valid = kept->validate(); !valid)
        return fail(ErrorCode::PluginFailure,
                    fmt::format("method '{}' returned a broken result: {}", m_info.id, valid.error().message),
                    request.layerName);
    return std::move(*kept);
}

} // namespace qs
