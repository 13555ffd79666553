#include "core/session/project_json.h"

#include "core/base/json_object_reader.h"
#include "core/base/json_text.h"
#include "core/graph/stored_weight.h"
#include "core/io/hdf5_file.h"
#include "core/session/measurement_json.h"
#include "core/tensor/blocks/block_type.h"

namespace qs {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;
using Reader = JsonObjectReader;

constexpr int kAnyRun = 1 << 30;
constexpr double kLargest = std::numeric_limits<double>::max();
constexpr std::int64_t kLargestGroup = std::int64_t{1}
                                       << 40; // sums of columns and groups stay far from overflow

template <typename T>
void readOptional(Reader &reader, const std::string &key,
                  Status (*read)(const Json &, const std::string &, T &), std::optional<T> &value) {
    if (const Json *json = reader.member(key))
        reader.take(read(*json, reader.pathOf(key), value.emplace()));
}

// ---------------------------------------------------------------- provenance

OrderedJson setToJson(const std::string &file, const std::string &sha256, std::int64_t samples) {
    return {{"file", file}, {"sha256", sha256}, {"samples", samples}};
}

Status readSet(const Json &json, const std::string &path, std::string &file, std::string &sha256,
               std::int64_t &samples) {
    Reader reader(json, path);
    reader.text("file", file, Reader::Required);
    reader.text("sha256", sha256, Reader::Required);
    reader.integer("samples", std::int64_t{0}, kAnyCount, samples, Reader::Required);
    return reader.finish();
}

OrderedJson provenanceToJson(const Provenance &from) {
    OrderedJson json{
        {"program", from.program},
        {"modelFile", from.modelFile},
        {"modelSha256", from.modelSha256},
        {"calibration", setToJson(from.calibrationFile, from.calibrationSha256, from.calibrationSamples)},
        {"evaluation", setToJson(from.evaluationFile, from.evaluationSha256, from.evaluationSamples)},
        {"seed", from.seed},
        {"methods", from.methodVersions}};
    if (!from.codesSha256.empty())
        json["codes"] = {{"file", from.codesFile}, {"sha256", from.codesSha256}};
    return json;
}

Status readCodesSource(const Json &json, const std::string &path, Provenance &to) {
    Reader reader(json, path);
    reader.text("file", to.codesFile, Reader::Required);
    reader.text("sha256", to.codesSha256, Reader::Required);
    return reader.finish();
}

Status readProvenance(const Json &json, const std::string &path, Provenance &to) {
    Reader reader(json, path);
    reader.text("program", to.program, Reader::Required);
    reader.text("modelFile", to.modelFile, Reader::Required);
    reader.text("modelSha256", to.modelSha256, Reader::Required);
    if (const Json *set = reader.member("calibration", Reader::Required))
        reader.take(readSet(*set, reader.pathOf("calibration"), to.calibrationFile, to.calibrationSha256,
                            to.calibrationSamples));
    if (const Json *set = reader.member("evaluation", Reader::Required))
        reader.take(readSet(*set, reader.pathOf("evaluation"), to.evaluationFile, to.evaluationSha256,
                            to.evaluationSamples));
    reader.integer("seed", std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max(), to.seed,
                   Reader::Required);
    if (const Json *methods = reader.member("methods", Reader::Required))
        reader.take(readTexts(*methods, reader.pathOf("methods"), to.methodVersions));
    if (const Json *codes = reader.member("codes"))
        reader.take(readCodesSource(*codes, reader.pathOf("codes"), to));
    return reader.finish();
}

// ---------------------------------------------------------------- layers of a run

const std::pair<const char *, LayerResult::State> kStates[] = {{"quantized", LayerResult::State::Quantized},
                                                               {"float", LayerResult::State::Float},
                                                               {"failed", LayerResult::State::Failed}};

Result<LayerResult::State> stateFromName(std::string_view name) {
    for (const auto &[known, state] : kStates)
        if (name == known)
            return state;
    return fail(ErrorCode::InvalidArgument, fmt::format("'{}' is no state of a layer", name));
}

OrderedJson layerToJson(const LayerResult &result, const Model &model) {
    OrderedJson json{{"layer", model.layers[static_cast<std::size_t>(result.layer)].name},
                     {"state", kStates[static_cast<std::size_t>(result.state)].first},
                     {"seconds", jsonReal(result.seconds)}};
    if (!result.failure.empty())
        json["failure"] = result.failure;
    if (result.quantized.weight)
        json["weight"] = matrixToJson(*result.quantized.weight);
    if (!result.quantized.outputOffset.empty())
        json["outputOffset"] = result.quantized.outputOffset;
    if (result.quantized.activation)
        json["activation"] = {{"scale", jsonReal(result.quantized.activation->scale)},
                              {"zeroPoint", result.quantized.activation->zeroPoint}};
    if (result.quantized.activationRegion)
        json["activationRegion"] = {{"step", jsonReal(result.quantized.activationRegion->step)},
                                    {"shift", result.quantized.activationRegion->shift}};
    if (result.weightError)
        json["weightError"] = errorToJson(*result.weightError);
    if (result.outputError)
        json["outputError"] = errorToJson(*result.outputError);
    if (result.network)
        json["network"] = outputToJson(*result.network);
    return json;
}

Status readMatrix(const Json &json, const std::string &path, QuantizedMatrix &matrix) {
    Reader reader(json, path);
    reader.integer("rows", std::int64_t{0}, kAnyCount, matrix.rows, Reader::Required);
    reader.integer("cols", std::int64_t{0}, kAnyCount, matrix.cols, Reader::Required);
    reader.integer("bits", 1, kMaxBits, matrix.bits, Reader::Required);
    reader.choice("convention", gridConventionFromName, matrix.convention);
    reader.choice("granularity", granularityFromName, matrix.layout.granularity);
    reader.integer("groupSize", std::int64_t{0}, kLargestGroup, matrix.layout.groupSize, Reader::Required);
    reader.boolean("scaleAsFloat16", matrix.scaleAsFloat16);
    if (reader.member("scaleBits")) {
        constexpr double kMostBits = 4096;
        matrix.sliceStorage.emplace();
        reader.number("scaleBits", 0, kMostBits, matrix.sliceStorage->scaleBits);
        reader.number("zeroPointBits", 0, kMostBits, matrix.sliceStorage->zeroPointBits);
    }
    matrix.layout.rows = matrix.rows;
    matrix.layout.cols = matrix.cols;
    return reader.finish();
}

Status readActivation(const Json &json, const std::string &path, const LayerChoice &choice,
                      QuantizedLayer &quantized) {
    if (!choice.activation)
        return fail(ErrorCode::InvalidArgument, "the recipe keeps this activation in float", path);
    quantized.activationScheme = choice.activation->grid;
    const CodeRange range = codeRange(choice.activation->grid.bits, choice.activation->grid.convention);
    ScaleZero &grid = quantized.activation.emplace();
    double scale = 0;
    Reader reader(json, path);
    reader.number("scale", std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max(),
                  scale);
    reader.integer("zeroPoint", range.lowest, range.highest, grid.zeroPoint, Reader::Required);
    grid.scale = static_cast<float>(scale);
    return reader.finish();
}

Status readRegion(const Json &json, const std::string &path, QuantizedLayer &quantized) {
    RegionGrid &grid = quantized.activationRegion.emplace();
    double step = 0;
    Reader reader(json, path);
    reader.number("step", std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max(), step);
    reader.integer("shift", 0, kMaxRegionShift, grid.shift, Reader::Required);
    grid.step = static_cast<float>(step);
    return reader.finish();
}

Status readOffset(const Json &json, const std::string &path, const Layer &layer, QuantizedLayer &quantized) {
    const auto number = [](const Json &value) { return value.is_number(); };
    if (!json.is_array() || static_cast<std::int64_t>(json.size()) != layer.outChannels ||
        !std::all_of(json.begin(), json.end(), number))
        return fail(ErrorCode::InvalidArgument, fmt::format("must be {} numbers", layer.outChannels), path);
    quantized.outputOffset = json.get<std::vector<float>>();
    return {};
}

Result<std::shared_ptr<LayerResult>> readLayer(const Json &json, const std::string &path, const Model &model,
                                               const Recipe &recipe, const MatrixArrays &arrays,
                                               std::size_t index) {
    auto result = std::make_shared<LayerResult>();
    Reader reader(json, path);
    std::string name;
    reader.text("layer", name, Reader::Required);
    const Layer *layer = model.findLayer(name);
    if (!layer)
        return fail(ErrorCode::NotFound, fmt::format("the model has no layer '{}'", name), path);
    result->layer = layer->id;
    result->choice = recipe.choiceFor(name);
    result->quantized.layer = layer->id;
    reader.choice("state", stateFromName, result->state);
    reader.real("seconds", result->seconds);
    reader.text("failure", result->failure);
    readOptional(reader, "weightError", readError, result->weightError);
    readOptional(reader, "outputError", readError, result->outputError);
    readOptional(reader, "network", readOutput, result->network);
    if (const Json *offset = reader.member("outputOffset"))
        reader.take(readOffset(*offset, reader.pathOf("outputOffset"), *layer, result->quantized));
    if (result->choice.activation && result->choice.activation->scale != ActivationScale::Static &&
        result->state == LayerResult::State::Quantized && layer->kind != LayerKind::Embedding) {
        result->quantized.activationScheme = result->choice.activation->grid;
        result->quantized.activationScale = result->choice.activation->scale;
        result->quantized.activationAlpha = result->choice.activation->alpha;
    }
    if (const Json *activation = reader.member("activation"))
        reader.take(
            readActivation(*activation, reader.pathOf("activation"), result->choice, result->quantized));
    if (const Json *region = reader.member("activationRegion"))
        reader.take(readRegion(*region, reader.pathOf("activationRegion"), result->quantized));
    if (result->quantized.activationScale == ActivationScale::Region && !result->quantized.activationRegion)
        reader.refuse(reader.pathOf("activationRegion"), "is missing");
    if (const Json *weight = reader.member("weight")) {
        auto matrix = std::make_shared<QuantizedMatrix>();
        reader.take(readMatrix(*weight, reader.pathOf("weight"), *matrix));
        if (matrix->rows != layer->outChannels || matrix->cols != layer->inPerOut)
            reader.refuse(reader.pathOf("weight"),
                          fmt::format("is [{}, {}], the layer's weight [{}, {}]", matrix->rows, matrix->cols,
                                      layer->outChannels, layer->inPerOut));
        QS_CHECK_OK(reader.finish());
        QS_CHECK_OK(arrays(index, *matrix));
        QS_CHECK_OK(matrix->validate(QuantizedMatrix::ScaleSign::Any));
        result->bits = matrix->bitsBreakdown();
        result->quantized.weight = std::move(matrix);
    } else {
        result->bits.codes = bitsPerElement(model.graph.constant(layer->weight)->dtype());
    }
    QS_CHECK_OK(reader.finish());
    return result;
}

/// Layers of codes that were read from a file, as storedRun() describes them.
void describeStored(const Run &run, LayerResult &layer) {
    if (run.provenance.codesSha256.empty())
        return;
    layer.hasOriginal = run.hasOriginal() || layer.state == LayerResult::State::Float;
    const Layer &info = run.model->layers[static_cast<std::size_t>(layer.layer)];
    if (!layer.quantized.weight)
        layer.bits.codes = bitsPerElement(storedWeight(info, run.model->graph).dtype());
}

} // namespace

std::string projectText(const OrderedJson &document) {
    return document.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

Result<Json> readProjectJson(const Hdf5File &file, const std::string &path) {
    QS_TRY(const Tensor bytes, file.read(path));
    if (bytes.dtype() != DType::UInt8 || bytes.shape().rank() != 1)
        return fail(ErrorCode::CorruptFile, "is not text (uint8)", path);
    const auto values = bytes.values<std::uint8_t>();
    return parseJson({reinterpret_cast<const char *>(values.data()), values.size()}, path);
}

OrderedJson matrixToJson(const QuantizedMatrix &matrix) {
    OrderedJson json{{"rows", matrix.rows},
                     {"cols", matrix.cols},
                     {"bits", matrix.bits},
                     {"convention", gridConventionName(matrix.convention)},
                     {"granularity", granularityName(matrix.layout.granularity)},
                     {"groupSize", matrix.layout.groupSize},
                     {"scaleAsFloat16", matrix.scaleAsFloat16}};
    if (matrix.sliceStorage) {
        json["scaleBits"] = matrix.sliceStorage->scaleBits;
        json["zeroPointBits"] = matrix.sliceStorage->zeroPointBits;
    }
    return json;
}

OrderedJson runToJson(const RunEntry &entry) {
    const Run &run = *entry.run;
    OrderedJson json{{"number", entry.number},        {"parent", entry.parent},
                     {"compared", entry.compared},    {"name", run.name},
                     {"recipe", run.recipe.toJson()}, {"provenance", provenanceToJson(run.provenance)}};
    if (run.baseline)
        json["baseline"] = outputToJson(*run.baseline);
    if (run.total)
        json["total"] = outputToJson(*run.total);
    json["layers"] = OrderedJson::array();
    for (const auto &layer : run.layers)
        if (layer)
            json["layers"].push_back(layerToJson(*layer, *run.model));
    return json;
}

Result<RunEntry> runFromJson(const Json &json, std::shared_ptr<const Model> model,
                             const MatrixArrays &arrays) {
    RunEntry entry;
    auto run = std::make_shared<Run>();
    run->model = model;
    run->layers.resize(model->layers.size());
    Reader reader(json, "");
    reader.integer("number", 1, kAnyRun, entry.number, Reader::Required);
    reader.integer("parent", 0, kAnyRun, entry.parent, Reader::Required);
    reader.boolean("compared", entry.compared);
    reader.text("name", run->name, Reader::Required);
    if (const Json *recipe = reader.member("recipe", Reader::Required)) {
        QS_TRY(run->recipe, Recipe::fromJson(*recipe));
        QS_CHECK_OK(run->recipe.validate());
    }
    if (const Json *provenance = reader.member("provenance", Reader::Required))
        reader.take(readProvenance(*provenance, "provenance", run->provenance));
    readOptional(reader, "baseline", readOutput, run->baseline);
    readOptional(reader, "total", readOutput, run->total);
    if (const Json *layers = reader.array("layers", Reader::Required))
        for (std::size_t i = 0; i < layers->size(); ++i) {
            QS_TRY(auto layer,
                   readLayer((*layers)[i], fmt::format("layers[{}]", i), *model, run->recipe, arrays, i));
            describeStored(*run, *layer);
            run->layers[static_cast<std::size_t>(layer->layer)] = std::move(layer);
        }
    QS_CHECK_OK(reader.finish());
    run->complete = true;
    entry.run = std::move(run);
    return entry;
}

OrderedJson layerCaptureToJson(const LayerCapture &capture, const std::string &layerName) {
    return {{"layer", layerName},
            {"tokens", capture.tokens},
            {"channels", capture.channels},
            {"stats", statsToJson(capture.stats)},
            {"histogramLo", jsonReal(capture.histogram.lo())},
            {"histogramHi", jsonReal(capture.histogram.hi())}};
}

Status layerCaptureFromJson(const Json &json, LayerCapture &capture) {
    Reader reader(json, "capture");
    std::string layer;
    reader.text("layer", layer, Reader::Required);
    reader.integer("tokens", std::int64_t{0}, kAnyCount, capture.tokens, Reader::Required);
    reader.integer("channels", std::int64_t{0}, kAnyCount, capture.channels, Reader::Required);
    if (const Json *stats = reader.member("stats", Reader::Required))
        reader.take(readStats(*stats, "stats", capture.stats));
    double lo = 0, hi = 0;
    reader.number("histogramLo", -kLargest, kLargest, lo);
    reader.number("histogramHi", -kLargest, kLargest, hi);
    if (lo >= hi)
        reader.refuse("histogramLo", "must be less than histogramHi");
    QS_CHECK_OK(reader.finish());
    capture.histogram = Histogram(lo, hi, 1);
    return {};
}

} // namespace qs
