#include "core/io/importers/onnx_importer.h"

#include "core/base/content_hash.h"
#include "core/base/number_text.h"
#include "core/graph/inner_layers.h"
#include "core/graph/other_weights.h"
#include "core/graph/weight_folding.h"
#include "core/io/importers/onnx_functions.h"
#include "core/io/importers/onnx_graph.h"
#include "core/io/quantized/quantized_graph.h"
#include "core/io/quantized/stored_layers.h"

#include <fmt/format.h>
#include <fstream>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <limits>
#include <onnx/onnx_pb.h>

namespace qs {
namespace {

namespace protobuf_io = google::protobuf::io;

/// Three messages per nested subgraph (node, attribute, graph), 64 of them, and a few for the rest.
constexpr int kMessageDepth = 3 * 64 + 32;

/// Feeds a file to protobuf and stops when the user does.
class FileSource final : public protobuf_io::CopyingInputStream {
public:
    FileSource(const std::filesystem::path &file, std::int64_t size, const RunContext &ctx)
        : m_stream(file, std::ios::binary), m_size(size), m_ctx(ctx) {}

    int Read(void *buffer, int size) override {
        if (m_ctx.cancelled())
            return -1;
        m_stream.read(static_cast<char *>(buffer), size);
        m_done += m_stream.gcount();
        m_ctx.step(m_done, m_size, "reading file");
        return m_stream.bad() ? -1 : static_cast<int>(m_stream.gcount());
    }
    bool failed() const { return m_stream.bad() || !m_stream.is_open(); }

private:
    std::ifstream m_stream;
    std::int64_t m_size;
    std::int64_t m_done = 0;
    const RunContext &m_ctx;
};

Status parse(const std::filesystem::path &file, onnx::ModelProto &model, const RunContext &ctx) {
    std::error_code code;
    const auto size = std::filesystem::file_size(file, code);
    if (code)
        return fail(ErrorCode::IoError, "cannot be read: " + code.message());
    if (size > std::numeric_limits<int>::max())
        return fail(ErrorCode::Unsupported,
                    "is larger than 2 GiB, which no ONNX file can be. Save the model with its "
                    "weights as external data");
    FileSource source(file, static_cast<std::int64_t>(size), ctx);
    protobuf_io::CopyingInputStreamAdaptor adaptor(&source, 1 << 20);
    protobuf_io::CodedInputStream coded(&adaptor);
    coded.SetTotalBytesLimit(std::numeric_limits<int>::max());
    coded.SetRecursionLimit(kMessageDepth);
    const bool parsed = model.ParsePartialFromCodedStream(&coded) && coded.ConsumedEntireMessage();
    if (ctx.cancelled())
        return RunContext::cancelledError();
    if (source.failed())
        return fail(ErrorCode::IoError, "cannot be read to its end; check the disk and that you may read it");
    if (!parsed)
        return fail(ErrorCode::CorruptFile,
                    "is damaged or cut short: it starts like an ONNX model but cannot be read "
                    "to its end. Copy or export it again");
    return {};
}

void reportInnerLayers(const ModelGraph &graph, FindingList &findings) {
    const std::vector<std::string> names = innerLayers(graph);
    if (!names.empty())
        findings.add(Severity::Warning,
                     fmt::format("{} layer{} inside branches or loops, such as '{}', run as they are: only "
                                 "layers of the main graph are quantized",
                                 names.size(), names.size() == 1 ? "" : "s", names.front()),
                     names.front(), "export the model without control flow to quantize them");
}

void reportOtherWeights(const Model &model, FindingList &findings) {
    const OtherWeights others = findOtherWeights(model.graph, model.layers);
    std::string operators;
    for (const auto &[name, count] : others.operators)
        operators += fmt::format("{}{} ×{}", operators.empty() ? "" : ", ", name, count);
    if (!operators.empty())
        findings.add(Severity::Info,
                     fmt::format("{} of {} parameters belong to operators that are not quantized: {}; they "
                                 "run as they are",
                                 withThousands(others.parameters),
                                 withThousands(model.graph.parameterCount()), operators),
                     others.first);
}

Result<Model> loadModel(const std::filesystem::path &file, FindingList &findings, const RunContext &ctx) {
    onnx::ModelProto message;
    QS_CHECK_OK(parse(file, message, ctx));
    Model model;
    model.file = file;
    model.format = "ONNX";
    QS_TRY(model.sha256, sourceHash(file, ctx));
    QS_CHECK_OK(inlineOnnxFunctions(message, findings, ctx));
    ExternalData external(file.parent_path().empty() ? "." : file.parent_path(), findings);
    QS_TRY(ModelGraph graph, OnnxGraphReader(external, findings, ctx).read(message));
    QS_TRY(ModelGraph folded, foldWeights(std::move(graph), findings));
    QS_TRY(QuantizedGraph read, readQuantizedGraph(std::move(folded), findings, ctx));
    model.graph = std::move(read.graph);
    model.hasOtherNodes = read.hasOtherNodes;
    model.layers = findLayers(model.graph);
    const auto storedOf = [&](const std::string &name) {
        const auto found = read.grids.find(name);
        return found == read.grids.end() ? std::nullopt : std::optional(StoredLayer{found->second});
    };
    QS_CHECK_OK(attachStored(model, storedOf, findings, ctx));
    reportInnerLayers(model.graph, findings);
    reportOtherWeights(model, findings);
    return model;
}

/// A protobuf varint at `position`, which moves behind it; nothing when the head ends inside it.
std::optional<std::uint64_t> readVarint(std::span<const std::byte> head, std::size_t &position) {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && position < head.size(); shift += 7) {
        const auto byte = static_cast<std::uint64_t>(head[position++]);
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    return std::nullopt;
}

/// Wire type of a field of ModelProto, -1 when it has no such field.
int wireTypeOf(std::uint64_t field) {
    switch (field) {
    case 1: // ir_version
    case 5: // model_version
        return 0;
    case 2:  // producer_name
    case 3:  // producer_version
    case 4:  // domain
    case 6:  // doc_string
    case 7:  // graph
    case 8:  // opset_import
    case 14: // metadata_props
    case 20: // training_info
    case 25: // functions
    case 26: // configuration
        return 2;
    default:
        return -1;
    }
}

} // namespace

/// Walks the fields of the model message; every one must be a field of ModelProto, and one must tell the
/// version or be the graph.
int OnnxImporter::probe(std::span<const std::byte> head) const {
    std::size_t position = 0;
    int fields = 0;
    bool telling = false;
    while (position < head.size()) {
        const auto tag = readVarint(head, position);
        const auto value = tag ? readVarint(head, position) : std::nullopt;
        if (!value)
            break;
        const std::uint64_t field = *tag >> 3;
        const int wireType = wireTypeOf(field);
        if (wireType < 0 || static_cast<int>(*tag & 7) != wireType || (field == 1 && *value > 1000))
            return 0;
        telling = telling || field == 1 || field == 7;
        ++fields;
        if (wireType == 2 && *value >= head.size() - position)
            break; // the rest lies beyond the head
        if (wireType == 2)
            position += *value;
    }
    return telling ? std::min(60 + 10 * fields, 100) : 0;
}

Result<Model> OnnxImporter::load(const std::filesystem::path &file, FindingList &findings,
                                 const RunContext &ctx) const {
    try {
        return loadModel(file, findings, ctx);
    } catch (const std::bad_alloc &) {
        return fail(ErrorCode::OutOfMemory,
                    "needs more memory than there is. Close other programs, or save the model "
                    "with its weights as external data, which are mapped instead of read");
    } catch (const std::exception &exception) {
        return fail(ErrorCode::CorruptFile, fmt::format("cannot be read: {}", exception.what()));
    }
}

} // namespace qs
