#pragma once

#include "app/main_window.h"

#include <QDir>
#include <QTimer>

namespace qs::app {

/// Writes the window and each view as PNG once all jobs have ended, then ends the program: for tests and the
/// README.
class ScreenshotMode : public QObject {
    Q_OBJECT
public:
    ScreenshotMode(MainWindow &window, views::WorkbenchContext &context, const QDir &folder);
    /// Begins to take pictures; the application quits with 0, or 1 when a picture could not be written or an
    /// error was found.
    void start();

private:
    void showNext();
    void takeWhenQuiet();
    void save(QWidget *widget, const QString &name);
    void selectInterestingLayer();
    int exitCode() const;

    MainWindow &m_window;
    views::WorkbenchContext &m_context;
    QDir m_folder;
    QTimer m_timer;
    std::size_t m_next = 0; ///< index into the views; one past the end is the window
    int m_quietTicks = 0;
    bool m_failed = false;
};

} // namespace qs::app
