#include "core/plugin/plugin_block.h"

#include "core/analysis/block_problem.h"
#include "core/plugin/plugin_method.h"

#include <cmath>

namespace qs {
namespace {

/// What request->run() of the ABI needs to know beside the services of every call.
struct BlockCallState : qs_call {
    BlockCallState(const BlockRequest &request, const RunContext &context)
        : qs_call{context, request.name, nullptr, request.findings}, block(request) {}
    const BlockRequest &block;
    std::optional<Error> failure; ///< of the latest run
};

template <typename T>
std::vector<T> listOf(const T *values, std::size_t count) {
    return values ? std::vector<T>(values, values + count) : std::vector<T>{};
}

qs_status runBlock(qs_call *call, qs_block_pass *pass) {
    auto &state = *static_cast<BlockCallState *>(call);
    const std::size_t layers = state.block.layers.size();
    if (!pass || !QS_HAS(qs_block_pass, loss, pass) || !pass->weights)
        return QS_INVALID_ARGUMENT;
    BlockPass run;
    run.allSamples = pass->all_samples != 0;
    run.seed = pass->seed;
    run.weights = listOf(pass->weights, layers);
    if (pass->activation_scales)
        run.activationScales = {pass->activation_scales, layers};
    run.activationShare = pass->activation_share;
    run.inputShare = pass->input_share;
    run.weightGradients = listOf(pass->weight_gradients, layers);
    if (pass->activation_scale_gradients)
        run.activationScaleGradients = {pass->activation_scale_gradients, layers};
    BlockTerms terms{};
    if (QS_HAS(qs_block_pass, same_input_target, pass)) {
        if (pass->term_count < 0 || pass->term_count > static_cast<std::int64_t>(kBlockTerms))
            return QS_INVALID_ARGUMENT;
        if (pass->term_weights) {
            run.termWeights.fill(0);
            std::copy_n(pass->term_weights, pass->term_count, run.termWeights.begin());
        }
        run.sameInputTarget = pass->same_input_target;
        run.terms = &terms;
    }
    auto loss = state.block.services->run(run, state.ctx);
    if (!loss) {
        state.failure = std::move(loss).error();
        return state.failure->code == ErrorCode::Cancelled     ? QS_CANCELLED
               : state.failure->code == ErrorCode::NotFound    ? QS_NOT_FOUND
               : state.failure->code == ErrorCode::Unsupported ? QS_UNSUPPORTED
                                                               : QS_FAILED;
    }
    pass->loss = *loss;
    if (run.terms && pass->terms)
        std::copy_n(terms.begin(), pass->term_count, pass->terms);
    return QS_OK;
}

qs_block_layer tableLayer(const BlockLayer &layer) {
    const QuantizedMatrix &nearest = layer.nearest;
    const CodeRange range = codeRange(nearest.bits, nearest.convention);
    qs_block_layer table{};
    table.struct_size = sizeof table;
    table.quantizes_activation = layer.activation ? 1 : 0;
    table.name = layer.name.c_str();
    table.weights = layer.weights.data;
    table.rows = nearest.rows;
    table.cols = nearest.cols;
    table.lowest_code = range.lowest;
    table.highest_code = range.highest;
    table.slices_per_row =
        nearest.layout.granularity == Granularity::PerTensor ? 0 : nearest.layout.groupsPerRow();
    table.slice_length =
        nearest.layout.granularity == Granularity::PerGroup ? nearest.layout.groupSize : nearest.cols;
    table.slices = nearest.layout.slices();
    table.scales = nearest.scales.data();
    table.zero_points = nearest.zeroPoints.data();
    table.nearest = nearest.codes.data();
    table.activation_scale = layer.activation ? layer.activation->grid.scale : 1.0f;
    table.convention = static_cast<std::int32_t>(nearest.convention);
    table.scale_as_float16 = nearest.scaleAsFloat16 ? 1 : 0;
    return table;
}

/// The layers as the plugin reads them and the buffers that it fills.
struct BlockBuffers {
    explicit BlockBuffers(const BlockRequest &request) {
        for (const BlockLayer &layer : request.layers) {
            layers.push_back(tableLayer(layer));
            result.weights.push_back(layer.nearest);
            result.activationScales.push_back(layers.back().activation_scale);
        }
        for (std::size_t i = 0; i < layers.size(); ++i) {
            layerPointers.push_back(&layers[i]);
            codePointers.push_back(result.weights[i].codes.data());
            scalePointers.push_back(result.weights[i].scales.data());
            zeroPointPointers.push_back(result.weights[i].zeroPoints.data());
        }
        table.struct_size = sizeof table;
        table.message_size = kPluginMessageSize;
        table.codes = codePointers.data();
        table.scales = scalePointers.data();
        table.zero_points = zeroPointPointers.data();
        table.activation_scales = result.activationScales.data();
        table.message = message.data();
    }
    std::vector<qs_block_layer> layers;
    std::vector<const qs_block_layer *> layerPointers;
    std::vector<std::int16_t *> codePointers;
    std::vector<float *> scalePointers;
    std::vector<std::int32_t *> zeroPointPointers;
    BlockResult result;
    qs_block_result table{};
    std::array<char, kPluginMessageSize> message{};
};

Status checkResult(const BlockRequest &request, const BlockResult &result) {
    for (std::size_t i = 0; i < result.weights.size(); ++i) {
        if (auto valid = checkReturned(result.weights[i]); !valid)
            return fail(std::move(valid).error().withContext(request.layers[i].name));
        if (!(result.activationScales[i] > 0) || !std::isfinite(result.activationScales[i]))
            return fail(
                ErrorCode::PluginFailure,
                fmt::format("activation step {} of {}", result.activationScales[i], request.layers[i].name));
    }
    return {};
}

} // namespace

Result<std::shared_ptr<const Quantizer>> PluginBlock::make(std::shared_ptr<const PluginLibrary> library,
                                                           const qs_block_method *table) {
    auto schema = ParameterSchema::parse(table->parameters);
    if (!schema)
        return fail(ErrorCode::PluginFailure,
                    fmt::format("method '{}': {}", table->id, schema.error().text()));
    std::shared_ptr<PluginBlock> method(new PluginBlock);
    method->m_info = pluginMethodInfo(*table, *library, MethodKind::Block);
    method->m_info.needsHessian = true; // where a layer is tried alone
    method->m_info.cost = table->cost;
    method->m_schema = std::move(*schema);
    method->m_library = std::move(library);
    method->m_table = table;
    return method;
}

Support PluginBlock::supports(const QuantizeRequest &request) const {
    if (request.weights.rows < 1 || request.weights.cols < 1)
        return {false, "the weight is empty"};
    if (request.groups < 1 || request.weights.rows % request.groups != 0)
        return {false, fmt::format("{} rows do not divide into {} convolution groups", request.weights.rows,
                                   request.groups)};
    if (auto parameters = m_schema.complete(request.parameters); !parameters)
        return {false, parameters.error().message};
    return makeRtnQuantizer()->supports(request); // whose parameters are checked above
}

Result<QuantizedMatrix> PluginBlock::quantize(const QuantizeRequest &request, const RunContext &ctx) const {
    if (const Support support = supports(request); !support.yes)
        return fail(ErrorCode::InvalidArgument, fmt::format("{}: {}", m_info.name, support.reason),
                    request.layerName);
    if (!request.weights.data || !request.services)
        return fail(request.weights.data ? ErrorCode::NotFound : ErrorCode::InvalidArgument,
                    request.weights.data ? "the method needs calibration; open a calibration set"
                                         : "there are no weights",
                    request.layerName);
    QuantizeRequest rounding = request;
    rounding.parameters = nlohmann::json::object();
    BlockRequest block;
    block.name = request.layerName;
    block.layers.push_back({request.layerName, request.weights, {}, std::nullopt});
    QS_TRY(block.layers[0].nearest, makeRtnQuantizer()->quantize(rounding, ctx));
    HessianProblem problem(request.weights, request.groups, *request.services);
    block.parameters = request.parameters;
    block.services = &problem;
    block.seed = request.seed;
    block.findings = request.findings;
    QS_TRY(BlockResult result, reconstruct(block, ctx));
    return std::move(result.weights[0]);
}

BlockPlan PluginBlock::plan(const nlohmann::json &parameters) const {
    const BlockPlan defaults;
    qs_block_plan table{sizeof table,    1, defaults.batchSize, defaults.maxSamples, defaults.window,
                        defaults.overlap};
    const auto completed = m_schema.complete(parameters);
    try {
        if (completed)
            m_table->plan(completed->dump().c_str(), &table);
    } catch (...) {
        return defaults;
    }
    BlockPlan plan{std::max<std::int64_t>(1, table.batch_size), std::max<std::int64_t>(1, table.max_samples),
                   std::max<std::int64_t>(1, table.window)};
    plan.overlap = std::clamp<std::int64_t>(table.overlap, 0, plan.window - 1);
    for (std::size_t term = 0; term < kBlockTerms; ++term)
        plan.terms[term] = (table.terms >> term & 1U) != 0;
    return plan;
}

Result<BlockResult> PluginBlock::reconstruct(const BlockRequest &request, const RunContext &ctx) const {
    for (const BlockLayer &layer : request.layers)
        QS_CHECK_OK(checkFinite(layer.weights, layer.name));
    QS_TRY(const nlohmann::json parameters, m_schema.complete(request.parameters));
    const std::string text = parameters.dump();
    BlockCallState call(request, ctx);
    BlockBuffers buffers(request);
    qs_block_request table{};
    table.struct_size = sizeof table;
    table.layer_count = static_cast<std::int32_t>(request.layers.size());
    table.call = &call;
    table.block_name = request.name.c_str();
    table.layers = buffers.layerPointers.data();
    table.parameters = text.c_str();
    table.seed = request.seed;
    table.run = &runBlock;
    for (std::size_t term = 0; term < kBlockTerms; ++term)
        if (request.services && request.services->has(static_cast<BlockTerm>(term)))
            table.terms |= 1U << term;
    const qs_status status = callPlugin(
        buffers.message, [&] { return m_table->reconstruct(&table, &pluginHost(), &buffers.table); });
    if (status != QS_OK && call.failure)
        return fail(std::move(*call.failure).withContext(request.name));
    if (auto outcome = pluginOutcome(status, buffers.message.data(), m_info, ctx); !outcome)
        return fail(std::move(outcome).error().withContext(request.name));
    if (auto valid = checkResult(request, buffers.result); !valid)
        return fail(ErrorCode::PluginFailure,
                    fmt::format("method '{}' returned a broken result: {}", m_info.id, valid.error().text()),
                    request.name);
    return std::move(buffers.result);
}

} // namespace qs
