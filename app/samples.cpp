#include "app/samples.h"

#include <QCoreApplication>
#include <QDir>

namespace qs::app {
namespace {

/// Data sets are named after the model or, shared by a family, after the beginning of its name:
/// "glyph-calib.h5".
QString dataFile(const QDir &folder, QString stem, const QString &purpose) {
    while (!stem.isEmpty()) {
        const QString file = folder.filePath(stem + '-' + purpose + QStringLiteral(".h5"));
        if (QFile::exists(file))
            return file;
        stem.truncate(std::max<qsizetype>(0, stem.lastIndexOf('-')));
    }
    return {};
}

QDir sampleFolder() {
    const QString program = QCoreApplication::applicationDirPath();
    for (const char *place : {"/../share/quantoscope/sample-data", "/../../../sample-data"}) {
        const QDir folder(program + QLatin1String(place));
        if (folder.exists())
            return folder;
    }
    return QDir(program + QStringLiteral("/sample-data"));
}

} // namespace

std::vector<Sample> findSamples() {
    std::vector<Sample> samples;
    const QDir folder = sampleFolder();
    for (const QFileInfo &model : folder.entryInfoList({QStringLiteral("*.onnx")}, QDir::Files, QDir::Name)) {
        const QString stem = model.completeBaseName();
        samples.push_back({stem, model.canonicalFilePath(), dataFile(folder, stem, QStringLiteral("calib")),
                           dataFile(folder, stem, QStringLiteral("eval"))});
    }
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
