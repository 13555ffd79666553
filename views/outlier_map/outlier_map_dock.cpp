#include "views/outlier_map/outlier_map_dock.h"

#include "core/analysis/cell_inspection.h"
#include "views/canvas/heat_map_canvas.h"
#include "views/outlier_map/outlier_map_toolbar.h"

#include <QLabel>
#include <QPointer>
#include <QPushButton>
#include <QStackedWidget>
#include <QVBoxLayout>

namespace qs::views {

namespace {

using Mode = OutlierMapRequest::Mode;

const QString kLoadTag = QStringLiteral("outlier-map");

} // namespace

OutlierMapDock::OutlierMapDock(WorkbenchContext &context)
    : ViewDock(QStringLiteral("outlier_map"), tr("Outlier map"), context), m_toolbar(new OutlierMapToolbar),
      m_pages(new QStackedWidget), m_canvas(new HeatMapCanvas), m_message(new QLabel),
      m_calibrate(new QPushButton(tr("Calibrate"))), m_summary(new QLabel) {
    m_message->setWordWrap(true);
    m_message->setAlignment(Qt::AlignCenter);
    auto *messagePage = new QWidget;
    auto *messageLayout = new QVBoxLayout(messagePage);
    messageLayout->addStretch();
    messageLayout->addWidget(m_message);
    messageLayout->addWidget(m_calibrate, 0, Qt::AlignHCenter);
    messageLayout->addStretch();
    m_pages->addWidget(messagePage);
    m_pages->addWidget(m_canvas);
    m_summary->setMargin(4);
    m_summary->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_summary->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);

    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_toolbar);
    layout->addWidget(m_pages, 1);
    layout->addWidget(m_summary);
    setContent(content);

    connect(m_toolbar, &OutlierMapToolbar::requestChanged, this, &OutlierMapDock::load);
    connect(&m_toolbar->colors(), &ColorControls::changed, this, &OutlierMapDock::updateColors);
    connect(m_toolbar, &OutlierMapToolbar::fitWanted, m_canvas, &HeatMapCanvas::fit);
    connect(m_canvas, &HeatMapCanvas::cellPicked, this, &OutlierMapDock::pick);
    connect(m_calibrate, &QPushButton::clicked, this, [this] { this->context().calibrate(); });
}

OutlierMapRequest OutlierMapDock::request() const {
    OutlierMapRequest wanted;
    m_toolbar->applyTo(wanted);
    wanted.model = context().model();
    if (wanted.mode != Mode::Weight)
        wanted.capture = context().capture();
    if (wanted.mode != Mode::LayerChannel)
        wanted.layer = context().selection().layer;
    const auto run = context().run();
    const auto index = static_cast<std::size_t>(wanted.layer);
    if (wanted.statistic == OutlierMapRequest::Statistic::Error && run && wanted.layer >= 0 &&
        index < run->layers.size())
        wanted.layerResult = run->layers[index];
    return wanted;
}

void OutlierMapDock::load() {
    OutlierMapRequest wanted = request();
    if (const QString why = wanted.whyNothing(); !why.isEmpty()) {
        m_wanted = {};
        context().jobs().cancelTag(kLoadTag);
        showNothing(why);
        return;
    }
    if (wanted == m_wanted) {
        updateSelection();
        return;
    }
    m_wanted = wanted;
    auto loaded = std::make_shared<std::shared_ptr<const OutlierMapContent>>();
    context().jobs().start(
        kLoadTag, tr("Preparing the outlier map"),
        [wanted, loaded](const RunContext &ctx) -> Status {
            QS_TRY(*loaded, loadOutlierMap(wanted, ctx));
            return {};
        },
        [self = QPointer(this), loaded](const Status &status) {
            if (!self)
                return;
            if (status)
                self->adopt(*loaded);
            else if (status.error().code != ErrorCode::Cancelled)
                self->showNothing(QString::fromStdString(status.error().text()));
        });
}

void OutlierMapDock::showNothing(const QString &why) {
    m_content = nullptr;
    m_message->setText(why);
    const bool needsCalibration = context().model() && !context().capture();
    m_calibrate->setVisible(needsCalibration && context().whyNotCalibrate().isEmpty());
    m_pages->setCurrentIndex(0);
    m_summary->clear();
}

void OutlierMapDock::adopt(std::shared_ptr<const OutlierMapContent> content) {
    m_content = std::move(content);
    if (m_content->scene.data->rows() == 0 || m_content->scene.data->cols() == 0) {
        showNothing(tr("No layer of this model reads an activation that could be captured."));
        return;
    }
    m_pages->setCurrentWidget(m_canvas);
    m_summary->setText(m_content->summary);
    m_summary->setToolTip(m_content->summary);
    updateColors();
}

void OutlierMapDock::updateColors() {
    if (!m_content)
        return;
    HeatMapScene scene = m_content->scene;
    ColorControls &colors = m_toolbar->colors();
    scene.map = &colors.map();
    scene.scale = chooseScale(scene.data->stats(), m_content->isSigned,
                              scene.map->kind == ColorMap::Kind::Diverging, colors.choice());
    colors.showRange(scene.scale);
    m_canvas->setScene(std::move(scene));
    updateSelection();
}

void OutlierMapDock::updateSelection() {
    if (!m_content)
        return;
    const Selection &selection = context().selection();
    std::int64_t row = -1, column = selection.channel;
    switch (m_content->request.mode) {
    case Mode::LayerChannel: {
        const auto &layers = m_content->layerOfRow;
        const auto found = std::find(layers.begin(), layers.end(), selection.layer);
        row = found == layers.end() ? -1 : found - layers.begin();
        break;
    }
    case Mode::TokenChannel:
        row = selection.token;
        break;
    case Mode::Weight: {
        row = selection.output;
        const Layer &layer =
            m_content->request.model->layers[static_cast<std::size_t>(m_content->request.layer)];
        if (layer.kind == LayerKind::Conv)
            column = -1; // one channel is many columns
        break;
    }
    }
    const HeatMapData &data = *m_content->scene.data;
    m_canvas->setSelection(row < data.rows() ? row : -1, column < data.cols() ? column : -1);
}

void OutlierMapDock::pick(std::int64_t row, std::int64_t column) {
    if (!m_content || !m_content->scene.data->isPresent(row, column))
        return;
    const OutlierMapRequest &shown = m_content->request;
    Selection selection;
    switch (shown.mode) {
    case Mode::LayerChannel:
        selection = Selection::ofLayer(m_content->layerOfRow[static_cast<std::size_t>(row)]);
        selection.channel = column;
        break;
    case Mode::TokenChannel:
        selection = Selection::ofLayer(shown.layer);
        selection.channel = column;
        selection.token = row;
        break;
    case Mode::Weight:
        selection = Selection::ofLayer(shown.layer);
        selection.channel =
            placeOfWeight(shown.model->layers[static_cast<std::size_t>(shown.layer)], row, column)
                .inputChannel;
        selection.output = row;
        break;
    }
    context().select(selection);
}

} // namespace qs::views
