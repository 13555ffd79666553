#pragma once

#include "core/session/run_history.h"

#include <filesystem>
#include <nlohmann/json.hpp>

namespace qs {

/// A file that a project works on: named by its path, recognised by its content.
struct SourceReference {
    std::filesystem::path file; ///< absolute, where it was when the project was saved
    std::string sha256;         ///< as Model::sha256 or CalibrationSet::sha256()

    bool operator==(const SourceReference &) const = default;
};

/// What a project is about; small, and readable without its sources.
struct ProjectHead {
    std::string program; ///< that wrote it, "quantoscope 0.1.0"
    std::optional<SourceReference> model, calibration, evaluation;
    Recipe recipe;
    int shownRun = 0; ///< number; 0 = none
    int lastRun = 0;  ///< highest number ever given
    /// What the window wants to find again: layout, selection, settings of views. Core only keeps it.
    nlohmann::json window = nlohmann::json::object();
};

/// A session as a file holds it: everything that was found out, and references to the sources. Sources are
/// never written to.
struct Project {
    ProjectHead head;
    std::shared_ptr<const Model> model; ///< that runs, capture and sensitivity belong to; null without them
    RunHistory runs;
    std::shared_ptr<const Capture> capture;              ///< of the calibration set; without Hessians
    std::shared_ptr<const SensitivityTable> sensitivity; ///< may be null
};

/// Where a source of a project is now.
struct SourceState {
    enum class Kind {
        Found,   ///< where it was, or beside the project as it was; the content is the same
        Changed, ///< there is a file, but with other content
        Missing,
    };
    Kind kind = Kind::Missing;
    std::filesystem::path file; ///< Found, Changed: the file that is meant
};

/// Looks for a source: where it was, then at the same place relative to the project file.
/// \param relative  path from the project's folder to the source when it was saved; may be empty
/// \error Cancelled; IoError  a file is there but cannot be read
Result<SourceState> locateSource(const SourceReference &source, const std::filesystem::path &relative,
                                 const std::filesystem::path &projectFile, const RunContext &ctx);

} // namespace qs
