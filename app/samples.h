#pragma once

#include <QStringList>
#include <optional>

namespace qs::app {

/// A model that comes with the program, with its data.
struct Sample {
    QString name;                           ///< "glyph-vit"
    QString model, calibration, evaluation; ///< files; the latter two may be empty
};

/// The samples found beside the program (installed) or in the source tree (built), by name.
std::vector<Sample> findSamples();
/// Nothing when there is no sample of that name.
std::optional<Sample> findSample(const QString &name);

} // namespace qs::app
