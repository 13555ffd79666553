#pragma once

#include "core/session/run.h"

namespace qs {

/// What was written and how it was checked.
struct ExportReport {
    std::filesystem::path file;
    std::int64_t bytes = 0;
    std::vector<std::string> quantizedLayers;
    std::vector<std::string> floatLayers; ///< not quantized, and therefore plain in the file
    std::int64_t opset = 0;
    double worstWeightDifference = 0; ///< largest |read back - simulated| weight value; 0 = exact
};

/// Writes a run as a file that another program executes. Writes beside, checks, renames: an existing file
/// stays as it was when anything fails.
class Exporter {
public:
    virtual ~Exporter() = default;
    virtual std::string id() const = 0;         ///< "onnx-qdq"
    virtual std::string name() const = 0;       ///< "ONNX with Q/DQ pairs"
    virtual std::string fileSuffix() const = 0; ///< ".onnx"
    virtual const ParameterSchema &schema() const = 0;
    /// \error Unsupported      a layer cannot be written in this format; names layer and reason
    /// \error IoError          cannot write; disk full (the old file stays)
    /// \error CorruptFile      reading back did not give what was meant (the old file stays)
    virtual Result<ExportReport> write(const Run &run, const std::filesystem::path &file,
                                       const nlohmann::json &options, FindingList &findings,
                                       const RunContext &ctx) const = 0;
};

const std::vector<std::shared_ptr<const Exporter>> &builtinExporters();
/// nullptr when there is none.
const Exporter *findExporter(std::string_view id);
/// By the suffix of the file; the first one for all that no exporter has.
const Exporter &exporterFor(const std::filesystem::path &file);

} // namespace qs
