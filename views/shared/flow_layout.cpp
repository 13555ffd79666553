#include "views/shared/flow_layout.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QWidget>

namespace qs::views {

FlowLayout::FlowLayout(QWidget *parent, int gap) : QLayout(parent), m_gap(gap) {
    setContentsMargins(6, 4, 6, 4);
}

FlowLayout::~FlowLayout() {
    for (QLayoutItem *item : m_items)
        delete item;
}

QWidget *FlowLayout::addPair(const QString &caption, QWidget *control) {
    auto *pair = new QWidget;
    auto *row = new QHBoxLayout(pair);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(4);
    auto *label = new QLabel(caption);
    label->setBuddy(control);
    row->addWidget(label);
    row->addWidget(control);
    control->setAccessibleName(caption);
    addWidget(pair);
    return pair;
}

QLayoutItem *FlowLayout::itemAt(int index) const {
    return index >= 0 && index < count() ? m_items[static_cast<std::size_t>(index)] : nullptr;
}

QLayoutItem *FlowLayout::takeAt(int index) {
    QLayoutItem *item = itemAt(index);
    if (item)
        m_items.erase(m_items.begin() + index);
    return item;
}

QSize FlowLayout::minimumSize() const {
    QSize size;
    for (const QLayoutItem *item : m_items)
        if (!item->isEmpty())
            size = size.expandedTo(item->minimumSize());
    const QMargins margins = contentsMargins();
    return size + QSize(margins.left() + margins.right(), margins.top() + margins.bottom());
}

void FlowLayout::setGeometry(const QRect &rect) {
    QLayout::setGeometry(rect);
    arrange(rect, true);
}

int FlowLayout::arrange(const QRect &rect, bool apply) const {
    const QRect inner = rect.marginsRemoved(contentsMargins());
    int x = inner.x(), y = inner.y(), lineHeight = 0;
    std::vector<QLayoutItem *> line;
    const auto finishLine = [&] {
        for (QLayoutItem *item : line)
            if (apply) {
                const QRect place = item->geometry();
                item->setGeometry(place.translated(0, (lineHeight - place.height()) / 2));
            }
        line.clear();
    };
    for (QLayoutItem *item : m_items) {
        if (item->isEmpty())
            continue;
        const QSize size = item->sizeHint().boundedTo(
            {std::max(inner.width(), item->minimumSize().width()), QWIDGETSIZE_MAX});
        if (x > inner.x() && x + size.width() > inner.right() + 1) {
            finishLine();
            x = inner.x();
            y += lineHeight + m_gap / 2;
            lineHeight = 0;
        }
        if (apply)
            item->setGeometry({{x, y}, size});
        line.push_back(item);
        x += size.width() + m_gap;
        lineHeight = std::max(lineHeight, size.height());
    }
    finishLine();
    return y + lineHeight - rect.y() + contentsMargins().bottom();
}

} // namespace qs::views
