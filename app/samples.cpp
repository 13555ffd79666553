#include "app/samples.h"

#include "core/io/sample_models.h"

namespace qs::app {

std::vector<Sample> findSamples() {
    std::vector<Sample> samples;
    const auto text = [](const std::filesystem::path &file) { return QString::fromStdString(file.string()); };
    for (const ModelFiles &files : sampleModels())
        samples.push_back({QString::fromStdString(files.name), text(files.model), text(files.calibration),
                           text(files.evaluation)});
    return samples;
}

std::optional<Sample> findSample(const QString &name) {
    for (const Sample &sample : findSamples()) {
        if (sample.name == name)
            return sample;
    }
    return {};
}

} // namespace qs::app
