#pragma once

#include "core/io/activation_file.h"
#include "core/io/calibration_set.h"
#include "core/session/project_file.h"

namespace qs {

/// The files that a project is to be opened with; an empty path leaves a source out.
struct ProjectSources {
    std::filesystem::path model, calibration, evaluation;

    /// The files that locateSources() found, also changed ones.
    static ProjectSources from(const std::array<std::optional<SourceState>, 3> &states);
};

/// A session brought back.
struct OpenedProject {
    Project project;
    std::shared_ptr<const CalibrationSet> calibration, evaluation; ///< may be null
    /// Whether all of the file is here. If not, saving over the file would lose what is missing.
    bool complete = true;
    std::shared_ptr<const ActivationFile> activations; ///< that the calibration file holds; may be null
};

/// Opens the sources and reads the runs. Results that belong to a source that is missing or changed are left
/// out with a finding, as their numbers would not be those of the files that are open: runs and capture
/// without their model, the capture without its calibration set.
/// \error what openModel reports about the model; a set that cannot be opened is a finding
Result<OpenedProject> openProject(const ProjectFile &file, const ProjectSources &sources,
                                  FindingList &findings, const RunContext &ctx);

} // namespace qs
