#include "views/number_line/number_line_values.h"

#include "core/graph/weights_only.h"

namespace qs::views {

namespace {

constexpr std::int64_t kSample = 1 << 17;
constexpr std::uint64_t kSampleSeed = 1;

} // namespace

std::string NumberLineRequest::whyNothing() const {
    if (!model)
        return "No model is open. Open one, or drop a file onto the window.";
    if (layer < 0 || static_cast<std::size_t>(layer) >= model->layers.size())
        return "No layer is selected. Click one in the layer table.";
    const Layer &info = layerInfo();
    if (source.of == ValueSource::Of::Activation && info.kind == LayerKind::Embedding)
        return info.name + " reads indices, not activations. Look at its weight, or select another layer.";
    if (source.of == ValueSource::Of::Activation && !capture && isWeightsOnly(model->graph))
        return kNoGraphText;
    if (source.of == ValueSource::Of::Activation && (!capture || capture->sample.empty()))
        return "No activations yet. Open a calibration file and calibrate, or look at the weight.";
    return {};
}

Result<std::shared_ptr<const NumberLineValues>>
prepareNumberLine(const NumberLineRequest &request,
                  const std::function<void(std::shared_ptr<const NumberLineValues>)> &early,
                  const RunContext &ctx) {
    QS_TRY(const SourceValues source,
           sourceValues(*request.model, request.layerInfo(), request.capture.get(), request.source));
    QS_TRY(const TensorStats stats, computeStats(source.values, ctx));
    NumberLineValues described{request,     source.title,           source.valueName,
                               source.note, {stats.min, stats.max}, {}};
    if (request.capture) // of all tokens, as a run has it
        described.extent = {request.capture->stats.min, request.capture->stats.max};
    // Small tensors are sorted before a sample could be seen.
    if (static_cast<std::int64_t>(source.values.size()) > 8 * kSample) {
        auto sample = std::make_shared<NumberLineValues>(described);
        sample->isEarly = true;
        sample->sorted = SortedValues::sample(source.values, kSample, kSampleSeed);
        early(std::move(sample));
    }
    auto all = std::make_shared<NumberLineValues>(described);
    QS_TRY(all->sorted, SortedValues::build(source.values, ctx));
    return all;
}

} // namespace qs::views
