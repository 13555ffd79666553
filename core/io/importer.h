#pragma once

#include "core/base/run_context.h"
#include "core/graph/model.h"

#include <span>

namespace qs {

/// Reads one model format.
class Importer {
public:
    virtual ~Importer() = default;
    virtual std::string formatName() const = 0;                ///< "ONNX"
    virtual std::vector<std::string> fileSuffixes() const = 0; ///< for file dialogs only: ".onnx"
    /// How sure the first bytes (up to 4 KiB) make us: 0 not ours, 100 certain.
    virtual int probe(std::span<const std::byte> head) const = 0;
    /// Whether load() takes the folder of a model of several files.
    virtual bool opensFolders() const { return false; }
    /// \param findings  receives what is odd but does not prevent opening
    /// \error CorruptFile, Unsupported, IoError, OutOfMemory, Cancelled; says what, where, what to do
    virtual Result<Model> load(const std::filesystem::path &file, FindingList &findings,
                               const RunContext &ctx) const = 0;
};

/// All importers, most specific first.
const std::vector<std::shared_ptr<const Importer>> &builtinImporters();

/// Opens a model by content: the importer with the highest probe loads it. A folder is opened by the importer
/// that takes folders. Weights of up to 512 MiB in all are inspected for NaN; larger ones when they are used.
/// \error Unsupported  no importer takes it; says what the file looks like and what can be opened
Result<std::shared_ptr<const Model>> openModel(const std::filesystem::path &file, FindingList &findings,
                                               const RunContext &ctx);

} // namespace qs
