#include "views/shared/turning_splitter.h"

#include <QChildEvent>

namespace qs::views {

TurningSplitter::TurningSplitter(double ratio, const QList<int> &shares, QWidget *parent)
    : QSplitter(Qt::Horizontal, parent), m_ratio(ratio), m_shares(shares) {}

void TurningSplitter::childEvent(QChildEvent *event) {
    QSplitter::childEvent(event);
    if (event->added() && count() == m_shares.size())
        setSizes(m_shares);
}

void TurningSplitter::resizeEvent(QResizeEvent *event) {
    QSplitter::resizeEvent(event);
    const Qt::Orientation wanted = width() > m_ratio * height() ? Qt::Horizontal : Qt::Vertical;
    if (orientation() == wanted)
        return;
    setOrientation(wanted);
    setSizes(m_shares);
}

} // namespace qs::views
