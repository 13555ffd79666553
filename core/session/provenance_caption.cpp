#include "core/session/provenance_caption.h"

#include "core/base/number_text.h"

#include <fmt/format.h>

namespace qs {
namespace {

/// "name (with 12 characters of its SHA-256)".
std::string sourceText(const std::string &file, const std::string &sha256) {
    return sha256.empty() ? file : fmt::format("{} (SHA-256 {}…)", file, sha256.substr(0, 12));
}

} // namespace

std::string programVersion() {
    return QS_PROGRAM_VERSION;
}

std::string provenanceCaption(const Provenance &provenance) {
    std::string caption = fmt::format("{} · model {}", provenance.program,
                                      sourceText(provenance.modelFile, provenance.modelSha256));
    if (!provenance.codesSha256.empty())
        caption += " · codes of " + sourceText(provenance.codesFile, provenance.codesSha256);
    if (!provenance.calibrationFile.empty())
        caption += fmt::format(" · calibration {}, {} samples",
                               sourceText(provenance.calibrationFile, provenance.calibrationSha256),
                               withThousands(provenance.calibrationSamples));
    std::string second;
    if (!provenance.evaluationFile.empty())
        second += fmt::format("evaluation {}, {} samples · ",
                              sourceText(provenance.evaluationFile, provenance.evaluationSha256),
                              withThousands(provenance.evaluationSamples));
    for (const auto &[method, version] : provenance.methodVersions)
        second += fmt::format("{} {} · ", method, version);
    return caption + (second.empty() ? "" : fmt::format("\n{}seed {}", second, provenance.seed));
}

} // namespace qs
