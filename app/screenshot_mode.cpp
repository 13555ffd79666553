#include "app/screenshot_mode.h"

#include <QApplication>
#include <cstdio>

namespace qs::app {
namespace {

/// Views compute in the background and draw a few frames: a picture is taken after this many ticks without a
/// job.
constexpr int kTickMs = 100;
constexpr int kQuietTicks = 4;

} // namespace

ScreenshotMode::ScreenshotMode(MainWindow &window, views::WorkbenchContext &context, const QDir &folder)
    : QObject(&window), m_window(window), m_context(context), m_folder(folder) {
    m_timer.setInterval(kTickMs);
    connect(&m_timer, &QTimer::timeout, this, &ScreenshotMode::takeWhenQuiet);
}

void ScreenshotMode::start() {
    if (!m_folder.mkpath(QStringLiteral("."))) {
        std::fprintf(stderr, "cannot make folder %s\n", qPrintable(m_folder.path()));
        m_failed = true;
    }
    selectInterestingLayer();
    m_timer.start();
    showNext();
}

void ScreenshotMode::selectInterestingLayer() {
    const auto run = m_context.run();
    if (!run)
        return;
    // The layer whose output suffers most has most to show.
    LayerId worst = kNoLayer;
    double least = ErrorMetrics::kMaxSqnrDb;
    for (const auto &layer : run->layers) {
        const auto sqnr = layer ? layer->outputSqnrDb() : std::nullopt;
        if (sqnr && *sqnr < least) {
            least = *sqnr;
            worst = layer->layer;
        }
    }
    if (worst != kNoLayer)
        m_context.select(views::Selection::ofLayer(worst));
}

void ScreenshotMode::showNext() {
    m_quietTicks = 0;
    const auto &entries = m_window.docks().entries();
    if (m_next < entries.size()) {
        m_window.docks().raise(entries[m_next].dock);
        return;
    }
    // The window as a user would have it: charts with the first one in front.
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
        entry->dock->raise();
}

void ScreenshotMode::takeWhenQuiet() {
    m_quietTicks = m_context.jobs().anyRunning() ? 0 : m_quietTicks + 1;
    if (m_quietTicks < kQuietTicks)
        return;
    const auto &entries = m_window.docks().entries();
    if (m_next < entries.size()) {
        entries[m_next].dock->refreshIfDirty();
        save(entries[m_next].dock, entries[m_next].factory->id);
        ++m_next;
        showNext();
        return;
    }
    save(&m_window, QStringLiteral("window"));
    m_timer.stop();
    QApplication::exit(exitCode());
}

void ScreenshotMode::save(QWidget *widget, const QString &name) {
    const QString file = m_folder.filePath(name + QStringLiteral(".png"));
    if (widget->grab().save(file))
        return;
    std::fprintf(stderr, "cannot write %s\n", qPrintable(file));
    m_failed = true;
}

int ScreenshotMode::exitCode() const {
    bool failed = m_failed || !m_context.model();
    for (const FindingList::Entry &entry : m_context.findings()->snapshot()) {
        if (entry.finding.severity != Severity::Error)
            continue;
        std::fprintf(stderr, "%s: %s\n", entry.finding.where.c_str(), entry.finding.what.c_str());
        failed = true;
    }
    return failed ? 1 : 0;
}

} // namespace qs::app
