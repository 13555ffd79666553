#pragma once

#include "core/base/finding.h"
#include "core/io/mapped_tensor.h"

#include <map>
#include <optional>

namespace qs {

/// Where an ONNX tensor says its bytes are, as the strings in the file.
struct ExternalLocation {
    std::string location;
    std::optional<std::string> offset;
    std::optional<std::string> length;
};

/// Reads tensors from files beside a model. Every location is treated as an attack: it must stay below the
/// model's folder, pass through no symbolic link and name a regular file. \source file_formats 1.4
class ExternalData {
public:
    ExternalData(std::filesystem::path folder, FindingList &findings)
        : m_folder(std::move(folder)), m_findings(findings) {}

    /// The tensor's bytes, in the mapped file when they are aligned for the type, else a copy.
    /// \param shape  has passed checkedNumel()
    /// \error CorruptFile  a location that leaves the folder; an offset or length that is no number, does not
    /// fit
    ///                     the shape or lies past the end of the file
    /// \error NotFound     the file is missing;  IoError, OutOfMemory
    Result<Tensor> read(DType type, const Shape &shape, const ExternalLocation &where);

private:
    Result<std::shared_ptr<const MappedFile>> file(const std::string &location);
    void warnOfHardLinks(int descriptor, const std::string &location);

    std::filesystem::path m_folder;
    FindingList &m_findings;
    std::map<std::string, std::shared_ptr<const MappedFile>> m_files; ///< by location
};

} // namespace qs
