#pragma once

#include "core/base/atomic_file.h"
#include "core/base/run_context.h"
#include "core/graph/model.h"

#include <memory>

namespace onnx {
class ModelProto;
}

namespace qs {

enum class DataPlacement { Auto, Always, Never };

/// The message that an exporter edits: an ONNX file read again, or written from the graph of a model that
/// came from another format. \error CorruptFile  the file is no longer the one that was opened \error
/// IoError, Cancelled
Result<std::shared_ptr<onnx::ModelProto>> readOnnxSource(const Model &model, const RunContext &ctx);

/// The files in which a model keeps tensors beside itself.
std::vector<std::filesystem::path> externalDataFiles(const onnx::ModelProto &proto, const Model &model);

/// Takes the data of tensors that lie in other files into the message, so that it can be written elsewhere.
/// \error as ExternalData::read()
Status embedExternalData(onnx::ModelProto &proto, const Model &model);

/// A model that was written beside its place, to be checked before it takes it.
class PendingOnnxFile {
public:
    /// Writes `file`'s temporary; weights go to a second file "<file>.<digest>.data" when asked for, or
    /// above 1.5 GiB. The digest in the name keeps an older model and its data together until the very last
    /// step. \error IoError, Cancelled;  Unsupported  more than 2 GiB and external data is off
    static Result<PendingOnnxFile> write(onnx::ModelProto &proto, const std::filesystem::path &file,
                                         DataPlacement externalData, const RunContext &ctx);
    PendingOnnxFile(PendingOnnxFile &&other) noexcept;
    PendingOnnxFile &operator=(PendingOnnxFile &&) = delete;
    /// Uncommitted: removes all that was written.
    ~PendingOnnxFile();

    const std::filesystem::path &temporaryPath() const { return m_model.temporaryPath(); }
    std::size_t bytes() const { return m_bytes; } ///< of both files
    /// Takes the place of the old file.
    Status commit();
    /// Data files of earlier exports to the same name. They stay: another copy of the model may read them.
    std::vector<std::filesystem::path> otherDataFiles() const;

private:
    PendingOnnxFile(std::filesystem::path file, AtomicFile model);
    std::filesystem::path m_file;
    AtomicFile m_model;
    std::filesystem::path m_data; ///< empty: weights are inside
    std::size_t m_bytes = 0;
    bool m_ownsData = false; ///< the data file is new and goes when this is not committed
};

} // namespace qs
