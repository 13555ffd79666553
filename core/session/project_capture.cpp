#include "core/session/project_capture.h"

#include "core/base/json_object_reader.h"
#include "core/session/project_arrays.h"
#include "core/session/project_json.h"

namespace qs {
namespace {

constexpr std::int64_t kLargestCapture = std::int64_t(256) << 20;

std::string layerGroup(const std::string &group, std::size_t index) {
    return fmt::format("{}/layers/{}", group, index);
}

} // namespace

Result<bool> writeCapture(Hdf5Writer &writer, const std::string &group, const Capture &capture,
                          const Model &model) {
    std::int64_t bytes = 0;
    for (const auto &layer : capture.layers)
        bytes += layer ? storedBytes(*layer) : 0;
    if (bytes > kLargestCapture)
        return false;
    nlohmann::ordered_json head{{"calibrationSha256", capture.calibrationSha256},
                                {"samples", capture.samples},
                                {"layers", nlohmann::ordered_json::array()}};
    for (std::size_t id = 0; id < capture.layers.size(); ++id)
        if (const auto &layer = capture.layers[id]) {
            QS_CHECK_OK(writeLayerCapture(writer, layerGroup(group, head["layers"].size()), *layer));
            head["layers"].push_back(layerCaptureToJson(*layer, model.layers[id].name));
        }
    QS_CHECK_OK(writer.writeText(group + "/head", projectText(head)));
    return true;
}

Result<std::shared_ptr<const Capture>> readCapture(const Hdf5File &file, const std::string &group,
                                                   const Model &model, const RunContext &ctx) {
    QS_TRY(const nlohmann::json head, readProjectJson(file, group + "/head"));
    auto capture = std::make_shared<Capture>();
    capture->layers.resize(model.layers.size());
    JsonObjectReader reader(head, "capture");
    reader.text("calibrationSha256", capture->calibrationSha256, JsonObjectReader::Required);
    reader.integer("samples", std::int64_t{0}, std::int64_t{1} << 40, capture->samples,
                   JsonObjectReader::Required);
    const nlohmann::json *layers = reader.array("layers", JsonObjectReader::Required);
    QS_CHECK_OK(reader.finish());
    for (std::size_t i = 0; i < layers->size(); ++i) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        auto layer = std::make_shared<LayerCapture>();
        QS_CHECK_OK(layerCaptureFromJson((*layers)[i], *layer));
        const Layer *known = model.findLayer((*layers)[i]["layer"].get<std::string>());
        if (!known)
            return fail(ErrorCode::NotFound, "the model has no layer " + (*layers)[i]["layer"].dump());
        layer->layer = known->id;
        QS_CHECK_OK(readLayerCapture(file, layerGroup(group, i), *layer));
        capture->layers[static_cast<std::size_t>(known->id)] = std::move(layer);
    }
    return capture;
}

} // namespace qs
