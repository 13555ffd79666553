#pragma once

#include "core/base/finding.h"
#include "core/session/project.h"

#include <array>

namespace qs {

class Hdf5File;
class PreparedModels;

/// The newest layout of .qscope files that this program knows, and the one that it writes.
constexpr int kProjectVersion = 1;

/// Writes a project as HDF5, whole or not at all. Hessians are left out (they are large, and calibration
/// makes them again); a capture of more than 256 MiB is left out with a finding.
/// \error IoError; Cancelled
Status writeProject(const Project &project, const std::filesystem::path &file, FindingList &findings,
                    const RunContext &ctx);

/// Whether a file begins as projects do.
bool isProjectFile(const std::filesystem::path &file);

/// A project file opened for reading. The file is treated as hostile: whatever does not fit is refused.
/// \thread safe
class ProjectFile {
public:
    /// Reads the head; the runs wait until the model is open.
    /// \param file   a project file, or a folder that SessionFolder keeps
    /// \error CorruptFile  not a project, truncated or damaged;  Unsupported  from a newer version;  NotFound
    static Result<std::shared_ptr<const ProjectFile>> open(const std::filesystem::path &file,
                                                           const RunContext &ctx);

    const std::filesystem::path &path() const { return m_path; }
    const ProjectHead &head() const { return m_head; }
    struct RunHead {
        int number = 0, parent = 0;
        std::string name;
    };
    /// The runs that the file names, without their data.
    const std::vector<RunHead> &runHeads() const { return m_runs; }
    /// Where the sources are now, in the order model, calibration, evaluation; absent ones stay empty.
    Result<std::array<std::optional<SourceState>, 3>> locateSources(const RunContext &ctx) const;

    /// Everything, for the model that the project is about. Runs and captures that are damaged or do not fit
    /// the model's layers are left out, each with a finding.
    /// \param complete  becomes false when something was left out: saving over the file would lose it
    Result<Project> read(std::shared_ptr<const Model> model, bool &complete, FindingList &findings,
                         const RunContext &ctx) const;

private:
    ProjectFile() = default;
    static Result<std::shared_ptr<ProjectFile>> openFile(const std::filesystem::path &file,
                                                         const RunContext &ctx);
    void addParts(const std::filesystem::path &folder, const RunContext &ctx);
    std::vector<RunEntry> readRuns(const std::shared_ptr<const Model> &model, PreparedModels &prepared,
                                   bool &complete, FindingList &findings, const RunContext &ctx) const;
    void readCapture(Project &project, bool &complete, FindingList &findings, const RunContext &ctx) const;

    std::filesystem::path m_path;
    std::shared_ptr<const Hdf5File> m_file;
    ProjectHead m_head;
    std::array<std::filesystem::path, 3> m_relative;
    std::vector<RunHead> m_runs;                             ///< of this file and its parts
    std::size_t m_ownRuns = 0;                               ///< the first of them that are in this file
    std::vector<std::shared_ptr<const ProjectFile>> m_parts; ///< of a session folder
    std::vector<Error> m_damagedParts;
};

} // namespace qs
