#include "core/base/json_object_reader.h"
#include "core/session/measurement_json.h"
#include "core/session/project_json.h"

namespace qs {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;
using Reader = JsonObjectReader;

Status readCell(const Json &json, const std::string &path, std::optional<AloneMetrics> &cell) {
    if (json.is_null())
        return {};
    AloneMetrics &metrics = cell.emplace();
    Reader reader(json, path);
    if (const Json *error = reader.member("layerOutput", Reader::Required))
        reader.take(readError(*error, reader.pathOf("layerOutput"), metrics.layerOutput));
    if (const Json *network = reader.member("network", Reader::Required))
        reader.take(readOutput(*network, reader.pathOf("network"), metrics.network));
    return reader.finish();
}

Status readRow(const Json &json, const std::string &path, const Model &model, SensitivityTable &table) {
    Reader reader(json, path);
    std::string name;
    reader.text("layer", name, Reader::Required);
    const Layer *layer = model.findLayer(name);
    if (!layer)
        reader.refuse(path, fmt::format("the model has no layer '{}'", name));
    const Json *cells = reader.array("cells", Reader::Required);
    if (cells && cells->size() != table.bits.size())
        reader.refuse(reader.pathOf("cells"), "must have one entry per bit-width");
    QS_CHECK_OK(reader.finish());
    table.layers.push_back(layer->id);
    for (const Json &cell : *cells)
        QS_CHECK_OK(readCell(cell, reader.pathOf("cells"), table.cells.emplace_back()));
    return {};
}

} // namespace

OrderedJson sensitivityToJson(const SensitivityTable &table, const Model &model) {
    OrderedJson json{{"bits", table.bits},
                     {"samples", table.samples},
                     {"baseline", outputToJson(table.baseline)},
                     {"methods", table.methodVersions},
                     {"complete", table.complete},
                     {"rows", OrderedJson::array()}};
    for (std::size_t row = 0; row < table.layers.size(); ++row) {
        OrderedJson cells = OrderedJson::array();
        for (std::size_t column = 0; column < table.bits.size(); ++column)
            if (const auto &cell = table.cell(row, column))
                cells.push_back({{"layerOutput", errorToJson(cell->layerOutput)},
                                 {"network", outputToJson(cell->network)}});
            else
                cells.push_back(nullptr);
        json["rows"].push_back({{"layer", model.layers[static_cast<std::size_t>(table.layers[row])].name},
                                {"cells", std::move(cells)}});
    }
    return json;
}

Result<SensitivityTable> sensitivityFromJson(const Json &json, const Model &model) {
    SensitivityTable table;
    Reader reader(json, "sensitivity");
    if (const Json *bits = reader.array("bits", Reader::Required))
        for (const Json &value : *bits) {
            if (!value.is_number_integer() || value < kMinBits || value > kMaxBits)
                return fail(ErrorCode::InvalidArgument, "bits must be 2 to 16", "sensitivity.bits");
            table.bits.push_back(value.get<int>());
        }
    reader.integer("samples", std::int64_t{0}, kAnyCount, table.samples, Reader::Required);
    if (const Json *baseline = reader.member("baseline", Reader::Required))
        reader.take(readOutput(*baseline, "sensitivity.baseline", table.baseline));
    if (const Json *methods = reader.member("methods", Reader::Required))
        reader.take(readTexts(*methods, "sensitivity.methods", table.methodVersions));
    reader.boolean("complete", table.complete);
    if (const Json *rows = reader.array("rows", Reader::Required))
        for (std::size_t i = 0; i < rows->size(); ++i)
            reader.take(readRow((*rows)[i], fmt::format("sensitivity.rows[{}]", i), model, table));
    QS_CHECK_OK(reader.finish());
    return table;
}

} // namespace qs
