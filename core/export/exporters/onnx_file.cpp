#include "core/export/exporters/onnx_file.h"

#include "core/base/content_hash.h"
#include "core/export/exporters/onnx_from_graph.h"
#include "core/export/exporters/onnx_graph_edit.h"
#include "core/io/importers/onnx_functions.h"
#include "core/io/importers/onnx_tensor.h"

#include <fmt/format.h>
#include <fstream>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>
#include <set>

namespace qs {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunk = std::size_t{8} << 20;
constexpr std::size_t kExternalAbove = std::size_t{3} << 29; // 1.5 GiB
constexpr std::size_t kMessageLimit = (std::size_t{1} << 31) - 1;
constexpr std::size_t kExternalTensorBytes = 1024; ///< smaller tensors stay inside
constexpr std::size_t kPage = 4096;
constexpr int kRecursionLimit = 256; ///< nested subgraphs; protobuf's own default is 100

fs::path folderOf(const fs::path &file) {
    return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

std::span<const std::byte> bytesOf(const std::string &text) {
    return std::as_bytes(std::span(text));
}

Result<std::string> readWhole(const fs::path &file, const RunContext &ctx) {
    std::ifstream stream(file, std::ios::binary | std::ios::ate);
    const std::streamoff size = stream ? static_cast<std::streamoff>(stream.tellg()) : -1;
    if (size < 0)
        return fail(ErrorCode::IoError, "cannot be read any more; it must stay where it was opened",
                    file.string());
    std::string bytes(static_cast<std::size_t>(size), '\0');
    stream.seekg(0);
    for (std::size_t done = 0; done < bytes.size(); done += kChunk) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        const std::size_t part = std::min(kChunk, bytes.size() - done);
        if (!stream.read(bytes.data() + done, static_cast<std::streamsize>(part)))
            return fail(ErrorCode::IoError, "reading stopped with an error", file.string());
    }
    return bytes;
}

bool isExternal(const onnx::TensorProto &tensor) {
    return tensor.data_location() == onnx::TensorProto::EXTERNAL;
}

/// Calls `visit` for every tensor of a graph and its subgraphs whose data lies in another file.
template <typename Visit>
void forEachExternal(const onnx::GraphProto &graph, const Visit &visit) {
    for (const auto &tensor : graph.initializer())
        if (isExternal(tensor))
            visit(tensor);
    for (const auto &node : graph.node())
        for (const auto &attribute : node.attribute()) {
            if (attribute.has_t() && isExternal(attribute.t()))
                visit(attribute.t());
            if (attribute.has_g())
                forEachExternal(attribute.g(), visit);
            for (const auto &inner : attribute.graphs())
                forEachExternal(inner, visit);
        }
}

/// The values of tensors in other files go into the message.
class Embedding {
public:
    explicit Embedding(const Model &model)
        : m_model(model), m_external(folderOf(model.file), m_reportedAtOpening) {}

    Status embed(onnx::GraphProto &graph, bool isMain) {
        for (auto &tensor : *graph.mutable_initializer())
            QS_CHECK_OK(embed(tensor, isMain ? tensor.name() : std::string()));
        for (auto &node : *graph.mutable_node())
            for (auto &attribute : *node.mutable_attribute()) {
                const bool isConstant = isMain && node.op_type() == "Constant" && node.output_size() > 0;
                if (attribute.has_t())
                    QS_CHECK_OK(embed(*attribute.mutable_t(), isConstant ? node.output(0) : std::string()));
                if (attribute.has_g())
                    QS_CHECK_OK(embed(*attribute.mutable_g(), false));
                for (auto &inner : *attribute.mutable_graphs())
                    QS_CHECK_OK(embed(inner, false));
            }
        return {};
    }

private:
    /// The graph has read constants already; all but those that it only needed to make others.
    Status embed(onnx::TensorProto &proto, const std::string &valueName) {
        if (!isExternal(proto))
            return {};
        const ValueId id = m_model.graph.findValue(valueName);
        if (const Tensor *tensor = id == kNoValue ? nullptr : m_model.graph.constant(id)) {
            setTensor(proto, proto.name(), *tensor);
            return {};
        }
        QS_TRY(const Tensor tensor, readOnnxTensor(proto, m_external));
        setTensor(proto, proto.name(), tensor);
        return {};
    }

    const Model &m_model;
    FindingList m_reportedAtOpening;
    ExternalData m_external;
};

void moveOutside(onnx::TensorProto &tensor, const std::string &location, std::size_t offset) {
    const std::size_t length = tensor.raw_data().size();
    tensor.clear_raw_data();
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    for (const auto &[key, value] : {std::pair<std::string, std::string>{"location", location},
                                     {"offset", std::to_string(offset)},
                                     {"length", std::to_string(length)}}) {
        auto &entry = *tensor.add_external_data();
        entry.set_key(key);
        entry.set_value(value);
    }
}

bool goesOutside(const onnx::TensorProto &tensor) {
    return tensor.raw_data().size() >= kExternalTensorBytes;
}

/// Names the content, so that equal data gets an equal name and different data never overwrites.
std::string digestOfData(const onnx::GraphProto &graph) {
    std::string digests;
    for (const auto &tensor : graph.initializer())
        if (goesOutside(tensor))
            digests += sha256(bytesOf(tensor.raw_data()));
    return sha256(bytesOf(digests)).substr(0, 16);
}

bool isDataFileOf(const fs::path &candidate, const fs::path &model) {
    const std::string name = candidate.filename().string();
    const std::string prefix = model.filename().string() + ".";
    constexpr std::size_t kDigits = 16;
    return name.size() == prefix.size() + kDigits + 5 && name.starts_with(prefix) &&
           name.ends_with(".data") &&
           name.find_first_not_of("0123456789abcdef", prefix.size()) == prefix.size() + kDigits;
}

Status writeChunked(AtomicFile &file, std::string_view bytes, const RunContext &ctx) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(kChunk, bytes.size()))) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        QS_CHECK_OK(file.append(bytes.substr(0, kChunk)));
    }
    return {};
}

/// \return bytes written
Result<std::size_t> writeData(onnx::GraphProto &graph, const fs::path &file, const RunContext &ctx) {
    QS_TRY(AtomicFile data, AtomicFile::create(file));
    const std::string padding(kPage, '\0');
    std::size_t end = 0;
    for (auto &tensor : *graph.mutable_initializer()) {
        if (!goesOutside(tensor))
            continue;
        const std::size_t offset = (end + kPage - 1) / kPage * kPage;
        QS_CHECK_OK(data.append(std::string_view(padding).substr(0, offset - end)));
        QS_CHECK_OK(writeChunked(data, tensor.raw_data(), ctx));
        end = offset + tensor.raw_data().size();
        moveOutside(tensor, file.filename().string(), offset);
    }
    QS_CHECK_OK(data.commit());
    return end;
}

} // namespace

Result<std::shared_ptr<onnx::ModelProto>> readOnnxSource(const Model &model, const RunContext &ctx) {
    if (model.format != "ONNX" || model.hasOtherNodes)
        return onnxFromGraph(model.graph);
    QS_TRY(const std::string bytes, readWhole(model.file, ctx));
    QS_TRY(const std::string hash, sourceHash(model.file, ctx));
    if (hash != model.sha256)
        return fail(ErrorCode::CorruptFile, "changed since it was opened; open it again and repeat the run",
                    model.file.string());
    if (bytes.size() > kMessageLimit)
        return fail(ErrorCode::CorruptFile, "is larger than an ONNX message can be", model.file.string());
    auto proto = std::make_shared<onnx::ModelProto>();
    google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
    google::protobuf::io::CodedInputStream coded(&stream);
    coded.SetRecursionLimit(kRecursionLimit);
    if (!proto->ParseFromCodedStream(&coded) || !proto->has_graph())
        return fail(ErrorCode::CorruptFile, "is not a readable ONNX message", model.file.string());
    FindingList reportedAtOpening;
    QS_CHECK_OK(inlineOnnxFunctions(*proto, reportedAtOpening, ctx)); // names as in the opened model
    return proto;
}

std::vector<fs::path> externalDataFiles(const onnx::ModelProto &proto, const Model &model) {
    std::set<fs::path> files;
    forEachExternal(proto.graph(), [&](const onnx::TensorProto &tensor) {
        for (const auto &entry : tensor.external_data())
            if (entry.key() == "location")
                files.insert(folderOf(model.file) / entry.value());
    });
    return {files.begin(), files.end()};
}

Status embedExternalData(onnx::ModelProto &proto, const Model &model) {
    return Embedding(model).embed(*proto.mutable_graph(), true);
}

PendingOnnxFile::PendingOnnxFile(fs::path file, AtomicFile model)
    : m_file(std::move(file)), m_model(std::move(model)) {}

PendingOnnxFile::PendingOnnxFile(PendingOnnxFile &&other) noexcept
    : m_file(std::move(other.m_file)), m_model(std::move(other.m_model)), m_data(std::move(other.m_data)),
      m_bytes(other.m_bytes), m_ownsData(std::exchange(other.m_ownsData, false)) {}

PendingOnnxFile::~PendingOnnxFile() {
    std::error_code ignored;
    if (m_ownsData)
        fs::remove(m_data, ignored);
}

Result<PendingOnnxFile> PendingOnnxFile::write(onnx::ModelProto &proto, const fs::path &file,
                                               DataPlacement externalData, const RunContext &ctx) {
    QS_TRY(AtomicFile created, AtomicFile::create(file));
    PendingOnnxFile pending(file, std::move(created));
    const bool large = proto.ByteSizeLong() > kExternalAbove;
    if (externalData == DataPlacement::Always || (externalData == DataPlacement::Auto && large)) {
        pending.m_data = file.string() + "." + digestOfData(proto.graph()) + ".data";
        pending.m_ownsData = !fs::exists(pending.m_data);
        QS_TRY(pending.m_bytes, writeData(*proto.mutable_graph(), pending.m_data, ctx));
    }
    if (proto.ByteSizeLong() > kMessageLimit)
        return fail(ErrorCode::Unsupported,
                    "one ONNX file holds at most 2 GiB; allow weights in a second file (external_data)",
                    file.string());
    std::string bytes;
    if (!proto.SerializeToString(&bytes))
        return fail(ErrorCode::Unsupported, "the model cannot be written as one message", file.string());
    QS_CHECK_OK(writeChunked(pending.m_model, bytes, ctx));
    pending.m_bytes += bytes.size();
    return pending;
}

Status PendingOnnxFile::commit() {
    QS_CHECK_OK(m_model.commit());
    m_ownsData = false;
    return {};
}

std::vector<fs::path> PendingOnnxFile::otherDataFiles() const {
    std::vector<fs::path> others;
    std::error_code unreadable;
    for (const auto &entry : fs::directory_iterator(folderOf(m_file), unreadable))
        if (isDataFileOf(entry.path(), m_file) && entry.path().filename() != m_data.filename())
            others.push_back(entry.path());
    std::sort(others.begin(), others.end());
    return others;
}

} // namespace qs
