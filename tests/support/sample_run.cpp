#include "tests/support/sample_run.h"

#include "core/base/random.h"
#include "core/io/importer.h"

#include <gtest/gtest.h>

namespace qs {
namespace {

std::shared_ptr<const QuantizedMatrix> roundedWeight(const Layer &layer, const Model &model,
                                                     const WeightGridScheme &scheme) {
    const Tensor weight = weightMatrix(layer, model.graph).value();
    QuantizeRequest request;
    request.layerName = layer.name;
    request.weights = {weight.values<float>().data(), layer.outChannels, layer.inPerOut};
    request.groups = layer.groups;
    request.scheme = scheme;
    const auto quantizer = makeRtnQuantizer();
    request.parameters = quantizer->schema().defaults();
    auto matrix = quantizer->quantize(request, {});
    EXPECT_TRUE(matrix) << matrix.error().text();
    return std::make_shared<QuantizedMatrix>(std::move(matrix).value());
}

} // namespace

Run makeSampleRun(std::shared_ptr<const Model> model, const WeightGridScheme &scheme,
                  std::optional<GridScheme> activation) {
    Run run;
    run.name = "sample";
    run.recipe = uniformRecipe("sample", {"rtn", scheme, nlohmann::json::object()}, std::nullopt);
    run.provenance.program = "quantoscope test";
    run.provenance.modelFile = model->file.filename().string();
    run.provenance.modelSha256 = model->sha256;
    for (const Layer &layer : model->layers) {
        auto result = std::make_shared<LayerResult>();
        result->layer = layer.id;
        result->state = LayerResult::State::Quantized;
        result->choice = run.recipe.choiceFor(layer.name);
        result->quantized = {layer.id, roundedWeight(layer, *model, scheme), std::nullopt, std::nullopt};
        result->bits = result->quantized.weight->bitsBreakdown();
        if (activation && layer.kind != LayerKind::Embedding) {
            result->quantized.activation = gridForRange(-1, 2, activation->bits, activation->convention);
            result->quantized.activationScheme = activation;
        }
        run.layers.push_back(std::move(result));
    }
    run.model = std::move(model);
    run.complete = true;
    return run;
}

std::shared_ptr<const Model> openSample(const std::filesystem::path &file) {
    FindingList findings;
    auto model = openModel(file, findings, {});
    EXPECT_TRUE(model) << (model ? "" : model.error().text());
    return model ? *model : nullptr;
}

RunRequest sampleRequest(const std::filesystem::path &model, const std::filesystem::path &data,
                         std::int64_t samples, const WeightChoice &weights) {
    RunRequest request;
    request.model = openSample(model);
    request.executor = *Executor::create(request.model);
    request.calibration = *CalibrationSet::open(data, {});
    auto methods = std::make_shared<MethodRegistry>();
    EXPECT_TRUE(methods->add(makeRtnQuantizer()));
    request.methods = methods;
    request.calibrationSamples = request.evaluationSamples = samples;
    request.measureInNetwork = false;
    request.recipe = uniformRecipe({}, weights, {});
    return request;
}

Tensor sampleValues(Shape shape, std::uint64_t seed, float amplitude) {
    Tensor tensor = Tensor::allocate(DType::Float32, std::move(shape));
    Random random(seed);
    for (float &value : tensor.mutableValues<float>())
        value = static_cast<float>(2 * random.uniform() - 1) * amplitude;
    return tensor;
}

} // namespace qs
