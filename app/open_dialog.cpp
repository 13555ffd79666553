#include "app/open_dialog.h"

#include "core/io/importer.h"

#include <QFileDialog>

namespace qs::app {
namespace {

QString tr(const char *text) {
    return QCoreApplication::translate("qs::app::OpenDialog", text);
}

QString patternOf(const Importer &importer) {
    QStringList patterns;
    for (const std::string &suffix : importer.fileSuffixes())
        patterns << QStringLiteral("*%1").arg(QString::fromStdString(suffix));
    return patterns.join(' ');
}

const QString kSetPattern = QStringLiteral("*.h5 *.hdf5");
const QString kProjectPattern = QStringLiteral("*.qscope");
const QString kRecipePattern = QStringLiteral("*.json");

QString anyFilter() {
    QStringList patterns, filters;
    for (const auto &importer : builtinImporters()) {
        patterns << patternOf(*importer);
        filters
            << tr("%1 models (%2)").arg(QString::fromStdString(importer->formatName()), patternOf(*importer));
    }
    patterns << kProjectPattern << kSetPattern << kRecipePattern;
    filters.prepend(tr("Everything that can be opened (%1)").arg(patterns.join(' ')));
    filters << tr("Projects (%1)").arg(kProjectPattern) << tr("Calibration sets (%1)").arg(kSetPattern)
            << tr("Recipes (%1)").arg(kRecipePattern) << tr("All files, told apart by content (*)");
    return filters.join(QStringLiteral(";;"));
}

} // namespace

QStringList askFilesToOpen(QWidget *parent, OpenPurpose purpose) {
    const QString setFilter = tr("Calibration sets (%1);;All files (*)").arg(kSetPattern);
    switch (purpose) {
    case OpenPurpose::Any:
        return QFileDialog::getOpenFileNames(parent, tr("Open project, model, calibration set or recipe"), {},
                                             anyFilter());
    case OpenPurpose::Folder:
        return {QFileDialog::getExistingDirectory(parent, tr("Open the folder of a Hugging Face model"))};
    case OpenPurpose::Calibration:
        return {QFileDialog::getOpenFileName(parent, tr("Open calibration set"), {}, setFilter)};
    case OpenPurpose::Evaluation:
        return {QFileDialog::getOpenFileName(parent, tr("Open evaluation set"), {}, setFilter)};
    case OpenPurpose::Recipe:
        return {QFileDialog::getOpenFileName(parent, tr("Load recipe"), {},
                                             tr("Recipes (%1);;All files (*)").arg(kRecipePattern))};
    case OpenPurpose::Quantized:
        return {QFileDialog::getOpenFileName(
            parent, tr("Open a quantized version of the open model"), {},
            tr("Quantized models (*.onnx *.safetensors *.json);;All files (*)"))};
    }
    return {};
}

} // namespace qs::app
