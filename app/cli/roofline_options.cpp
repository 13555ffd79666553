#include "app/cli/roofline_options.h"

#include "app/cli/exit_code.h"
#include "app/cli/input_options.h"
#include "core/analysis/graph_cost.h"
#include "core/hardware/hardware_library.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs::app {

void RooflineOptions::add(CLI::App &app) {
    const auto group = "Roofline";
    const CLI::Range bits(1.0, 16.0), share(0.01, 1.0);
    app.add_option("--hardware", m_hardware, "Id of a device, or its JSON file; an unknown id lists all")
        ->type_name("ID|FILE")
        ->group(group);
    app.add_option("--stage", m_stage, "prefill, decode or inference (default: prefill where there is one)")
        ->check(CLI::IsMember({"prefill", "decode", "inference"}))
        ->type_name("NAME")
        ->group(group);
    app.add_option("--batch", m_batch, "Sequences or images at a time")
        ->check(CLI::Range(std::int64_t{1}, kMostBatch))
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    app.add_option("--sequence", m_sequence,
                   "Tokens of the prompt; in decode of the cache, the new one included")
        ->check(CLI::Range(std::int64_t{1}, kMostSequence))
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    app.add_option("--weight-bits", m_weightBits, "What if: bits of weights")
        ->check(bits)
        ->type_name("N")
        ->group(group);
    app.add_option("--activation-bits", m_activationBits, "What if: bits of activations")
        ->check(bits)
        ->type_name("N")
        ->group(group);
    app.add_option("--kv-bits", m_cacheBits, "What if: bits of the KV cache (default: as activations)")
        ->check(bits)
        ->type_name("N")
        ->group(group);
    app.add_option("--weight-group", m_group, "What if: weights that share a 16 bit scale; 0 = a row")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 20))
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    app.add_option("--float-bits", m_floatBits, "Width of what stays in float: 16 or 32")
        ->check(CLI::IsMember({16, 32}))
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    app.add_flag("--fused-attention", m_fused, "Scores stay on the chip (FlashAttention)")->group(group);
    app.add_flag("--last-logits", m_lastLogits, "Prefill computes the logits of the last token only")
        ->group(group);
    app.add_flag("--compatible", m_compatible, "LLM-Viewer's equations, its known defects included")
        ->group(group);
    app.add_option("--compute-efficiency", m_computeEfficiency, "Share of the peak rate that kernels reach")
        ->check(share)
        ->capture_default_str()
        ->type_name("X")
        ->group(group);
    app.add_option("--bandwidth-efficiency", m_bandwidthEfficiency, "Share of the memory bandwidth")
        ->check(share)
        ->capture_default_str()
        ->type_name("X")
        ->group(group);
    app.add_option("--overhead-us", m_overheadUs, "Launch of one operator, in microseconds")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str()
        ->type_name("US")
        ->group(group);
    app.add_option("--memory-share", m_memoryShare, "Share of the memory that can be used")
        ->check(share)
        ->capture_default_str()
        ->type_name("X")
        ->group(group);
}

Result<PrecisionPlan> RooflineOptions::whatIfPlan(const CostSource &source) const {
    UniformPrecision precision;
    precision.floatBits = m_floatBits;
    precision.weightBits = m_weightBits.value_or(m_floatBits);
    precision.activationBits = m_activationBits.value_or(m_floatBits);
    precision.cacheBits = m_cacheBits.value_or(precision.activationBits);
    precision.groupSize = m_group;
    precision.headDim = source.headDim();
    return uniformPlan(fmt::format("W{:g} A{:g}{}", precision.weightBits, precision.activationBits,
                                   source.headDim() > 0 ? fmt::format(" KV{:g}", precision.cacheBits) : ""),
                       precision);
}

Result<StudyRequest> RooflineOptions::request(const CostSource &source, const RecipeOptions &recipe) const {
    StudyRequest request;
    request.base.stage = m_stage.empty() ? source.stages().front() : *stageFromName(m_stage);
    request.base.batch = m_batch;
    request.base.sequence = m_sequence;
    request.base.fusedAttention = m_fused;
    request.base.lastLogitsOnly = m_lastLogits;
    request.base.compatible = m_compatible;
    request.use = {m_computeEfficiency, m_bandwidthEfficiency, m_overheadUs * 1e-6, m_memoryShare};
    UniformPrecision floats;
    floats.weightBits = floats.activationBits = floats.cacheBits = floats.floatBits = m_floatBits;
    request.plans.push_back(uniformPlan(fmt::format("FP{}", m_floatBits), floats));
    if (recipe.isFileGiven()) {
        QS_TRY(const Recipe read, recipe.fromFile());
        request.plans.push_back(recipePlan(read, m_floatBits));
    }
    if (m_weightBits || m_activationBits || m_cacheBits) {
        QS_TRY(PrecisionPlan plan, whatIfPlan(source));
        request.plans.push_back(std::move(plan));
    }
    return request;
}

Result<RooflineStudy> RooflineOptions::study(const std::filesystem::path &model, const RecipeOptions &recipe,
                                             const CommandContext &context) const {
    if (m_hardware.empty())
        return fail(ErrorCode::InvalidArgument, "name a device with --hardware ID; an unknown id lists all.");
    QS_CHECK_OK(checkExists(model, Folders::Allowed));
    const auto profiles = readHardware(hardwareSearchPath(), context.findings);
    QS_TRY(const HardwareProfile hardware, findHardware(profiles, m_hardware));
    auto source = openCostSource(model, context.findings, context.run);
    if (!source)
        return fail(inInputFile(std::move(source).error()));
    QS_TRY(StudyRequest wanted, request(**source, recipe));
    QS_TRY(RooflineStudy study, studyRoofline(**source, hardware, std::move(wanted), context.run));
    // Of several precisions one may be impossible on a device; when none is possible, there is nothing to
    // show.
    if (std::all_of(study.precisions.begin(), study.precisions.end(),
                    [](auto &p) { return p.failure.has_value(); }))
        return fail(*study.precisions.front().failure);
    for (const PrecisionStudy &precision : study.precisions)
        if (precision.failure)
            context.findings.add(Severity::Warning, precision.failure->message, precision.line.name,
                                 "The other precisions are shown.");
    const auto unverified = hardware.unverifiedFields();
    if (!unverified.empty())
        context.findings.add(Severity::Info,
                             fmt::format("not confirmed by a source: {}", fmt::join(unverified, ", ")),
                             hardware.id, "Results that rest on these numbers are as good as they are.");
    return study;
}

} // namespace qs::app
