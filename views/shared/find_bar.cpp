#include "views/shared/find_bar.h"

#include "views/shared/find_expression.h"
#include "views/shared/table_tools.h"

#include <QAbstractItemView>
#include <QAction>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QToolButton>
#include <QVBoxLayout>

namespace qs::views {
namespace {

QString textOfRow(const QModelIndex &row) {
    QStringList texts;
    for (int column = 0; column < row.model()->columnCount(row.parent()); ++column)
        texts << row.siblingAtColumn(column).data().toString();
    return texts.join('\t');
}

} // namespace

FindBar::FindBar(QAbstractItemView &view) : m_view(view), m_text(new QLineEdit), m_note(new QLabel) {
    m_text->setPlaceholderText(tr("Find, regular expression"));
    m_text->setAccessibleName(tr("Find in the table"));
    m_text->setClearButtonEnabled(true);
    auto *layout = new QHBoxLayout(this);
    layout->setContentsMargins(6, 3, 6, 3);
    layout->addWidget(m_text, 1);
    layout->addWidget(m_note);
    for (const auto &[arrow, toolTip, forwards] :
         {std::tuple(Qt::UpArrow, tr("Previous (Shift+Enter)"), false),
          std::tuple(Qt::DownArrow, tr("Next (Enter)"), true)}) {
        auto *button = new QToolButton;
        button->setArrowType(arrow);
        button->setAutoRaise(true);
        button->setToolTip(toolTip);
        button->setAccessibleName(toolTip);
        connect(button, &QToolButton::clicked, this, [this, way = forwards] { find(way); });
        layout->addWidget(button);
    }
    hide();
    connect(m_text, &QLineEdit::textChanged, this, &FindBar::search);
    const auto addAction = [&](const char *name, const QString &text, QKeySequence keys, auto slot) {
        auto *action = new QAction(text, &view);
        action->setObjectName(QLatin1String(name));
        action->setShortcut(keys);
        action->setShortcutContext(Qt::WidgetWithChildrenShortcut);
        connect(action, &QAction::triggered, this, slot);
        view.addAction(action);
    };
    addAction("find", tr("Find…"), QKeySequence::Find, &FindBar::open);
    addAction("find_next", tr("Find next"), QKeySequence::FindNext, [this] { find(true); });
}

void FindBar::open() {
    show();
    m_text->setFocus(Qt::ShortcutFocusReason);
    m_text->selectAll();
}

void FindBar::close() {
    hide();
    m_view.setFocus(Qt::OtherFocusReason);
}

void FindBar::keyPressEvent(QKeyEvent *event) {
    if (event->key() == Qt::Key_Escape)
        return close();
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) {
        find(!event->modifiers().testFlag(Qt::ShiftModifier));
        return;
    }
    QWidget::keyPressEvent(event);
}

void FindBar::search() {
    findFrom(0, 1);
}

bool FindBar::find(bool forwards) {
    return findFrom(1, forwards ? 1 : -1);
}

bool FindBar::findFrom(int distance, int step) {
    if (m_text->text().isEmpty()) {
        tell({}, false);
        return false;
    }
    const FindExpression expression = findExpression(m_text->text());
    if (!expression.error.isEmpty()) {
        tell(expression.error, true);
        return false;
    }
    const std::vector<QModelIndex> rows = rowsOf(*m_view.model());
    const auto count = static_cast<int>(rows.size());
    const QModelIndex current = m_view.currentIndex().siblingAtColumn(0);
    const auto here = std::find(rows.begin(), rows.end(), current);
    const int start = here == rows.end() ? (step > 0 ? -distance : 0) : static_cast<int>(here - rows.begin());
    for (int i = 0; i < count; ++i) {
        const int place = ((start + step * (distance + i)) % count + count) % count;
        const QModelIndex &row = rows[static_cast<std::size_t>(place)];
        if (expression.regex.match(textOfRow(row)).hasMatch()) {
            m_view.setCurrentIndex(row);
            m_view.scrollTo(row);
            tell({}, false);
            return true;
        }
    }
    tell(tr("nothing found"), true);
    return false;
}

void FindBar::tell(const QString &note, bool bad) {
    m_note->setText(note);
    QPalette colors = palette();
    if (bad)
        colors.setColor(QPalette::Text, QColor(0xd0, 0x3b, 0x3b)); // the note says it, too
    m_text->setPalette(colors);
}

QWidget *withFindBar(QAbstractItemView &view) {
    auto *page = new QWidget;
    auto *layout = new QVBoxLayout(page);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(&view, 1);
    layout->addWidget(new FindBar(view));
    return page;
}

} // namespace qs::views
