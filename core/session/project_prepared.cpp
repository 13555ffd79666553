#include "core/session/project_prepared.h"

#include "core/base/content_hash.h"
#include "core/base/json_object_reader.h"
#include "core/graph/model_edit.h"
#include "core/session/project_capture.h"
#include "core/session/project_json.h"

namespace qs {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;
using Reader = JsonObjectReader;

constexpr double kLargest = std::numeric_limits<double>::max();
constexpr int kMostInputs = 1 << 20;

OrderedJson editToJson(const GraphEdit &edit) {
    OrderedJson json{{"constants", OrderedJson::array()},
                     {"nodes", OrderedJson::array()},
                     {"inputs", OrderedJson::array()}};
    for (const GraphEdit::Constant &constant : edit.constants)
        json["constants"].push_back(constant.name);
    for (const GraphEdit::NewNode &node : edit.nodes)
        json["nodes"].push_back({{"name", node.name},
                                 {"operator", node.opType},
                                 {"inputs", node.inputs},
                                 {"output", node.output}});
    for (const GraphEdit::Input &input : edit.inputs)
        json["inputs"].push_back(
            {{"nodeOutput", input.nodeOutput}, {"index", input.index}, {"value", input.value}});
    return json;
}

OrderedJson preparedToJson(const PreparedModel &prepared, const Model &model) {
    OrderedJson json{{"largestChange", jsonReal(prepared.largestChange)},
                     {"activationRanges", OrderedJson::array()},
                     {"edits", OrderedJson::array()}};
    for (const auto &[layer, range] : prepared.activationRanges)
        json["activationRanges"].push_back({{"layer", model.layers[static_cast<std::size_t>(layer)].name},
                                            {"lo", range.lo},
                                            {"hi", range.hi}});
    for (const GraphEdit &edit : prepared.edits)
        json["edits"].push_back(editToJson(edit));
    return json;
}

Status readText(const Json &json, const std::string &path, std::string &text) {
    if (!json.is_string())
        return fail(ErrorCode::InvalidArgument, "must be a text", path);
    text = json.get<std::string>();
    return {};
}

Status readNode(const Json &json, const std::string &path, GraphEdit::NewNode &node) {
    Reader reader(json, path);
    reader.text("name", node.name, Reader::Required);
    reader.text("operator", node.opType, Reader::Required);
    reader.text("output", node.output, Reader::Required);
    if (const Json *inputs = reader.array("inputs", Reader::Required))
        for (const Json &input : *inputs)
            reader.take(readText(input, reader.pathOf("inputs"), node.inputs.emplace_back()));
    return reader.finish();
}

Status readInput(const Json &json, const std::string &path, GraphEdit::Input &input) {
    Reader reader(json, path);
    reader.text("nodeOutput", input.nodeOutput, Reader::Required);
    reader.integer("index", 0, kMostInputs, input.index, Reader::Required);
    reader.text("value", input.value, Reader::Required);
    return reader.finish();
}

Status readEdit(const Json &json, const std::string &path, GraphEdit &edit) {
    Reader reader(json, path);
    if (const Json *constants = reader.array("constants", Reader::Required))
        for (const Json &name : *constants)
            reader.take(readText(name, reader.pathOf("constants"), edit.constants.emplace_back().name));
    if (const Json *nodes = reader.array("nodes", Reader::Required))
        for (const Json &node : *nodes)
            reader.take(readNode(node, reader.pathOf("nodes"), edit.nodes.emplace_back()));
    if (const Json *inputs = reader.array("inputs", Reader::Required))
        for (const Json &input : *inputs)
            reader.take(readInput(input, reader.pathOf("inputs"), edit.inputs.emplace_back()));
    return reader.finish();
}

Status readRange(const Json &json, const std::string &path, const Model &model, PreparedModel &prepared) {
    Reader reader(json, path);
    std::string name;
    ValueRange range;
    reader.text("layer", name, Reader::Required);
    reader.number("lo", -kLargest, kLargest, range.lo);
    reader.number("hi", -kLargest, kLargest, range.hi);
    QS_CHECK_OK(reader.finish());
    const Layer *layer = model.findLayer(name);
    if (!layer)
        return fail(ErrorCode::NotFound, fmt::format("the model has no layer '{}'", name), path);
    prepared.activationRanges[layer->id] = range;
    return {};
}

Status preparedFromJson(const Json &json, const Model &model, PreparedModel &prepared) {
    Reader reader(json, "");
    reader.real("largestChange", prepared.largestChange, Reader::Required);
    if (const Json *ranges = reader.array("activationRanges", Reader::Required))
        for (const Json &range : *ranges)
            reader.take(readRange(range, "activationRanges", model, prepared));
    if (const Json *edits = reader.array("edits", Reader::Required))
        for (const Json &edit : *edits)
            reader.take(readEdit(edit, "edits", prepared.edits.emplace_back()));
    return reader.finish();
}

std::string constantPath(const std::string &group, std::size_t edit, std::size_t constant) {
    return fmt::format("{}/edits/{}/{}", group, edit, constant);
}

Result<std::shared_ptr<const PreparedModel>> readPrepared(const Hdf5File &file, const std::string &group,
                                                          const std::string &sha256,
                                                          const std::shared_ptr<const Model> &model,
                                                          const RunContext &ctx) {
    auto prepared = std::make_shared<PreparedModel>();
    QS_TRY(const Json head, readProjectJson(file, group + "/head"));
    QS_CHECK_OK(preparedFromJson(head, *model, *prepared));
    for (std::size_t edit = 0; edit < prepared->edits.size(); ++edit) {
        auto &constants = prepared->edits[edit].constants;
        for (std::size_t i = 0; i < constants.size(); ++i) {
            if (ctx.cancelled())
                return RunContext::cancelledError();
            QS_TRY(constants[i].value, file.read(constantPath(group, edit, i)));
        }
    }
    if (preparedHash(*prepared, *model) != sha256)
        return fail(ErrorCode::CorruptFile,
                    "the transformed weights are not those that were saved (their hash differs)", group);
    prepared->model = model;
    for (const GraphEdit &edit : prepared->edits) {
        QS_TRY(prepared->model, applyEdit(*prepared->model, edit));
    }
    if (const auto executor = Executor::create(prepared->model))
        prepared->executor = *executor;
    return prepared;
}

} // namespace

std::string preparedHash(const PreparedModel &prepared, const Model &model) {
    std::string digest = projectText(preparedToJson(prepared, model));
    for (const GraphEdit &edit : prepared.edits)
        for (const GraphEdit::Constant &constant : edit.constants)
            digest +=
                fmt::format("\n{} {} {}", dtypeName(constant.value.dtype()), constant.value.shape().text(),
                            sha256({constant.value.bytes(), constant.value.sizeBytes()}));
    return sha256(std::as_bytes(std::span(digest)));
}

std::string preparedGroup(const std::string &sha256) {
    return "/prepared/" + sha256;
}

Status writePrepared(Hdf5Writer &writer, const std::string &group, const PreparedModel &prepared,
                     const Model &model, const RunContext &ctx) {
    QS_CHECK_OK(writer.writeText(group + "/head", projectText(preparedToJson(prepared, model))));
    for (std::size_t edit = 0; edit < prepared.edits.size(); ++edit) {
        const auto &constants = prepared.edits[edit].constants;
        for (std::size_t i = 0; i < constants.size(); ++i) {
            if (ctx.cancelled())
                return RunContext::cancelledError();
            QS_CHECK_OK(writer.write(constantPath(group, edit, i), constants[i].value));
        }
    }
    return {};
}

Result<std::shared_ptr<const PreparedModel>>
PreparedModels::read(const Hdf5File &file, const std::string &sha256, const RunContext &ctx) {
    if (const auto known = m_known.find(sha256); known != m_known.end())
        return known->second.prepared;
    const std::string group = preparedGroup(sha256);
    Known known;
    QS_TRY(known.prepared, readPrepared(file, group, sha256, m_model, ctx));
    if (file.hasGroup(group + "/capture")) {
        QS_TRY(known.capture, readCapture(file, group + "/capture", *m_model, ctx));
    }
    return m_known.emplace(sha256, std::move(known)).first->second.prepared;
}

std::shared_ptr<const Capture> PreparedModels::captureOf(const PreparedModel *prepared) const {
    for (const auto &[sha256, known] : m_known)
        if (known.prepared.get() == prepared)
            return known.capture;
    return nullptr;
}

} // namespace qs
