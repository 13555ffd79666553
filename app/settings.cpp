#include "app/settings.h"

#include "core/base/machine_memory.h"

#include <QFileInfo>
#include <QSettings>

namespace qs::app {
namespace {

constexpr int kRecentFiles = 10;
const QString kTheme = QStringLiteral("theme");
const QString kRecent = QStringLiteral("recentFiles");
const QString kCalibrationMemory = QStringLiteral("calibrationMemoryMib");
const QString kGeometry = QStringLiteral("window/geometry");
const QString kState = QStringLiteral("window/state");

} // namespace

Theme Settings::theme() const {
    const QString name = m_persistent ? QSettings().value(kTheme).toString() : QString();
    return name == QLatin1String("light")  ? Theme::Light
           : name == QLatin1String("dark") ? Theme::Dark
                                           : Theme::System;
}

void Settings::setTheme(Theme theme) {
    if (m_persistent)
        QSettings().setValue(kTheme, theme == Theme::Light  ? QStringLiteral("light")
                                     : theme == Theme::Dark ? QStringLiteral("dark")
                                                            : QStringLiteral("system"));
}

QStringList Settings::recentFiles() const {
    return m_persistent ? QSettings().value(kRecent).toStringList() : QStringList();
}

void Settings::addRecentFile(const QString &file) {
    if (!m_persistent)
        return;
    const QString path = QFileInfo(file).absoluteFilePath();
    QStringList files = recentFiles();
    files.removeAll(path);
    files.prepend(path);
    QSettings().setValue(kRecent, files.mid(0, kRecentFiles));
}

void Settings::clearRecentFiles() {
    if (m_persistent)
        QSettings().remove(kRecent);
}

int Settings::calibrationMemoryMib() const {
    const auto half = static_cast<int>(machineMemoryBytes() / 2 / (1 << 20));
    return m_persistent ? QSettings().value(kCalibrationMemory, half).toInt() : half;
}

void Settings::setCalibrationMemoryMib(int mebibytes) {
    if (m_persistent)
        QSettings().setValue(kCalibrationMemory, mebibytes);
}

QByteArray Settings::windowGeometry() const {
    return m_persistent ? QSettings().value(kGeometry).toByteArray() : QByteArray();
}

QByteArray Settings::windowState() const {
    return m_persistent ? QSettings().value(kState).toByteArray() : QByteArray();
}

void Settings::setWindow(const QByteArray &geometry, const QByteArray &state) {
    if (!m_persistent)
        return;
    QSettings().setValue(kGeometry, geometry);
    QSettings().setValue(kState, state);
}

} // namespace qs::app
