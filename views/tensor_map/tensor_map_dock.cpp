#include "views/tensor_map/tensor_map_dock.h"

#include "core/analysis/stored_block.h"
#include "views/canvas/heat_map_canvas.h"
#include "views/canvas/surface_canvas.h"
#include "views/tensor_map/cell_inspector.h"
#include "views/tensor_map/tensor_map_toolbar.h"

#include <QLabel>
#include <QPointer>
#include <QPushButton>
#include <QResizeEvent>
#include <QSplitter>
#include <QStackedWidget>
#include <QVBoxLayout>

namespace qs::views {

namespace {

using Shown = TensorMapRequest::Shown;

const QString kLoadTag = QStringLiteral("tensor-map");
const QString kInspectTag = QStringLiteral("tensor-map-inspect");
constexpr int kInspectorWidth = 270;
constexpr int kNarrow = 620; ///< the inspector goes below the map

} // namespace

TensorMapDock::TensorMapDock(WorkbenchContext &context)
    : ViewDock(QStringLiteral("tensor_map"), tr("Tensor map"), context), m_toolbar(new TensorMapToolbar),
      m_pages(new QStackedWidget), m_canvas(new HeatMapCanvas), m_surface(new SurfaceCanvas),
      m_inspector(new CellInspector), m_splitter(new QSplitter), m_message(new QLabel), m_summary(new QLabel),
      m_calibrate(new QPushButton(tr("Calibrate"))) {
    m_message->setWordWrap(true);
    m_message->setAlignment(Qt::AlignCenter);
    m_message->setMargin(24);
    auto *messagePage = new QWidget;
    auto *messageLayout = new QVBoxLayout(messagePage);
    messageLayout->addStretch();
    messageLayout->addWidget(m_message);
    messageLayout->addWidget(m_calibrate, 0, Qt::AlignHCenter);
    messageLayout->addStretch();
    m_pages->addWidget(messagePage);
    m_pages->addWidget(m_canvas);
    m_pages->addWidget(m_surface);
    m_splitter->addWidget(m_pages);
    m_splitter->addWidget(m_inspector);
    m_splitter->setStretchFactor(0, 1);
    m_splitter->setSizes({4 * kInspectorWidth, kInspectorWidth});
    m_summary->setMargin(4);
    m_summary->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_summary->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);

    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_toolbar);
    layout->addWidget(m_splitter, 1);
    layout->addWidget(m_summary);
    setContent(content);
    connectParts();
}

void TensorMapDock::connectParts() {
    connect(m_toolbar, &TensorMapToolbar::shownChanged, this, &TensorMapDock::load);
    connect(&m_toolbar->colors(), &ColorControls::changed, this, &TensorMapDock::updateColors);
    connect(m_toolbar, &TensorMapToolbar::fitWanted, m_canvas, &HeatMapCanvas::fit);
    connect(m_toolbar, &TensorMapToolbar::fitWanted, m_surface, &SurfaceCanvas::reset);
    connect(m_canvas, &HeatMapCanvas::cellPicked, this, &TensorMapDock::pick);
    connect(m_surface, &SurfaceCanvas::cellPicked, this, &TensorMapDock::pick);
    connect(m_inspector, &CellInspector::picked, this, &TensorMapDock::pick);
    connect(m_calibrate, &QPushButton::clicked, this, [this] { context().calibrate(); });
}

void TensorMapDock::resizeEvent(QResizeEvent *event) {
    ViewDock::resizeEvent(event);
    m_splitter->setOrientation(event->size().width() < kNarrow ? Qt::Vertical : Qt::Horizontal);
}

QString TensorMapDock::message() const {
    return m_pages->currentIndex() == 0 ? m_message->text() : QString();
}

TensorMapRequest TensorMapDock::request() const {
    TensorMapRequest wanted;
    wanted.shown = m_toolbar->shown();
    wanted.model = context().model();
    wanted.layer = context().selection().layer;
    const auto index = static_cast<std::size_t>(wanted.layer);
    if (!wanted.model || wanted.layer < 0 || index >= wanted.model->layers.size())
        return wanted;
    if (wanted.shown == Shown::ActivationSurface) {
        if (const auto capture = context().capture(); capture && index < capture->layers.size())
            wanted.capture = capture->layers[index];
        return wanted;
    }
    if (const auto run = context().run(); run && run->model == wanted.model && index < run->layers.size()) {
        wanted.hasRun = true;
        wanted.model = run->quantizedModel(); // codes stand for the weights after the transforms
        wanted.result = run->layers[index];
    }
    return wanted;
}

void TensorMapDock::load() {
    const TensorMapRequest wanted = request();
    if (const QString why = wanted.whyNothing(); !why.isEmpty()) {
        m_wanted = {};
        context().jobs().cancelTag(kLoadTag);
        showMessage(why, wanted.model && wanted.shown == Shown::ActivationSurface && !context().capture());
        return;
    }
    if (wanted == m_wanted) {
        updateSelection();
        return;
    }
    m_wanted = wanted;
    const auto earlier = m_earlier.find(wanted.shown);
    if (earlier != m_earlier.end() && earlier->second->request == wanted) {
        context().jobs().cancelTag(kLoadTag);
        adopt(earlier->second);
        return;
    }
    start(wanted);
}

void TensorMapDock::start(const TensorMapRequest &wanted) {
    // What belongs to another layer or run makes room first: tensors are large.
    std::erase_if(m_earlier, [&](const auto &entry) {
        const TensorMapRequest &old = entry.second->request;
        return old.model != wanted.model || old.layer != wanted.layer ||
               (!wanted.isSurface() && !old.isSurface() && old.result != wanted.result);
    });
    std::shared_ptr<const TensorMapBase> base = m_content ? m_content->base : nullptr;
    for (const auto &[shown, content] : m_earlier)
        base = content->base ? content->base : base;
    const bool sameLayer =
        m_content && m_content->request.model == wanted.model && m_content->request.layer == wanted.layer;
    if (!sameLayer) {
        base = nullptr;
        m_picked = {};
        showMessage(tr("Preparing %1 …").arg(QString::fromStdString(wanted.layerInfo().name)), false);
    }
    auto loaded = std::make_shared<std::shared_ptr<const TensorMapContent>>();
    context().jobs().start(
        kLoadTag, tr("Preparing the map of %1").arg(QString::fromStdString(wanted.layerInfo().name)),
        [wanted, base, loaded](const RunContext &ctx) -> Status {
            QS_TRY(*loaded, loadTensorMap(wanted, base, ctx));
            return {};
        },
        [self = QPointer(this), loaded](const Status &status) {
            if (!self)
                return;
            if (status)
                return self->adopt(*loaded);
            self->m_wanted = {};
            self->showMessage(status.error().code == ErrorCode::Cancelled
                                  ? tr("Cancelled. Choose what to show, or another layer, to start again.")
                                  : QString::fromStdString(status.error().text()),
                              false);
        });
}

void TensorMapDock::showMessage(const QString &text, bool offersCalibration) {
    m_content = nullptr;
    context().jobs().cancelTag(kInspectTag);
    m_inspected = {};
    m_inspector->hide();
    m_message->setText(text);
    m_calibrate->setVisible(offersCalibration && context().whyNotCalibrate().isEmpty());
    m_pages->setCurrentIndex(0);
    m_summary->clear();
}

void TensorMapDock::adopt(std::shared_ptr<const TensorMapContent> content) {
    const bool sameBase = m_content && m_content->base == content->base;
    m_content = std::move(content);
    m_earlier[m_content->request.shown] = m_content;
    m_summary->setText(m_content->summary);
    m_summary->setToolTip(m_content->summary);
    m_inspector->setVisible(m_content->base != nullptr);
    if (m_content->base)
        m_inspector->setSize(m_content->base->view().rows, m_content->base->view().cols);
    if (!sameBase) {
        m_inspected = {};
        m_inspector->clear();
    }
    updateColors();
    m_pages->setCurrentWidget(m_content->request.isSurface() ? static_cast<QWidget *>(m_surface) : m_canvas);
}

void TensorMapDock::updateColors() {
    if (!m_content)
        return;
    ColorControls &colors = m_toolbar->colors();
    const HeatMapScale scale = tensorMapScale(*m_content, colors.map(), colors.choice());
    colors.showRange(scale);
    const QString layer = QString::fromStdString(m_content->request.layerInfo().name);
    m_canvas->setFigureSubject(layer);
    m_surface->setFigureSubject(layer);
    if (m_content->request.isSurface()) {
        SurfaceScene scene = m_content->surface;
        scene.scale = scale;
        scene.map = &colors.map();
        m_surface->setScene(std::move(scene));
    } else {
        HeatMapScene scene = m_content->scene;
        scene.scale = scale;
        scene.map = &colors.map();
        m_canvas->setScene(std::move(scene));
    }
    updateSelection();
}

void TensorMapDock::updateSelection() {
    if (!m_content)
        return;
    const Selection &selection = context().selection();
    if (!m_content->base) {
        m_surface->setSelection(selection.token, selection.channel);
        return;
    }
    const MatrixView<const float> view = m_content->base->view();
    const Layer &layer = m_content->request.layerInfo();
    const std::int64_t row = selection.output < view.rows ? selection.output : -1;
    std::int64_t column = selection.channel < view.cols ? selection.channel : -1;
    if (layer.kind == LayerKind::Conv) // one channel is many columns: only the picked one is marked
        column = row >= 0 && m_picked.row == row &&
                         placeOfWeight(layer, row, m_picked.col).inputChannel == selection.channel
                     ? m_picked.col
                     : -1;
    m_canvas->setSelection(row, column);
    m_surface->setSelection(row, column);
    if (row >= 0 && column >= 0)
        inspect(row, column);
}

void TensorMapDock::pick(std::int64_t row, std::int64_t column) {
    if (!m_content)
        return;
    Selection selection = Selection::ofLayer(m_content->request.layer);
    if (m_content->base) {
        m_picked = {row, column};
        selection.output = row;
        selection.channel = placeOfWeight(m_content->request.layerInfo(), row, column).inputChannel;
    } else {
        selection.token = row;
        selection.channel = column;
    }
    context().select(selection);
    updateSelection();
}

void TensorMapDock::inspect(std::int64_t row, std::int64_t column) {
    if (m_inspected == HeatMapPosition{row, column})
        return;
    m_inspected = {row, column};
    m_inspector->setPlace(row, column);
    auto facts = std::make_shared<std::vector<CellFact>>();
    const auto &result = m_content->request.result;
    context().jobs().start(
        kInspectTag, tr("Inspecting one weight"),
        [base = m_content->base, hasOriginal = !result || result->hasOriginal,
         method = result && result->choice.weight ? result->choice.weight->method : std::string(), row,
         column, facts](const RunContext &ctx) -> Status {
            const Layer &layer = base->model->layers[static_cast<std::size_t>(base->layer)];
            QS_TRY(CellInspection cell,
                   inspectCell(layer, base->view(), base->matrix.get(), row, column, ctx));
            if (!hasOriginal)
                cell.forgetErrors();
            *facts = cellFacts(layer, base->matrix.get(), cell);
            const auto stored = blockBehind(
                {layer, base->model->graph, base->view(), base->matrix.get(), method, hasOriginal}, cell);
            if (stored) {
                const std::vector<CellFact> more = storedBlockFacts(*stored);
                facts->insert(facts->end(), more.begin(), more.end());
            }
            return {};
        },
        [self = QPointer(this), facts](const Status &status) {
            if (self && status)
                self->m_inspector->setFacts(*facts);
            else if (self && status.error().code != ErrorCode::Cancelled)
                self->m_inspector->setMessage(QString::fromStdString(status.error().text()));
        });
}

} // namespace qs::views
