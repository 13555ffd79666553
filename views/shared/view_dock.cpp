#include "views/shared/view_dock.h"

#include "views/shared/figure_export.h"

#include <QLabel>
#include <QStackedWidget>

namespace qs::views {

ViewDock::ViewDock(const QString &id, const QString &title, WorkbenchContext &context, QWidget *parent)
    : QDockWidget(title, parent), m_context(context), m_stack(new QStackedWidget(this)),
      m_emptyLabel(new QLabel(m_stack)) {
    setObjectName(id);
    setAllowedAreas(Qt::AllDockWidgetAreas);
    m_emptyLabel->setAlignment(Qt::AlignCenter);
    m_emptyLabel->setWordWrap(true);
    m_emptyLabel->setMargin(24);
    m_emptyLabel->setForegroundRole(QPalette::PlaceholderText);
    m_stack->addWidget(m_emptyLabel);
    setWidget(m_stack);

    using Context = WorkbenchContext;
    connect(&context, &Context::modelChanged, this,
            [this] { markDirty(ModelDirty | SelectionDirty | RunDirty); });
    connect(&context, &Context::selectionChanged, this, [this] { markDirty(SelectionDirty); });
    for (auto signal : {&Context::executorChanged, &Context::calibrationChanged, &Context::captureChanged,
                        &Context::runChanged, &Context::runsChanged, &Context::sensitivityChanged,
                        &Context::recipeChanged, &Context::networkConfigChanged})
        connect(&context, signal, this, [this] { markDirty(RunDirty); });
    connect(this, &QDockWidget::visibilityChanged, this, &ViewDock::setShown);
}

void ViewDock::setContent(QWidget *content) {
    m_stack->addWidget(content);
    m_stack->setCurrentWidget(content);
    if (FigureExporter::hasFigures(*content))
        new FigureExporter(*this, m_context);
}

void ViewDock::showEmptyState(const QString &text) {
    m_emptyLabel->setText(text);
    // Index 0 is the label, 1 the content.
    m_stack->setCurrentIndex(text.isEmpty() && m_stack->count() > 1 ? 1 : 0);
}

void ViewDock::markDirty(int bits) {
    m_dirty |= bits;
    if (!m_shown || m_refreshPosted)
        return;
    m_refreshPosted = true;
    QMetaObject::invokeMethod(
        this,
        [this] {
            m_refreshPosted = false;
            if (m_shown)
                refreshIfDirty();
        },
        Qt::QueuedConnection);
}

void ViewDock::refreshIfDirty() {
    const int dirty = std::exchange(m_dirty, 0);
    if ((dirty & ModelDirty) != 0)
        modelChanged();
    if ((dirty & RunDirty) != 0)
        runChanged();
    if ((dirty & SelectionDirty) != 0)
        selectionChanged();
}

void ViewDock::setShown(bool shown) {
    if (shown == m_shown)
        return;
    m_shown = shown;
    setActive(shown);
    if (shown)
        refreshIfDirty();
}

} // namespace qs::views
