#include "core/io/importers/hdf5_weights_importer.h"

#include "core/base/machine_memory.h"
#include "core/io/hdf5_file.h"
#include "core/io/importers/keras_layout.h"
#include "core/io/importers/weights_model.h"
#include "core/io/safe_text.h"

#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 32;
constexpr std::size_t kMostObjects = 65536;
/// Deflate cannot shrink by more than 1032; links can name one data set any number of times.
constexpr std::uint64_t kMaxExpansion = 1040, kSmallBytes = std::uint64_t(1) << 20;

bool isCalibration(const Hdf5File &file) {
    return file.hasGroup("/inputs") || file.hasGroup("/calibration/inputs");
}

KerasLayout layoutOf(const Hdf5File &file) {
    if (file.hasGroup("/model_weights") || file.textAttribute("/", "keras_version"))
        return KerasLayout::Keras2;
    return file.hasGroup("/layers") || file.hasGroup("/_layer_checkpoint_dependencies") ? KerasLayout::Keras3
                                                                                        : KerasLayout::None;
}

/// Walks groups and reads what holds numbers.
class WeightReader {
public:
    WeightReader(const Hdf5File &file, FindingList &findings, const RunContext &ctx)
        : m_file(file), m_layout(layoutOf(file)), m_findings(findings), m_ctx(ctx) {
        std::error_code error;
        m_fileBytes = fs::file_size(file.path(), error);
    }

    Result<std::vector<NamedTensor>> read() {
        // Beside the weights, Keras keeps the state of its optimizer.
        const bool keras = m_file.hasGroup("/model_weights");
        QS_CHECK_OK(readGroup(keras ? "/model_weights" : "", keras ? 15 : 1, 0));
        if (!m_skipped.empty())
            m_findings.add(
                Severity::Info,
                fmt::format("{} data sets hold no numbers that can be read and were left out, first '{}'",
                            m_skipped.size(), m_skipped.front()),
                m_file.path().filename().string());
        if (m_layout != KerasLayout::None)
            m_findings.add(Severity::Info, "Kernels were turned from Keras' order to [outputs, inputs]",
                           m_file.path().filename().string());
        return std::move(m_tensors);
    }

private:
    /// \param prefix  characters of a path that are not part of names
    Status readGroup(const std::string &group, std::size_t prefix, int depth) {
        if (m_ctx.cancelled())
            return RunContext::cancelledError();
        if (depth > kDeepest)
            return fail(ErrorCode::CorruptFile, fmt::format("has groups nested deeper than {}", kDeepest),
                        group);
        QS_TRY(const std::vector<Hdf5File::Entry> entries, m_file.children(group.empty() ? "/" : group));
        for (const Hdf5File::Entry &entry : entries) {
            const std::string path = group + "/" + entry.name;
            if (++m_objects > kMostObjects)
                return fail(ErrorCode::CorruptFile,
                            fmt::format("has more than {} groups and data sets", kMostObjects), path);
            if (entry.isGroup) {
                if (!m_groups.insert(entry.address).second)
                    continue; // another name of the same group: they can make endless trees
                if (path != "/optimizer_weights" && path != "/optimizer")
                    QS_CHECK_OK(readGroup(path, prefix, depth + 1));
            } else {
                QS_CHECK_OK(readDataset(path, path.substr(std::min(prefix, path.size()))));
            }
        }
        return {};
    }

    Status readDataset(const std::string &path, const std::string &name) {
        const auto info = m_file.dataset(path);
        if (!info && info.error().code == ErrorCode::Unsupported) {
            m_skipped.push_back(safeName(name));
            return {};
        }
        if (!info)
            return fail(info.error());
        m_bytes += Tensor::byteSize(info->dtype, info->shape);
        if (m_bytes > kSmallBytes && m_bytes / kMaxExpansion > m_fileBytes)
            return fail(ErrorCode::CorruptFile,
                        fmt::format("claims {} bytes of data and more, which a file of {} cannot hold",
                                    m_bytes, m_fileBytes),
                        path);
        if (m_bytes > machineMemoryBytes() / 2)
            return fail(ErrorCode::OutOfMemory,
                        "holds more than half of the memory of this machine. Save the weights as "
                        "safetensors, which are mapped instead of read");
        m_ctx.step(static_cast<std::int64_t>(m_objects), 0, "reading " + safeName(name));
        QS_TRY(const Tensor stored, m_file.read(path));
        const std::string plain = safeName(m_layout == KerasLayout::None ? name : kerasName(name));
        m_tensors.push_back({plain, toOutputsFirst(m_layout, plain, stored)});
        return {};
    }

    const Hdf5File &m_file;
    KerasLayout m_layout;
    FindingList &m_findings;
    const RunContext &m_ctx;
    std::vector<NamedTensor> m_tensors;
    std::vector<std::string> m_skipped;
    std::size_t m_objects = 0;
    std::set<std::uint64_t> m_groups; ///< that were read, by address
    std::uint64_t m_bytes = 0, m_fileBytes = 0;
};

Result<Model> loadModel(const fs::path &file, FindingList &findings, const RunContext &ctx) {
    QS_TRY(const auto opened, Hdf5File::open(file, ctx));
    if (isCalibration(*opened))
        return fail(ErrorCode::Unsupported,
                    "is an HDF5 file of calibration data, not of weights. Open it as a calibration "
                    "set (--calib)");
    QS_TRY(std::vector<NamedTensor> tensors, WeightReader(*opened, findings, ctx).read());
    if (tensors.empty())
        return fail(ErrorCode::Unsupported, "is an HDF5 file without any weights in it");
    return weightsModel(file, "HDF5", std::move(tensors), findings, ctx);
}

} // namespace

int Hdf5WeightsImporter::probe(std::span<const std::byte> head) const {
    constexpr std::string_view kSignature("\x89HDF\r\n\x1a\n", 8);
    const std::string_view text(reinterpret_cast<const char *>(head.data()), head.size());
    return text.starts_with(kSignature) ? 40 : 0;
}

Result<Model> Hdf5WeightsImporter::load(const fs::path &file, FindingList &findings,
                                        const RunContext &ctx) const {
    return guardedLoad([&] { return loadModel(file, findings, ctx); });
}

} // namespace qs
