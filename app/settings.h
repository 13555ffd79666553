#pragma once

#include <QByteArray>
#include <QStringList>

namespace qs::app {

enum class Theme { System, Light, Dark };

/// What is remembered between sessions; all keys in one place. In screenshot mode nothing is read or written.
class Settings {
public:
    explicit Settings(bool persistent = true) : m_persistent(persistent) {}

    bool isPersistent() const { return m_persistent; }
    Theme theme() const;
    void setTheme(Theme theme);
    QStringList recentFiles() const; ///< newest first
    void addRecentFile(const QString &file);
    void clearRecentFiles();
    /// MiB that calibration may take; 0 = no limit. Half of the memory of this machine until it is set.
    int calibrationMemoryMib() const;
    void setCalibrationMemoryMib(int mebibytes);
    QByteArray windowGeometry() const;
    QByteArray windowState() const;
    void setWindow(const QByteArray &geometry, const QByteArray &state);

private:
    bool m_persistent;
};

} // namespace qs::app
