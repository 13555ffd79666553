#include "core/session/layer_run.h"

#include "core/analysis/quantize_layer.h"
#include "core/tensor/blocks/block_type.h"

#include <chrono>

namespace qs {
namespace {

Status measureWeight(const Layer &layer, const Model &model, LayerResult &result) {
    if (!result.quantized.weight)
        return {};
    result.bits = result.quantized.weight->bitsBreakdown();
    QS_TRY(const Tensor weights, weightMatrix(layer, model.graph));
    const Tensor dequantized = result.quantized.weight->dequantize();
    result.weightError.emplace();
    result.weightError->add(weights.values<float>(), dequantized.values<float>());
    return {};
}

Status measureAlone(const Evaluator *evaluator, LayerResult &result, const RunContext &ctx) {
    if (!evaluator)
        return {};
    QS_TRY(const std::vector<AloneMetrics> alone,
           evaluator->evaluateAlone(std::span(&result.quantized, 1), ctx));
    result.outputError = alone[0].layerOutput;
    result.network = alone[0].network;
    return {};
}

/// The weight of a block method is there; the activation is quantized as for any method.
Result<QuantizedLayer> adoptReady(const LayerRequest &request, const Layer &layer, FindingList &findings,
                                  const RunContext &ctx) {
    LayerChoice rest = request.choice;
    rest.weight.reset();
    QS_TRY(QuantizedLayer quantized, quantizeLayer(*request.model, layer, rest, request.capture.get(),
                                                   *request.methods, request.seed, findings, ctx));
    quantized.weight = request.ready->weight;
    if (quantized.activation && request.ready->activation)
        quantized.activation = request.ready->activation;
    return quantized;
}

void keepFloat(const Layer &layer, Error error, LayerResult &result, FindingList &findings) {
    result.state = LayerResult::State::Failed;
    result.failure = error.message;
    Finding finding = toFinding(error);
    finding.where = layer.name;
    finding.action = "The layer stays in float. Choose another method or scheme for it.";
    findings.add(std::move(finding));
}

} // namespace

Result<std::shared_ptr<const LayerResult>> runLayer(const LayerRequest &request, FindingList &findings,
                                                    const RunContext &ctx) {
    const Layer &layer = request.model->layers[static_cast<std::size_t>(request.layer)];
    auto result = std::make_shared<LayerResult>();
    result->layer = layer.id;
    result->choice = request.choice;
    result->bits.codes = bitsPerElement(request.model->graph.constant(layer.weight)->dtype());
    if (!request.choice.weight && !request.choice.activation)
        return result;
    const auto start = std::chrono::steady_clock::now();
    auto quantized = request.ready
                         ? adoptReady(request, layer, findings, ctx)
                         : quantizeLayer(*request.model, layer, request.choice, request.capture.get(),
                                         *request.methods, request.seed, findings, ctx);
    result->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() +
                      (request.ready ? request.ready->seconds : 0);
    if (!quantized) {
        if (quantized.error().code == ErrorCode::Cancelled)
            return fail(std::move(quantized).error());
        keepFloat(layer, std::move(quantized).error(), *result, findings);
        return result;
    }
    if (!quantized->weight && !quantized->activation)
        return result; // an embedding of which only the activation was to be quantized
    result->state = LayerResult::State::Quantized;
    result->quantized = std::move(*quantized);
    if (request.activationRange && result->quantized.activation &&
        !(request.ready && request.ready->activation))
        result->quantized.activation =
            gridForRange(request.activationRange->lo, request.activationRange->hi,
                         request.choice.activation->grid.bits, request.choice.activation->grid.convention);
    QS_CHECK_OK(measureLayer(*request.model, request.evaluator.get(), *result, ctx));
    return result;
}

Result<RunEvaluators> makeEvaluators(const RunRequest &request,
                                     const std::shared_ptr<const Executor> &executor, Run &run,
                                     FindingList &findings, const RunContext &ctx) {
    RunEvaluators evaluators;
    const auto set = request.evaluation ? request.evaluation : request.calibration;
    if (!executor || !set)
        return evaluators;
    QS_TRY(evaluators.total, Evaluator::create(executor, set, request.evaluationSamples, findings, ctx));
    run.baseline = evaluators.total->baseline();
    run.provenance.evaluationSamples = evaluators.total->samples();
    if (request.measureInNetwork) {
        QS_TRY(evaluators.alone, Evaluator::create(executor, set, request.inNetworkSamples, findings, ctx));
    }
    return evaluators;
}

Status measureLayer(const Model &model, const Evaluator *evaluator, LayerResult &result,
                    const RunContext &ctx) {
    QS_CHECK_OK(measureWeight(model.layers[static_cast<std::size_t>(result.layer)], model, result));
    return measureAlone(evaluator, result, ctx);
}

} // namespace qs
