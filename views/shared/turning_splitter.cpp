#include "views/shared/turning_splitter.h"

#include <utility>

namespace qs::views {

TurningSplitter::TurningSplitter(double ratio, const QList<int> &shares, QWidget *parent)
    : QSplitter(Qt::Horizontal, parent), m_ratio(ratio), m_shares(shares) {}

void TurningSplitter::resizeEvent(QResizeEvent *event) {
    QSplitter::resizeEvent(event);
    const Qt::Orientation wanted = width() > m_ratio * height() ? Qt::Horizontal : Qt::Vertical;
    if (orientation() == wanted && std::exchange(m_placed, true))
        return;
    setOrientation(wanted);
    setSizes(m_shares);
}

} // namespace qs::views
