#include "core/base/json_text.h"
#include "core/graph/weights_only.h"
#include "core/session/project_json.h"
#include "tests/fuzz/memory_file.h"

#include <algorithm>
#include <fuzzer/FuzzedDataProvider.h>

// The documents inside of a project file, for a model of two layers. The first byte chooses the document;
// behind its text, a zero byte and what fills the arrays of quantized weights.

namespace {

using namespace qs;

std::shared_ptr<const Model> smallModel() {
    auto model = std::make_shared<Model>();
    WeightsOnlyBuilder builder("small");
    for (const char *name : {"a.weight", "b.weight"})
        if (!builder.add(name, Tensor::zeros(DType::Float32, Shape{4, 6})))
            std::_Exit(2);
    auto graph = std::move(builder).finish();
    if (!graph)
        std::_Exit(2);
    model->graph = std::move(*graph);
    model->layers = findLayers(model->graph);
    return model;
}

template <typename T>
std::vector<T> numbers(FuzzedDataProvider &input, std::int64_t fitting) {
    const auto most = static_cast<std::int64_t>(input.remaining_bytes() / sizeof(T)) + 64;
    const std::int64_t size =
        input.ConsumeBool() ? std::min(fitting, most) : input.ConsumeIntegralInRange(0, 40);
    std::vector<T> values(static_cast<std::size_t>(std::max<std::int64_t>(0, size)), T(1));
    const std::vector<std::uint8_t> bytes = input.ConsumeBytes<std::uint8_t>(values.size() * sizeof(T) / 2);
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::uint8_t *>(values.data()));
    return values;
}

/// What readMatrix() of project_arrays.h lets through: any numbers, in types and sizes that the grid asks
/// for.
void fill(QuantizedMatrix &matrix, FuzzedDataProvider &input) {
    matrix.codes = numbers<std::int16_t>(input, matrix.rows * matrix.cols);
    const std::int64_t slices = matrix.layout.slices();
    matrix.scales = numbers<float>(input, slices);
    matrix.zeroPoints = numbers<std::int32_t>(input, slices);
    if (input.ConsumeBool())
        matrix.groupOfColumn = numbers<std::int32_t>(input, matrix.cols);
    if (input.ConsumeBool())
        matrix.realZeroPoints = numbers<float>(input, slices);
    if (input.ConsumeBool())
        matrix.levels = numbers<float>(input, std::int64_t{1} << matrix.bits);
    if (input.ConsumeBool())
        matrix.kept.push_back(
            {input.ConsumeIntegral<std::int64_t>(), input.ConsumeIntegral<std::int64_t>(), 1});
}

Status refuseEmptyGroups(const QuantizedMatrix &matrix) {
    const bool empty = matrix.layout.granularity == Granularity::PerGroup && matrix.layout.groupSize < 1;
    return empty ? fail(ErrorCode::CorruptFile, "group size is 0") : Status();
}

void readRun(const nlohmann::json &json, const std::shared_ptr<const Model> &model,
             FuzzedDataProvider &input) {
    const auto arrays = [&](std::size_t, QuantizedMatrix &matrix) -> Status {
        QS_CHECK_OK(refuseEmptyGroups(matrix));
        fill(matrix, input);
        return {};
    };
    const auto entry = runFromJson(json, model, arrays);
    if (!entry)
        return;
    for (const auto &layer : entry->run->layers)
        if (layer && layer->quantized.weight)
            (void)layer->quantized.weight->dequantize();
    (void)projectText(runToJson(*entry));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static const auto model = smallModel();
    const std::string_view all = fuzz::textOf(data, size);
    const std::size_t text = std::min(all.find('\0'), size);
    const auto json =
        text > 1 ? parseJson(all.substr(1, text - 1), "/head") : fail(ErrorCode::CorruptFile, "");
    if (!json)
        return 0;
    if (all[0] == 's') {
        if (const auto table = sensitivityFromJson(*json, *model))
            (void)projectText(sensitivityToJson(*table, *model));
    } else if (all[0] == 'c') {
        LayerCapture capture;
        if (layerCaptureFromJson(*json, capture))
            (void)projectText(layerCaptureToJson(capture, "a"));
    } else {
        FuzzedDataProvider input(data + text, size - text);
        readRun(*json, model, input);
    }
    return 0;
}
