#pragma once

#include <filesystem>

namespace qs::views {

/// What a file that was dropped or opened is for, told from its first bytes.
enum class FileKind {
    Project,       ///< .qscope
    Hdf5,          ///< calibration or evaluation set
    Recipe,        ///< JSON text that is no config
    NetworkConfig, ///< config.json of a transformer
    Other,         ///< the model importers decide, and say what is wrong with it
};
FileKind fileKind(const std::filesystem::path &file);

/// Whether the name says that a set is meant for evaluation ("glyph-eval.h5") rather than calibration.
bool looksLikeEvaluation(const std::filesystem::path &file);

} // namespace qs::views
