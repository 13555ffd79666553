#include "core/hardware/roofline_study.h"

#include "core/base/number_text.h"

#include <fmt/format.h>

namespace qs {
namespace {

using Json = nlohmann::ordered_json;

double throughputOf(const RooflineStudy &study, const Roofline &line) {
    const WorkloadRequest &base = study.request.base;
    const double tokens = base.stage == Stage::Prefill ? static_cast<double>(base.sequence) : 1;
    return line.seconds > 0 ? static_cast<double>(base.batch) * tokens / line.seconds : 0;
}

/// The same plan, asked once per weight: searching what fits asks many times. For one thread.
PrecisionPlan remembering(PrecisionPlan plan) {
    plan.layer = [ask = plan.layer,
                  known = std::make_shared<std::map<std::string, LayerPrecision>>()](const WeightSite &site) {
        const auto found = known->find(site.name);
        return found != known->end() ? found->second : known->emplace(site.name, ask(site)).first->second;
    };
    return plan;
}

Result<PrecisionStudy> studyPlan(const CostSource &source, const RooflineStudy &study,
                                 const PrecisionPlan &plan, const RunContext &ctx) {
    PrecisionStudy result;
    result.line.name = plan.name;
    WorkloadRequest request = study.request.base;
    request.plan = remembering(plan);
    QS_TRY(const Workload workload, source.workload(request, ctx));
    QS_TRY(result.line, costOnDevice(workload, study.hardware, study.request.use));
    result.throughput = throughputOf(study, result.line);
    if (!study.hardware.memoryBytes)
        return result;
    const double usable = *study.hardware.memoryBytes * study.request.use.memoryShare;
    if (source.takesBatch()) {
        QS_TRY(result.batch, largestThatFits(source, request, FitDimension::Batch, usable, ctx));
    }
    if (source.takesSequence()) {
        QS_TRY(result.sequence, largestThatFits(source, request, FitDimension::Sequence, usable, ctx));
    }
    return result;
}

Json trafficJson(const Traffic &bytes) {
    return {{"total", bytes.total()},
            {"weights", bytes.weights},
            {"activations_in", bytes.activationsIn},
            {"activations_out", bytes.activationsOut},
            {"cache_in", bytes.cacheIn},
            {"cache_out", bytes.cacheOut}};
}

Json operatorJson(const OperatorCost &cost) {
    Json json = {{"name", printable(cost.work.name)},
                 {"kind", operatorKindName(cost.work.kind)},
                 {"repeats", cost.work.repeats},
                 {"operations", cost.work.operations},
                 {"bytes", trafficJson(cost.work.bytes)},
                 {"operations_per_byte", cost.intensity},
                 {"operations_per_second", cost.operationsPerSecond},
                 {"seconds", cost.seconds},
                 {"bound", boundName(cost.bound)}};
    json["roof"] = cost.roof ? Json(computeTypeName(cost.roof->type)) : Json(nullptr);
    if (cost.work.matrix)
        json["operand_bits"] = {cost.work.leftBits, cost.work.rightBits};
    json["operations_formula"] = printable(cost.work.operationsFormula);
    json["bytes_formula"] = printable(cost.work.bytesFormula);
    return json;
}

Json fitJson(const std::optional<LargestFit> &fit) {
    if (!fit)
        return nullptr;
    return {
        {"value", fit->value}, {"limit_of_the_search", fit->atLimit}, {"limit_of_the_model", fit->byModel}};
}

Json precisionJson(const PrecisionStudy &precision, const std::string &throughputUnit) {
    const Roofline &line = precision.line;
    if (precision.failure)
        return {{"name", line.name}, {"error", precision.failure->text()}};
    Json json = {{"name", line.name},
                 {"seconds", line.seconds},
                 {"compute_bound_seconds", line.computeBoundSeconds},
                 {"throughput", precision.throughput},
                 {"throughput_unit", throughputUnit},
                 {"operations", line.operations},
                 {"bytes", trafficJson(line.bytes)},
                 {"parameters", line.parameters},
                 {"stored_bits_per_weight", line.averageWeightBits},
                 {"memory",
                  {{"total", line.memory.total()},
                   {"weights", line.memory.weights},
                   {"cache", line.memory.cache},
                   {"activations", line.memory.activations}}},
                 {"largest_batch", fitJson(precision.batch)},
                 {"largest_sequence", fitJson(precision.sequence)},
                 {"notes", line.notes}};
    json["operators"] = Json::array();
    for (const OperatorCost &cost : line.operators)
        json["operators"].push_back(operatorJson(cost));
    return json;
}

Json hardwareJson(const HardwareProfile &hardware) {
    Json peaks = Json::object();
    for (const auto &[type, rate] : hardware.peaks)
        peaks[std::string(computeTypeName(type))] = rate;
    return {{"id", hardware.id},
            {"name", hardware.name},
            {"bytes_per_second", hardware.bytesPerSecond},
            {"operations_per_second", std::move(peaks)},
            {"memory_bytes", hardware.memoryBytes ? Json(*hardware.memoryBytes) : Json(nullptr)},
            {"unverified_fields", hardware.unverifiedFields()},
            {"note", hardware.note}};
}

} // namespace

Result<RooflineStudy> studyRoofline(const CostSource &source, const HardwareProfile &hardware,
                                    StudyRequest request, const RunContext &ctx) {
    QS_CHECK_OK(request.base.check());
    QS_CHECK_OK(request.use.check());
    if (std::string why = source.whyNothing(); !why.empty())
        return fail(ErrorCode::Unsupported, std::move(why), source.name());
    RooflineStudy study;
    study.source = source.name();
    study.takesBatch = source.takesBatch();
    study.takesSequence = source.takesSequence();
    study.isDecoder = source.headDim() > 0;
    study.hardware = hardware;
    study.throughputUnit = request.base.stage == Stage::Inference ? "samples/s" : "tokens/s";
    request.base.onChipBytes = hardware.registerBytes.value_or(0);
    study.request = std::move(request);
    for (const PrecisionPlan &plan : study.request.plans) {
        auto precision = studyPlan(source, study, plan, ctx);
        if (!precision && precision.error().code == ErrorCode::Cancelled)
            return fail(std::move(precision).error());
        if (precision) {
            study.precisions.push_back(std::move(*precision));
            continue;
        }
        PrecisionStudy &failed = study.precisions.emplace_back();
        failed.line.name = plan.name;
        failed.failure = std::move(precision).error();
    }
    return study;
}

std::string fitText(const PrecisionStudy &precision) {
    std::string text;
    bool asked = false;
    const auto add = [&](const char *what, const std::optional<LargestFit> &fit) {
        asked = asked || fit.has_value();
        if (!fit || fit->value == 0)
            return;
        text += text.empty() ? "fits up to " : " or ";
        text += fmt::format("{} {}{}{}", what, fit->atLimit ? "≥ " : "", withThousands(fit->value),
                            fit->byModel ? " (the model's own limit)" : "");
    };
    add("batch", precision.batch);
    add("sequence", precision.sequence);
    return text.empty() && asked ? "does not fit" : text;
}

std::string settingsText(const RooflineStudy &study) {
    const WorkloadRequest &base = study.request.base;
    std::string text = stageName(base.stage);
    if (study.takesBatch)
        text += fmt::format(", batch {}", base.batch);
    if (study.takesSequence)
        text += fmt::format(", sequence {}", base.sequence);
    if (study.isDecoder && base.fusedAttention)
        text += ", fused attention";
    return text;
}

std::string countingText(const RooflineStudy &study) {
    if (!study.isDecoder)
        return {};
    return study.request.base.compatible
               ? "Compatible with LLM-Viewer, its known defects included."
               : fmt::format("{} known defects of LLM-Viewer's counting are corrected.",
                             llmViewerDefects().size());
}

Json rooflineReport(const RooflineStudy &study) {
    const WorkloadRequest &base = study.request.base;
    Json report = {{"source", printable(study.source)},
                   {"hardware", hardwareJson(study.hardware)},
                   {"stage", stageName(base.stage)},
                   {"batch", study.takesBatch ? Json(base.batch) : Json(nullptr)},
                   {"sequence", study.takesSequence ? Json(base.sequence) : Json(nullptr)},
                   {"fused_attention", base.fusedAttention},
                   {"last_logits_only", base.lastLogitsOnly},
                   {"compatible_with_llm_viewer", base.compatible},
                   {"compute_efficiency", study.request.use.computeEfficiency},
                   {"bandwidth_efficiency", study.request.use.bandwidthEfficiency},
                   {"overhead_seconds", study.request.use.overheadSeconds},
                   {"memory_share", study.request.use.memoryShare}};
    if (study.isDecoder)
        report[base.compatible ? "reproduced_defects" : "corrected_defects"] = llmViewerDefects();
    report["precisions"] = Json::array();
    for (const PrecisionStudy &precision : study.precisions)
        report["precisions"].push_back(precisionJson(precision, study.throughputUnit));
    return report;
}

const std::vector<std::string> &llmViewerDefects() {
    static const std::vector<std::string> kDefects{
        "lm_head: one operation per multiply-add instead of two, one token instead of all, activations "
        "without the batch.",
        "mlp_act: counts the hidden width instead of the width of the MLP.",
        "qk_matmul in prefill: reads as many query heads as there are key heads.",
        "Fused attention: writes as many values as there are scores, twice, instead of the output once.",
        "Fused attention: reads K and V once per query head, also where heads share them.",
        "gate_proj: counted for models that have none (OPT).",
        "head_dim: hidden width over heads, also where the config gives another; out_proj then has the wrong "
        "size.",
        "Embeddings, position tables, biases, norm weights and rotary embedding: not counted.",
        "kv_token_ratio: accepted and not used (this program does not offer it).",
        "A device without an int8 rate fails instead of taking the next wider type.",
        "Causal attention: counted in full instead of half."};
    return kDefects;
}

} // namespace qs
