#pragma once

#include "views/shared/workbench_context.h"

#include <QDockWidget>

class QLabel;
class QStackedWidget;

namespace qs::views {

/// Base of every view: a dock with the four calls of the view contract. A hidden view does nothing; it
/// remembers that something changed and refreshes when it is shown. Changes that come together cause one
/// refresh.
class ViewDock : public QDockWidget {
    Q_OBJECT
public:
    ViewDock(const QString &id, const QString &title, WorkbenchContext &context, QWidget *parent = nullptr);

    /// Redraws now if anything changed while hidden. Screenshot mode calls it; normally showing does.
    void refreshIfDirty();

protected:
    // The contract. Called only while the view is visible (or refreshed), on the GUI thread.
    virtual void modelChanged() {}
    virtual void selectionChanged() {}
    virtual void runChanged() {} ///< run, finished runs, capture, calibration set, sensitivity or recipe
    virtual void setActive(bool /*active*/) {}

    WorkbenchContext &context() const { return m_context; }
    /// The widget that shows data.
    void setContent(QWidget *content);
    /// Shows a centred text instead of the content: what is missing and what to do. Empty text shows the
    /// content.
    void showEmptyState(const QString &text);

private:
    enum DirtyBit { ModelDirty = 1, SelectionDirty = 2, RunDirty = 4 };
    void markDirty(int bits);
    void setShown(bool shown);

    WorkbenchContext &m_context;
    QStackedWidget *m_stack = nullptr;
    QLabel *m_emptyLabel = nullptr;
    int m_dirty = ModelDirty | SelectionDirty | RunDirty;
    bool m_shown = false; ///< a dock behind another tab counts as hidden
    bool m_refreshPosted = false;
};

} // namespace qs::views
