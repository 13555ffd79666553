#pragma once

#include "views/shared/workbench_context.h"

#include <QWidget>

class QLabel;
class QProgressBar;
class QToolButton;

namespace qs::app {

/// The status bar's content: what is open, what came out, what is running and how to stop it.
class StatusPanel : public QWidget {
    Q_OBJECT
public:
    explicit StatusPanel(views::WorkbenchContext &context, QWidget *parent = nullptr);

    /// Shows a message for some seconds in place of the summary.
    void showNotice(const QString &text);

private:
    void updateSummary();
    void updateJob();

    views::WorkbenchContext &m_context;
    QLabel *m_summary = nullptr;
    QLabel *m_stage = nullptr;
    QProgressBar *m_progress = nullptr;
    QToolButton *m_cancel = nullptr;
};

} // namespace qs::app
