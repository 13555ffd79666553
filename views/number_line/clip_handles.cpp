#include "views/number_line/clip_handles.h"

#include "views/shared/format_text.h"

#include <qcustomplot.h>

namespace qs::views {

namespace {

constexpr double kReachPixels = 6;

/// x in values, y as a share of the rectangle's height.
void bind(QCPItemPosition *position, QCPAxisRect &rect) {
    position->setTypeX(QCPItemPosition::ptPlotCoords);
    position->setTypeY(QCPItemPosition::ptAxisRectRatio);
    position->setAxes(rect.axis(QCPAxis::atBottom), rect.axis(QCPAxis::atLeft));
    position->setAxisRect(&rect);
}

} // namespace

ClipHandles::ClipHandles(QCustomPlot &plot, QCPAxisRect &rect, bool withValues) : m_plot(plot), m_rect(rect) {
    for (int i : {0, 1}) {
        m_lines[i] = new QCPItemLine(&plot);
        m_lines[i]->setClipAxisRect(&rect);
        m_lines[i]->setSelectable(false);
        bind(m_lines[i]->start, rect);
        bind(m_lines[i]->end, rect);
        if (!withValues)
            continue;
        m_values[i] = new QCPItemText(&plot);
        m_values[i]->setClipAxisRect(&rect);
        m_values[i]->setSelectable(false);
        m_values[i]->setPadding({4, 1, 4, 1});
        m_values[i]->setPositionAlignment((i == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignTop);
        bind(m_values[i]->position, rect);
    }
    setVisible(false);
}

ClipHandles::~ClipHandles() {
    for (int i : {0, 1}) {
        m_plot.removeItem(m_lines[i]);
        if (m_values[i] != nullptr)
            m_plot.removeItem(m_values[i]);
    }
}

void ClipHandles::setRange(const ValueRange &range, bool isCurrent) {
    m_range = range;
    m_current = isCurrent;
    for (int i : {0, 1}) {
        const double x = i == 0 ? range.lo : range.hi;
        m_lines[i]->start->setCoords(x, -0.1);
        m_lines[i]->end->setCoords(x, 1.1);
        if (m_values[i] == nullptr)
            continue;
        m_values[i]->position->setCoords(x, i == 0 ? 0.02 : 0.2); // apart, also when the ends are close
        m_values[i]->setText(i == 0 ? QObject::tr("◂ %1").arg(formatNumber(x))
                                    : QObject::tr("%1 ▸").arg(formatNumber(x)));
    }
    setVisible(true);
    applyColors(PlotTheme::ofApplication());
}

void ClipHandles::setVisible(bool visible) {
    m_visible = visible;
    for (int i : {0, 1}) {
        m_lines[i]->setVisible(visible);
        if (m_values[i] != nullptr)
            m_values[i]->setVisible(visible);
    }
}

void ClipHandles::applyColors(const PlotTheme &theme) {
    QColor plate = theme.background;
    plate.setAlpha(215);
    for (int i : {0, 1}) {
        m_lines[i]->setPen(m_current ? QPen(theme.accent, 2) : QPen(theme.weakText, 1, Qt::DashLine));
        if (m_values[i] == nullptr)
            continue;
        m_values[i]->setColor(theme.text);
        m_values[i]->setBrush(plate);
        m_values[i]->setPen(QPen(theme.accent));
        m_values[i]->setFont(m_plot.font());
    }
}

ClipHandles::End ClipHandles::endAt(double pixel) const {
    if (!m_visible)
        return End::None;
    const QCPAxis *axis = m_rect.axis(QCPAxis::atBottom);
    const double low = std::abs(axis->coordToPixel(m_range.lo) - pixel);
    const double high = std::abs(axis->coordToPixel(m_range.hi) - pixel);
    if (std::min(low, high) > kReachPixels)
        return End::None;
    return high <= low ? End::High : End::Low;
}

} // namespace qs::views
