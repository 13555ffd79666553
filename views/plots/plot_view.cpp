#include "views/plots/plot_view.h"

#include "views/plots/plot_export.h"
#include "views/shared/figure_export.h"

#include <QContextMenuEvent>
#include <QMenu>
#include <QVBoxLayout>
#include <qcustomplot.h>

namespace qs::views {

namespace {

constexpr double kZoomPerStep = 0.8;

} // namespace

PlotView::PlotView(QWidget *parent)
    : QWidget(parent), m_plot(new QCustomPlot(this)), m_readOutText(new QCPItemText(m_plot)) {
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_plot);
    setFocusPolicy(Qt::StrongFocus);
    setFocusProxy(nullptr);
    m_plot->setFocusPolicy(Qt::NoFocus);
    m_plot->setContextMenuPolicy(Qt::NoContextMenu); // ours
    m_plot->setMinimumSize(120, 90);

    m_readOutText->setLayer("overlay");
    m_readOutText->setSelectable(false);
    m_readOutText->setClipToAxisRect(false);
    m_readOutText->setPadding(QMargins(6, 3, 6, 3));
    m_readOutText->position->setType(QCPItemPosition::ptAbsolute);
    hideReadOut();
    setZoomAxes(m_zoomAxes);
    connectPlot();
    applyStyle(PlotTheme::ofApplication());
}

void PlotView::connectPlot() {
    m_plot->installEventFilter(this);
    connect(m_plot, &QCustomPlot::mousePress, this, [this](QMouseEvent *event) {
        setFocus();
        m_pressed = event->pos();
    });
    connect(m_plot, &QCustomPlot::mouseRelease, this, [this](QMouseEvent *event) {
        if (event->button() == Qt::LeftButton && (event->pos() - m_pressed).manhattanLength() < 4 &&
            m_plot->axisRect()->rect().contains(event->pos()))
            emit clicked(m_plot->xAxis->pixelToCoord(event->pos().x()),
                         m_plot->yAxis->pixelToCoord(event->pos().y()));
    });
    connect(m_plot, &QCustomPlot::mouseMove, this,
            [this](QMouseEvent *event) { updateReadOut(event->pos()); });
    connect(m_plot, &QCustomPlot::mouseDoubleClick, this, &PlotView::fit);
}

void PlotView::replot() {
    wrapLegend(*m_plot, width());
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

void PlotView::setStyler(std::function<void(const PlotTheme &)> styler) {
    m_styler = std::move(styler);
    applyStyle(PlotTheme::ofApplication());
}

void PlotView::setFitter(std::function<void()> fitter) {
    m_fitter = std::move(fitter);
}

void PlotView::setSizer(std::function<void(QSize)> sizer) {
    m_sizer = std::move(sizer);
    m_sizer(size());
}

void PlotView::setReadOut(std::function<QString(double, double)> readOut) {
    m_readOut = std::move(readOut);
    m_plot->setMouseTracking(true);
}

void PlotView::setZoomAxes(Qt::Orientations axes) {
    m_zoomAxes = axes;
    m_plot->setInteractions(QCP::iRangeDrag | QCP::iRangeZoom);
    m_plot->axisRect()->setRangeZoom(axes);
    m_plot->axisRect()->setRangeDrag(axes);
    m_plot->axisRect()->setRangeZoomFactor(kZoomPerStep);
}

void PlotView::fit() {
    if (m_fitter)
        m_fitter();
    else
        m_plot->rescaleAxes();
    replot();
}

void PlotView::applyStyle(const PlotTheme &theme) {
    applyTheme(*m_plot, theme);
    for (QCPItemStraightLine *line : m_crosshairs)
        line->setPen(QPen(theme.weakText, 1, Qt::DotLine));
    m_readOutText->setColor(theme.text);
    m_readOutText->setFont(font());
    QColor background = theme.background;
    background.setAlpha(225);
    m_readOutText->setBrush(background);
    m_readOutText->setPen(QPen(theme.grid));
    if (m_styler)
        m_styler(theme);
    replot();
}

void PlotView::updateReadOut(const QPoint &position) {
    QRect area;
    for (const QCPAxisRect *rect : m_plot->axisRects())
        area |= rect->rect();
    if (!m_readOut || !area.contains(position)) {
        hideReadOut();
        return;
    }
    const double x = m_plot->xAxis->pixelToCoord(position.x());
    const QString text = m_readOut(x, m_plot->yAxis->pixelToCoord(position.y()));
    if (text.isEmpty()) {
        hideReadOut();
        return;
    }
    placeCrosshairs(x);
    // Beside the pointer, on the side with more room.
    const bool onLeft = position.x() > area.center().x();
    m_readOutText->setText(text);
    m_readOutText->setTextAlignment(Qt::AlignLeft);
    m_readOutText->setPositionAlignment((onLeft ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignTop);
    m_readOutText->position->setCoords(position.x() + (onLeft ? -8 : 8), area.top() + 4);
    m_readOutText->setVisible(true);
    replot();
}

void PlotView::placeCrosshairs(double x) {
    const QList<QCPAxisRect *> rects = m_plot->axisRects();
    while (static_cast<qsizetype>(m_crosshairs.size()) < rects.size()) {
        auto *line = new QCPItemStraightLine(m_plot);
        line->setLayer("overlay");
        line->setSelectable(false);
        line->setPen(QPen(PlotTheme::ofApplication().weakText, 1, Qt::DotLine));
        m_crosshairs.push_back(line);
    }
    for (std::size_t i = 0; i < m_crosshairs.size(); ++i) {
        QCPItemStraightLine *line = m_crosshairs[i];
        line->setVisible(static_cast<qsizetype>(i) < rects.size());
        if (!line->visible())
            continue;
        QCPAxisRect *rect = rects[static_cast<qsizetype>(i)];
        QCPAxis *yAxis = rect->axis(QCPAxis::atLeft);
        line->setClipAxisRect(rect);
        for (QCPItemPosition *point : {line->point1, line->point2})
            point->setAxes(rect->axis(QCPAxis::atBottom), yAxis);
        line->point1->setCoords(x, yAxis->range().lower);
        line->point2->setCoords(x, yAxis->range().upper);
    }
}

void PlotView::hideReadOut() {
    const bool wasVisible = m_readOutText->visible();
    for (QCPItemStraightLine *line : m_crosshairs)
        line->setVisible(false);
    m_readOutText->setVisible(false);
    if (wasVisible)
        replot();
}

void PlotView::zoom(double factor) {
    for (QCPAxis *axis : {m_plot->xAxis, m_plot->yAxis})
        if (m_zoomAxes.testFlag(axis->orientation()))
            axis->scaleRange(factor);
    replot();
}

void PlotView::pan(double xShare, double yShare) {
    const auto move = [](QCPAxis *axis, double share) {
        // A logarithmic axis moves by a factor.
        if (axis->scaleType() == QCPAxis::stLogarithmic)
            axis->moveRange(std::pow(axis->range().upper / axis->range().lower, share));
        else
            axis->moveRange(share * axis->range().size());
    };
    if (m_zoomAxes.testFlag(Qt::Horizontal))
        move(m_plot->xAxis, xShare);
    if (m_zoomAxes.testFlag(Qt::Vertical))
        move(m_plot->yAxis, yShare);
    replot();
}

void PlotView::keyPressEvent(QKeyEvent *event) {
    switch (event->key()) {
    case Qt::Key_Plus:
    case Qt::Key_Equal:
        zoom(kZoomPerStep);
        break;
    case Qt::Key_Minus:
        zoom(1 / kZoomPerStep);
        break;
    case Qt::Key_F:
    case Qt::Key_0:
        fit();
        break;
    case Qt::Key_Left:
        pan(-0.1, 0);
        break;
    case Qt::Key_Right:
        pan(0.1, 0);
        break;
    case Qt::Key_Up:
        pan(0, 0.1);
        break;
    case Qt::Key_Down:
        pan(0, -0.1);
        break;
    default:
        QWidget::keyPressEvent(event);
    }
}

void PlotView::changeEvent(QEvent *event) {
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange)
        applyStyle(PlotTheme::ofApplication());
    QWidget::changeEvent(event);
}

bool PlotView::eventFilter(QObject *watched, QEvent *event) {
    if (event->type() == QEvent::Leave)
        hideReadOut();
    return QWidget::eventFilter(watched, event);
}

void PlotView::contextMenuEvent(QContextMenuEvent *event) {
    auto *menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->addAction(tr("Show everything"), QKeySequence(Qt::Key_F), this, &PlotView::fit);
    FigureExporter::addTo(*menu, *this);
    menu->popup(event->globalPos());
}

void PlotView::layOutFor(QSize size) {
    if (m_sizer)
        m_sizer(size);
    wrapLegend(*m_plot, size.width());
}

void PlotView::resizeEvent(QResizeEvent *event) {
    QWidget::resizeEvent(event);
    layOutFor(size());
}

QString PlotView::figureTitle() const {
    return m_figureTitle.isEmpty() ? accessibleName() : m_figureTitle;
}

bool PlotView::hasFigure() const {
    return m_plot->plottableCount() > 0;
}

FigureWork PlotView::prepareFigure(const FigureRequest &request) {
    constexpr int kFontPixels = 12;
    hideReadOut();
    const bool asShown = request.background == FigureRequest::Background::Theme;
    const PlotTheme theme = asShown ? PlotTheme::ofApplication() : PlotTheme::ofPaper();
    QFont paperFont = font();
    paperFont.setPixelSize(kFontPixels);
    m_plot->setFont(paperFont);
    applyStyle(theme);
    m_plot->setBackground(Qt::NoBrush); // the sheet has it
    if (request.background == FigureRequest::Background::Transparent && m_plot->legend)
        m_plot->legend->setBrush(Qt::NoBrush);
    layOutFor(chartSizeOnPaper(request, paperFont));
    FigureWork work = prepareChart(*m_plot, theme, request);
    m_plot->setFont(QFont()); // that of this widget
    applyStyle(PlotTheme::ofApplication());
    layOutFor(size());
    return work;
}

} // namespace qs::views
