#include "app/cli/number_line_options.h"

#include "core/session/run.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace qs::app {
namespace {

template <typename Number>
bool parse(std::string_view text, Number &number) {
    const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
    return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

Result<std::shared_ptr<const LayerCapture>> captureOf(const Layer &layer,
                                                      const std::shared_ptr<const Model> &model,
                                                      const InputOptions &inputs, Provenance &provenance,
                                                      const CommandContext &context) {
    QS_TRY(const auto capture, inputs.capture(model, context, &provenance));
    if (!capture)
        return fail(ErrorCode::InvalidArgument, "activations have to be captured: give --calib FILE");
    return capture->layers[static_cast<std::size_t>(layer.id)];
}

} // namespace

void NumberLineOptions::add(CLI::App &app) {
    const auto group = "Number line";
    app.add_option("--format", m_formats,
                   "Number formats, by commas or repeated: int2 to int8 with -asymmetric, -s1, -s2 or -s3; "
                   "fp8-e4m3, nf4, …; a wrong name lists all (default: int4-s2, int4-asymmetric, fp4-e2m1, "
                   "nf4; of them "
                   "integers alone where the range rule is theirs)")
        ->delimiter(',')
        ->type_name("ID")
        ->group(group);
    auto *clip = app.add_option("--clip", m_clip, "Clip range of all formats, in value units")
                     ->delimiter(',')
                     ->expected(2)
                     ->type_name("LO,HI")
                     ->group(group);
    app.add_option(
           "--range-rule", m_rule,
           "How each format's clip range is found: minmax, percentile[:99.99], mse, kl (integers only) "
           "or best (least MSE)")
        ->excludes(clip)
        ->capture_default_str()
        ->type_name("RULE")
        ->group(group);
    app.add_option("--group", m_group, "Group N of SIZE inputs of the output channel")
        ->type_name("N:SIZE")
        ->group(group);
    app.add_flag("--normalized", m_normalized,
                 "Every channel (with --group every group, N is ignored) over its largest magnitude")
        ->group(group);
}

Result<ClipChoice> NumberLineOptions::clipChoice() const {
    ClipChoice choice;
    if (!m_clip.empty()) {
        if (m_clip.size() != 2 || !std::isfinite(m_clip[0]) || !std::isfinite(m_clip[1]) ||
            m_clip[0] > m_clip[1])
            return fail(ErrorCode::InvalidArgument, "--clip needs two finite numbers LO,HI with LO <= HI");
        choice.kind = ClipChoice::Kind::Fixed;
        choice.range = {m_clip[0], m_clip[1]};
        return choice;
    }
    if (m_rule == "best") {
        choice.kind = ClipChoice::Kind::Best;
        return choice;
    }
    const auto colon = m_rule.find(':');
    auto kind = rangeRuleFromName(m_rule.substr(0, colon));
    if (!kind)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("--range-rule '{}' is none of minmax, percentile, mse, kl and best", m_rule));
    choice.rule.kind = *kind;
    if (colon != std::string::npos &&
        (*kind != RangeRule::Kind::Percentile ||
         !parse(std::string_view(m_rule).substr(colon + 1), choice.rule.percentile) ||
         !(choice.rule.percentile >= 50 && choice.rule.percentile <= 100)))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("--range-rule '{}': only percentile takes a number, from 50 to 100", m_rule));
    return choice;
}

Result<std::vector<const NumberFormat *>> NumberLineOptions::formats(const ClipChoice &choice) const {
    const std::vector<std::string> usual{"int4-s2", "int4-asymmetric", "fp4-e2m1", "nf4"};
    std::vector<const NumberFormat *> formats;
    for (const std::string &id : m_formats.empty() ? usual : m_formats) {
        QS_TRY(const NumberFormat *format, findFormat(id));
        const std::string why =
            choice.kind == ClipChoice::Kind::Rule ? whyNotRule(*format, choice.rule.kind) : std::string();
        if (!why.empty() && !m_formats.empty())
            return fail(ErrorCode::InvalidArgument, why, id);
        if (why.empty())
            formats.push_back(format);
    }
    return formats;
}

Result<ValueSource> NumberLineOptions::source(const std::string &of, std::int64_t channel) const {
    ValueSource source;
    source.of = of == "activation" ? ValueSource::Of::Activation : ValueSource::Of::Weight;
    source.normalized = m_normalized;
    if (channel >= 0 || m_normalized)
        source.granularity = Granularity::PerChannel;
    source.channel = std::max<std::int64_t>(channel, 0);
    if (source.of == ValueSource::Of::Activation && (channel >= 0 || m_normalized || !m_group.empty()))
        return fail(
            ErrorCode::InvalidArgument,
            "--channel, --group and --normalized are for weights: activations have one scale per tensor");
    if (m_group.empty())
        return source;
    source.granularity = Granularity::PerGroup;
    const auto colon = m_group.find(':');
    if (colon == std::string::npos || !parse(std::string_view(m_group).substr(0, colon), source.group) ||
        !parse(std::string_view(m_group).substr(colon + 1), source.groupSize) || source.groupSize < 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("--group '{}' is not of the form N:SIZE, for example 0:64", m_group));
    return source;
}

Result<NumberLineStudy> NumberLineOptions::study(const InputOptions &inputs, const std::string &layerName,
                                                 const std::string &of, std::int64_t channel,
                                                 const CommandContext &context) const {
    // Wrong options are told before anything is read.
    QS_TRY(const ClipChoice choice, clipChoice());
    QS_TRY(const auto formats, this->formats(choice));
    QS_TRY(const ValueSource source, this->source(of, channel));
    QS_TRY(const auto model, inputs.openModel(context));
    if (model->layers.empty())
        return fail(ErrorCode::Unsupported, "the model has no layer that can be quantized",
                    model->file.string());
    const Layer *layer = &model->layers.front();
    if (!layerName.empty()) {
        QS_TRY(layer, findLayer(*model, layerName));
    }
    NumberLineStudy study;
    study.provenance.program = "quantoscope " QS_VERSION;
    study.provenance.modelFile = model->file.filename().string();
    study.provenance.modelSha256 = model->sha256;
    std::shared_ptr<const LayerCapture> capture;
    if (source.of == ValueSource::Of::Activation) {
        QS_TRY(capture, captureOf(*layer, model, inputs, study.provenance, context));
    }
    QS_TRY(study.source, sourceValues(*model, *layer, capture.get(), source));
    QS_TRY(study.values, SortedValues::build(study.source.values, context.run));
    for (const NumberFormat *format : formats) {
        QS_TRY(const ValueRange clip, chooseClip(study.values, *format, choice, capture.get(), context.run));
        study.rows.push_back(numberLineRow(study.values, *format, choice, clip));
    }
    return study;
}

} // namespace qs::app
