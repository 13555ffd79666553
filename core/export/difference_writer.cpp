#include "core/export/difference_writer.h"

#include "core/base/atomic_file.h"
#include "core/graph/weight_difference.h"
#include "core/tensor/convert.h"

#include <bit>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

namespace qs {
namespace {

/// A tensor to be written: of a layer, or a constant.
struct Entry {
    std::string name;
    Shape shape;
    const Layer *layer = nullptr;
    ValueId constant = kNoValue;
};

std::vector<Entry> entriesOf(const Model &model) {
    std::vector<Entry> entries;
    std::set<ValueId> weights;
    for (const Layer &layer : model.layers) {
        weights.insert(layer.weight);
        const Shape shape = layer.transposed ? Shape{layer.outChannels, layer.inPerOut} : layer.weightShape;
        entries.push_back({model.graph.value(layer.weight).name, shape, &layer, kNoValue});
    }
    std::map<std::string, Entry> others; // in an order that does not change
    for (const auto &[id, tensor] : model.graph.constants())
        if (!weights.contains(id))
            others[model.graph.value(id).name] = {model.graph.value(id).name, tensor.shape(), nullptr, id};
    for (auto &[name, entry] : others)
        entries.push_back(std::move(entry));
    return entries;
}

std::string headerOf(const Model &model, const std::vector<Entry> &entries) {
    nlohmann::ordered_json header;
    nlohmann::ordered_json &metadata = header["__metadata__"];
    metadata["format"] = "pt";
    for (const MetadataEntry &entry : model.metadata)
        metadata[entry.key] = entry.value;
    std::size_t end = 0;
    for (const Entry &entry : entries) {
        const std::size_t begin = end;
        end += Tensor::byteSize(DType::Float32, entry.shape);
        header[entry.name] = {
            {"dtype", "F32"}, {"shape", entry.shape.dims()}, {"data_offsets", {begin, end}}};
    }
    std::string text = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    text.append((8 - text.size() % 8) % 8, ' ');
    std::string bytes;
    for (int i = 0; i < 8; ++i)
        bytes += static_cast<char>(text.size() >> (8 * i) & 0xff);
    return bytes + text;
}

} // namespace

Result<std::int64_t> writeDifferenceTensors(const Model &model, const std::filesystem::path &file,
                                            const RunContext &ctx) {
    static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");
    if (!isDifference(model.graph))
        return fail(ErrorCode::InvalidArgument, "is no difference of two checkpoints",
                    model.file.filename().string());
    const std::vector<Entry> entries = entriesOf(model);
    QS_TRY(AtomicFile target, AtomicFile::create(file));
    const std::string header = headerOf(model, entries);
    QS_CHECK_OK(target.append(header));
    auto written = static_cast<std::int64_t>(header.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        ctx.step(static_cast<std::int64_t>(i), static_cast<std::int64_t>(entries.size()),
                 "writing differences");
        const Entry &entry = entries[i];
        QS_TRY(const Tensor values, entry.layer ? weightMatrix(*entry.layer, model.graph)
                                                : toFloat32(*model.graph.constant(entry.constant)));
        QS_CHECK_OK(target.append({reinterpret_cast<const char *>(values.bytes()), values.sizeBytes()}));
        written += static_cast<std::int64_t>(values.sizeBytes());
    }
    QS_CHECK_OK(target.commit());
    return written;
}

} // namespace qs
