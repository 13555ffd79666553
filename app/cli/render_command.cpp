#include "app/cli/render_command.h"

#include "app/cli/attention_command.h"
#include "app/cli/graph_picture.h"
#include "app/cli/tensor_command.h"
#include "core/analysis/weight_survey.h"
#include "core/base/content_hash.h"
#include "core/base/number_text.h"
#include "core/figure/attention_figure.h"
#include "core/figure/distribution_figure.h"
#include "core/figure/graph_figure.h"
#include "core/figure/layer_error_figure.h"
#include "core/figure/number_line_figure.h"
#include "core/figure/outlier_figure.h"
#include "core/figure/roofline_figure.h"
#include "core/figure/sensitivity_figure.h"
#include "core/figure/tensor_figure.h"
#include "core/plugin/plugin_loader.h"
#include "core/session/provenance_caption.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs::app {
namespace {

struct SheetSize {
    double width = 0, height = 0;
};

/// "1200x700" in pixels of 1/96 inch, "178x120mm" or "7x4.5in" as pixels. \error InvalidArgument
Result<SheetSize> parseSize(const std::string &text) {
    SheetSize size;
    const char *end = text.data() + text.size();
    const auto width = std::from_chars(text.data(), end, size.width);
    if (width.ec == std::errc() && width.ptr != end && *width.ptr == 'x')
        if (const auto height = std::from_chars(width.ptr + 1, end, size.height); height.ec == std::errc()) {
            const std::string_view unit(height.ptr, static_cast<std::size_t>(end - height.ptr));
            const double pixels = unit.empty() ? 1 : unit == "mm" ? kPixelsPerMillimetre : kPixelsPerInch;
            if (unit.empty() || unit == "mm" || unit == "in")
                return SheetSize{size.width * pixels, size.height * pixels};
        }
    return fail(ErrorCode::InvalidArgument,
                fmt::format("--size '{}' is not of the form 1200x700, 178x120mm or 7x4.5in", text));
}

tl::unexpected<Error> missingCalibration(const std::string &view) {
    return fail(ErrorCode::InvalidArgument,
                fmt::format("the view '{}' shows activations: give --calib FILE", view));
}

tl::unexpected<Error> notCaptured(const Capture &capture, const Layer &layer) {
    const bool reads = layer.kind != LayerKind::Embedding;
    return fail(ErrorCode::InvalidArgument,
                reads ? fmt::format("no activation that enters this layer was captured ({})", capture.origin)
                      : "this layer reads indices, it has no input activation",
                layer.name);
}

} // namespace

void RenderCommand::addOptions(CLI::App &app) {
    app.add_option(
           "VIEW", m_view,
           "attention (layer × head; with --recipe also quantized and difference), distribution, outliers "
           "(layer × channel), tokens (token × channel), sensitivity, layer-error, graph, numberline "
           "(formats over the values of a layer), tensor (weight, codes, dequantized or error of a layer), "
           "roofline (also of a config.json)")
        ->required()
        ->check(CLI::IsMember({"attention", "distribution", "outliers", "tokens", "sensitivity",
                               "layer-error", "graph", "numberline", "tensor", "roofline"}))
        ->type_name("VIEW");
    m_inputs.addModel(app);
    app.add_option("-o,--output", m_output, "The picture to write: .png, .svg or .pdf; or its data: .csv")
        ->required()
        ->type_name("FILE");
    m_inputs.addCalibration(app, false);
    m_inputs.addCaptured(app);
    m_inputs.addEvaluation(app, false);
    m_recipe.add(app);
    m_roofline.add(app);
    m_numberLine.add(app);
    const auto group = "Picture";
    app.add_option("--layer", m_layer,
                   "For distribution, numberline, tensor and tokens (default: the first layer)")
        ->type_name("NAME")
        ->group(group);
    app.add_option("--channel", m_channel,
                   "For distribution and numberline: one output channel of the weight")
        ->check(CLI::NonNegativeNumber)
        ->type_name("N")
        ->group(group);
    app.add_option("--of", m_of,
                   "For distribution, numberline and outliers: weight or activation; for tensor: weight, "
                   "codes, dequantized or error")
        ->check(CLI::IsMember({"weight", "activation", "codes", "dequantized", "error"}))
        ->capture_default_str()
        ->type_name("WHAT")
        ->group(group);
    app.add_option("--attention", m_attention, "For attention: one of them by name (default: all)")
        ->type_name("NAME")
        ->group(group);
    app.add_option("--sample", m_sample, "For attention: sample of --eval, else of --calib; the first is 0")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    addMetricOption(app, m_metric);
    app.add_option("--sensitivity-bits", m_bits, "For sensitivity: bit-widths")
        ->delimiter(',')
        ->check(CLI::Range(2, 8))
        ->capture_default_str()
        ->type_name("N,N,…")
        ->group(group);
    std::vector<std::string> metrics;
    for (const NodeMetricInfo &info : allNodeMetrics())
        metrics.push_back(info.id);
    app.add_option("--color-by", m_colorBy, fmt::format("For graph: {}", fmt::join(metrics, ", ")))
        ->check(CLI::IsMember(metrics))
        ->capture_default_str()
        ->type_name("ID")
        ->group(group);
    app.add_option("--boxes", m_boxes, "For graph: open blocks as long as at most so many boxes are seen")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    app.add_flag("--sideways", m_sideways, "For graph: edges lead to the right instead of down")
        ->group(group);
    addSheetOptions(app, group);
}

void RenderCommand::addSheetOptions(CLI::App &app, const char *group) {
    app.add_option("--size", m_size,
                   "In pixels of 1/96 inch, or as 178x120mm, 7x4.5in (default: what suits the data)")
        ->type_name("WxH")
        ->group(group);
    auto *dpi = app.add_option("--dpi", m_dpi, "Dots per inch of a PNG, and of images in SVG and PDF")
                    ->check(CLI::Range(48.0, 768.0))
                    ->type_name("N")
                    ->group(group);
    app.add_option("--scale", m_scale, "The same as a multiple of 96 dots per inch")
        ->check(CLI::Range(0.5, 8.0))
        ->capture_default_str()
        ->type_name("S")
        ->excludes(dpi)
        ->group(group);
    app.add_option("--text-size", m_textPoints, "Of labels, in points (default: 8.6)")
        ->check(CLI::Range(4.0, 24.0))
        ->type_name("PT")
        ->group(group);
    app.add_flag("--transparent", m_transparent, "No background")->group(group);
    app.add_flag("--no-heading", m_noHeading, "Neither title nor subtitle")->group(group);
    auto *noCaption =
        app.add_flag("--no-caption", m_noCaption, "Not where the data comes from")->group(group);
    app.add_option("--caption", m_caption, "This text instead of where the data comes from")
        ->type_name("TEXT")
        ->excludes(noCaption)
        ->group(group);
    app.add_option("--theme", m_theme, "light or dark")
        ->check(CLI::IsMember({"light", "dark"}))
        ->capture_default_str()
        ->type_name("NAME")
        ->group(group);
}

Result<FigureOptions> RenderCommand::figureOptions() const {
    FigureOptions options;
    if (!m_size.empty()) {
        QS_TRY(const SheetSize size, parseSize(m_size));
        QS_CHECK_OK(checkPictureSize(size.width, size.height));
        options.width = size.width;
        options.height = size.height;
    }
    options.scale = m_dpi > 0 ? m_dpi / kPixelsPerInch : m_scale;
    if (m_textPoints > 0)
        options.zoom = figureZoom(m_textPoints);
    options.transparent = m_transparent;
    options.heading = !m_noHeading;
    options.theme = m_theme == "dark" ? FigureTheme::dark() : FigureTheme::light();
    return options;
}

Result<CommandOutput> RenderCommand::run(const CommandContext &context) {
    // Wrong names and sizes are told before minutes are spent on the data.
    QS_CHECK_OK(checkFigureFile(m_output.string()));
    QS_TRY(FigureOptions options, figureOptions());
    QS_TRY(const Picture picture, this->picture(context));
    if (!m_noCaption)
        options.caption = m_caption.empty() ? provenanceCaption(picture.provenance) : m_caption;
    QS_CHECK_OK(writeFigure(*picture.figure, options, m_output));
    return CommandOutput{{{"file", m_output.string()}, {"view", m_view}, {"title", picture.figure->title()}},
                         fmt::format("{}\n", m_output.string())};
}

Result<RenderCommand::Picture> RenderCommand::picture(const CommandContext &context) const {
    if (m_view != "tensor" && m_of != "weight" && m_of != "activation")
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("--of {} is for the view 'tensor'; '{}' shows weight or activation", m_of, m_view));
    if (m_view == "attention")
        return attention(context);
    if (m_view == "distribution")
        return distribution(context);
    if (m_view == "outliers")
        return outliers(context);
    if (m_view == "tokens")
        return tokens(context);
    if (m_view == "sensitivity")
        return sensitivity(context);
    if (m_view == "graph")
        return graph(context);
    if (m_view == "numberline")
        return numberLine(context);
    if (m_view == "tensor")
        return tensor(context);
    if (m_view == "roofline")
        return roofline(context);
    return layerErrors(context);
}

Result<RenderCommand::Opened> RenderCommand::open(bool needsCapture, const CommandContext &context) const {
    Opened opened;
    QS_TRY(opened.model, m_inputs.openModel(context));
    opened.provenance.program = "quantoscope " QS_VERSION;
    opened.provenance.modelFile = opened.model->file.filename().string();
    opened.provenance.modelSha256 = opened.model->sha256;
    if (!needsCapture)
        return opened;
    QS_TRY(opened.capture, m_inputs.capture(opened.model, context, &opened.provenance));
    if (!opened.capture)
        return missingCalibration(m_view);
    return opened;
}

Result<const Layer *> RenderCommand::layerOf(const Model &model) const {
    if (model.layers.empty())
        return fail(ErrorCode::Unsupported, "the model has no layer that can be quantized",
                    model.file.string());
    return m_layer.empty() ? &model.layers.front() : findLayer(model, m_layer);
}

Result<RenderCommand::Picture> RenderCommand::attention(const CommandContext &context) const {
    QS_TRY(AttentionJob::Result result,
           (AttentionJob{m_inputs, m_recipe, m_recipe.isFileGiven(), m_sample}.execute(context)));
    QS_TRY(const int block, findAttentionBlock(*result.survey->attention, m_attention));
    return Picture{makeAttentionFigure(result.survey, block), std::move(result.provenance)};
}

Result<RenderCommand::Picture> RenderCommand::distribution(const CommandContext &context) const {
    QS_TRY(const Opened opened, open(m_of == "activation", context));
    QS_TRY(const Layer *layer, layerOf(*opened.model));
    const auto methods = loadMethods(context.findings);
    if (m_of == "activation") {
        const auto &capture = opened.capture->layers[static_cast<std::size_t>(layer->id)];
        if (!capture)
            return notCaptured(*opened.capture, *layer);
        QS_TRY(const Recipe recipe, m_recipe.recipe(*opened.model, *methods));
        const auto choice = recipe.choiceFor(layer->name).activation;
        return Picture{makeDistributionFigure(activationDistribution(
                           *layer, *capture, choice ? std::optional(choice->grid) : std::nullopt)),
                       opened.provenance};
    }
    RunJob job{m_inputs, m_recipe};
    job.measure = false;
    job.onlyLayer = layer->name;
    QS_TRY(const std::shared_ptr<const Run> run, job.execute(context));
    const auto &result = run->layers[static_cast<std::size_t>(layer->id)];
    QS_TRY(Distribution data,
           weightDistribution(*run->quantizedModel(), *layer,
                              result ? result->quantized.weight.get() : nullptr, m_channel));
    Provenance provenance = run->provenance;
    provenance.evaluationFile.clear(); // nothing of the picture was measured on outputs
    return Picture{makeDistributionFigure(std::move(data)), std::move(provenance)};
}

Result<RenderCommand::Picture> RenderCommand::outliers(const CommandContext &context) const {
    const bool activations = m_of == "activation" || m_inputs.hasSets();
    QS_TRY(const Opened opened, open(activations, context));
    if (activations)
        return Picture{
            makeLayerChannelFigure(activationMagnitudes(*opened.model, *opened.capture), "input activation"),
            opened.provenance};
    QS_TRY(const auto surveys, surveyWeights(*opened.model, context.run));
    return Picture{makeLayerChannelFigure(weightMagnitudes(*opened.model, surveys), "weight"),
                   opened.provenance};
}

Result<RenderCommand::Picture> RenderCommand::tokens(const CommandContext &context) const {
    QS_TRY(const Opened opened, open(true, context));
    QS_TRY(const Layer *layer, layerOf(*opened.model));
    const auto &capture = opened.capture->layers[static_cast<std::size_t>(layer->id)];
    if (!capture)
        return notCaptured(*opened.capture, *layer);
    return Picture{makeTokenChannelFigure(*layer, capture), opened.provenance};
}

Result<RenderCommand::Picture> RenderCommand::sensitivity(const CommandContext &context) const {
    QS_TRY(SensitivityJob::Result result, (SensitivityJob{m_inputs, m_recipe, m_bits}.execute(context)));
    return Picture{makeSensitivityFigure(result.model, result.table, findMetric(m_metric)->metric),
                   std::move(result.provenance)};
}

Result<RenderCommand::Picture> RenderCommand::graph(const CommandContext &context) const {
    GraphPicture picture{m_inputs, m_recipe, m_colorBy};
    picture.boxes = m_boxes;
    picture.direction = m_sideways ? MapDirection::Right : MapDirection::Down;
    QS_TRY(GraphPicture::Result result, picture.execute(context));
    return Picture{makeGraphFigure(result.scene), std::move(result.provenance)};
}

Result<RenderCommand::Picture> RenderCommand::numberLine(const CommandContext &context) const {
    QS_TRY(NumberLineStudy study, m_numberLine.study(m_inputs, m_layer, m_of, m_channel, context));
    NumberLinePicture picture{
        std::move(study.source.title),
        fmt::format("{} values. ", withThousands(study.values.count())) + study.source.note,
        std::move(study.source.valueName), std::move(study.values), std::move(study.rows)};
    if (const auto lost = picture.values.nanCount() + picture.values.infCount(); lost > 0)
        picture.subtitle += fmt::format(" {} NaN or Inf are left out.", withThousands(lost));
    return Picture{makeNumberLineFigure(std::move(picture)), std::move(study.provenance)};
}

Result<RenderCommand::Picture> RenderCommand::tensor(const CommandContext &context) const {
    QS_TRY(const WeightAspect aspect, weightAspectFromName(m_of));
    QS_TRY(const TensorJob::Result job, (TensorJob{m_inputs, m_recipe, m_layer, {}}.execute(context)));
    if (!job.matrix && aspect != WeightAspect::Weight)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the recipe leaves this layer in float: it has no {}; choose --of weight",
                                m_of == "error"   ? "errors"
                                : m_of == "codes" ? "codes"
                                                  : "dequantized values"),
                    job.layer->name);
    if (!job.hasOriginal && aspect == WeightAspect::Error)
        return fail(ErrorCode::InvalidArgument,
                    "there are no errors: the float weights are not in this file; choose --of codes or "
                    "dequantized",
                    job.layer->name);
    Provenance provenance = job.run->provenance;
    provenance.evaluationFile.clear(); // nothing of the picture was measured on outputs
    return Picture{makeTensorFigure(*job.layer, aspect, job.weights, job.matrix), std::move(provenance)};
}

Result<RenderCommand::Picture> RenderCommand::roofline(const CommandContext &context) const {
    QS_TRY(RooflineStudy study, m_roofline.study(m_inputs.modelFile(), m_recipe, context));
    Provenance provenance;
    provenance.program = "quantoscope " QS_VERSION;
    provenance.modelFile = m_inputs.modelFile().filename().string();
    QS_TRY(provenance.modelSha256, sourceHash(m_inputs.modelFile(), context.run));
    return Picture{makeRooflineFigure(std::make_shared<const RooflineStudy>(std::move(study))),
                   std::move(provenance)};
}

Result<RenderCommand::Picture> RenderCommand::layerErrors(const CommandContext &context) const {
    QS_TRY(const std::shared_ptr<const Run> run, (RunJob{m_inputs, m_recipe}.execute(context)));
    return Picture{makeLayerErrorFigure(run), run->provenance};
}

} // namespace qs::app
