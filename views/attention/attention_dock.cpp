#include "views/attention/attention_dock.h"

#include "core/figure/attention_figure.h"
#include "core/io/calibration_set.h"
#include "views/attention/attention_details.h"
#include "views/attention/attention_grid_canvas.h"
#include "views/attention/attention_loader.h"
#include "views/canvas/heat_map_canvas.h"
#include "views/shared/format_text.h"
#include "views/shared/turning_splitter.h"

#include <QLabel>
#include <QStackedWidget>
#include <QVBoxLayout>

namespace qs::views {

namespace {

/// Maps and numbers, as shares of the room, not pixels.
const QList<int> kShares = {1150, 850};

} // namespace

AttentionDock::AttentionDock(WorkbenchContext &context)
    : ViewDock(QStringLiteral("attention"), tr("Attention"), context),
      m_loader(new AttentionLoader(context, this)), m_controls(new AttentionControls),
      m_pages(new QStackedWidget), m_message(new QLabel), m_summary(new QLabel),
      m_grid(new AttentionGridCanvas), m_canvas(new HeatMapCanvas), m_details(new AttentionDetails) {
    m_message->setWordWrap(true);
    m_message->setAlignment(Qt::AlignCenter);
    m_message->setMargin(24);
    m_message->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_pages->addWidget(m_message);
    m_pages->addWidget(m_grid);
    m_pages->addWidget(m_canvas);
    auto *splitter =
        new TurningSplitter(1, kShares); // numbers go below the maps where there is no room beside them
    splitter->addWidget(m_pages);
    splitter->addWidget(m_details);
    splitter->setChildrenCollapsible(false);
    m_pages->setMinimumSize(160, 120);
    m_summary->setMargin(4);
    m_summary->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_summary->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_controls);
    layout->addWidget(splitter, 1);
    layout->addWidget(m_summary);
    setContent(content);

    connect(m_loader, &AttentionLoader::surveyChanged, this, &AttentionDock::adoptSurvey);
    connect(m_loader, &AttentionLoader::mapChanged, this, &AttentionDock::adoptMap);
    connect(m_loader, &AttentionLoader::failed, this, &AttentionDock::showNothing);
    connect(m_controls, &AttentionControls::sampleChanged, this, &AttentionDock::load);
    connect(m_controls, &AttentionControls::shownChanged, this, &AttentionDock::updateShown);
    connect(m_controls, &AttentionControls::colorsChanged, this, &AttentionDock::updateColors);
    connect(m_controls, &AttentionControls::fitWanted, m_canvas, &HeatMapCanvas::fit);
    connect(m_grid, &AttentionGridCanvas::headPicked, this, &AttentionDock::pickHead);
    connect(m_grid, &AttentionGridCanvas::headOpened, this, [this](int block, int head) {
        pickHead(block, head);
        show({block, head, m_controls->shown().variant});
    });
    connect(m_canvas, &HeatMapCanvas::cellPicked, this, &AttentionDock::pickPosition);
    connect(m_details, &AttentionDetails::headPicked, this, [this](int block, int head) {
        pickHead(block, head);
        if (!m_controls->shown().isGrid())
            show({block, head, m_controls->shown().variant});
    });
    connect(m_details, &AttentionDetails::positionPicked, this, &AttentionDock::pickPosition);
}

QString AttentionDock::message() const {
    return m_pages->currentWidget() == m_message ? m_message->text() : QString();
}

AttentionRequest AttentionDock::request() const {
    AttentionRequest wanted;
    wanted.model = context().model();
    wanted.executor = context().executor();
    wanted.set = context().evaluation() ? context().evaluation() : context().calibration();
    // A run in progress changes twenty times a second; until it ends the one before counts.
    if (const auto run = context().run(); run && run->complete && run->hasOriginal())
        wanted.run = run;
    else if (run && !run->complete && m_loader->request().run &&
             m_loader->request().run->model == wanted.model)
        wanted.run = m_loader->request().run;
    wanted.sample = m_controls->sample();
    if (wanted.set)
        wanted.sample =
            std::clamp<std::int64_t>(wanted.sample, 0, std::max<std::int64_t>(0, wanted.set->samples() - 1));
    return wanted;
}

void AttentionDock::load() {
    const AttentionRequest wanted = request();
    m_controls->setSamples(wanted.set ? wanted.set->samples() : 0,
                           context().evaluation() ? tr("evaluation") : tr("calibration"));
    if (const QString why = wanted.whyNothing(); !why.isEmpty()) {
        m_loader->clear();
        showNothing(why);
        return;
    }
    const bool otherModel = wanted.model != m_loader->request().model;
    m_loader->measure(wanted);
    if (otherModel)
        showNothing(tr("Running the sample through the model…"));
}

void AttentionDock::showNothing(const QString &why) {
    m_block = m_head = -1;
    m_controls->setBlocks({}, {});
    m_controls->setHasQuantized(false);
    m_details->setMap(nullptr);
    m_details->setSurvey(nullptr);
    m_details->setVisible(false);
    m_grid->setFigure(nullptr);
    m_message->setText(why);
    m_pages->setCurrentWidget(m_message);
    m_summary->clear();
}

void AttentionDock::adoptSurvey() {
    const AttentionSurvey &survey = *m_loader->survey();
    std::vector<QString> names;
    std::vector<int> heads;
    for (const auto &layer : survey.layers) {
        names.push_back(QString::fromStdString(survey.attention->blocks[layer->block].name));
        heads.push_back(static_cast<int>(layer->heads.size()));
    }
    m_controls->setBlocks(names, heads);
    m_controls->setHasQuantized(survey.hasQuantized);
    m_details->setVisible(true);
    m_details->setSurvey(m_loader->survey());
    selectionChanged();
    updateShown();
}

void AttentionDock::show(const AttentionShown &shown) {
    m_controls->setShown(shown);
    updateShown();
}

void AttentionDock::updateShown() {
    if (!m_loader->survey())
        return;
    const AttentionShown shown = m_controls->shown();
    if (!shown.isGrid() && shown.block >= 0 && shown.head >= 0 &&
        (shown.block != m_block || shown.head != m_head))
        pickHead(shown.block, shown.head);
    AttentionMapChoice choice{shown.block, shown.head};
    if (shown.isGrid()) { // the charts are about the marked head, if it is in the grid
        choice.block = shown.block < 0 && m_head >= 0 ? m_block : shown.block;
        choice.head = choice.block == m_block ? m_head : -1;
    }
    m_details->setChoice(choice, shown.variant);
    if (shown.isGrid()) {
        m_loader->dropMap();
        m_details->setMap(nullptr);
        m_pages->setCurrentWidget(m_grid);
    } else {
        m_loader->loadMap({shown.block, shown.head});
    }
    updateColors();
}

void AttentionDock::adoptMap() {
    if (m_controls->shown().isGrid())
        return;
    m_pages->setCurrentWidget(m_canvas);
    m_details->setMap(m_loader->map());
    updateColors();
    const std::int64_t query = context().selection().token;
    m_details->setPosition(query < 0 ? 0 : query, m_key);
}

void AttentionDock::updateColors() {
    if (!m_loader->survey())
        return;
    const AttentionShown shown = m_controls->shown();
    if (shown.isGrid()) {
        m_grid->setGrid(makeAttentionGrid(*m_loader->survey(), shown, m_controls->isLogarithmic()));
        m_grid->setFigure(makeAttentionFigure(m_loader->survey(), shown.block));
    } else if (m_loader->map())
        m_canvas->setScene(attentionScene(*m_loader->map(), shown.variant, m_controls->isLogarithmic()));
    updateMarks();
    updateSummary();
}

void AttentionDock::updateMarks() {
    m_grid->setCurrent(m_block, m_head);
    if (!m_loader->map())
        return;
    const std::int64_t query = context().selection().token;
    m_canvas->setSelection(query < m_loader->map()->reference->rows() ? query : -1,
                           query >= 0 && m_key < m_loader->map()->reference->cols() ? m_key : -1);
}

void AttentionDock::updateSummary() {
    const AttentionShown shown = m_controls->shown();
    const AttentionSurvey &survey = *m_loader->survey();
    QStringList parts;
    if (!survey.complete)
        parts
            << tr("partial: %1 of %2 layers").arg(survey.layers.size()).arg(survey.attention->blocks.size());
    if (shown.block >= 0 && static_cast<std::size_t>(shown.block) < survey.layers.size()) {
        const AttentionLayer &layer = *survey.layers[static_cast<std::size_t>(shown.block)];
        parts << tr("%1 heads, %2 of K and V").arg(layer.heads.size()).arg(layer.kvHeads.size())
              << tr("%1 queries × %2 keys").arg(formatCount(layer.queries), formatCount(layer.keys))
              << (layer.causal ? tr("causal") : tr("every query may see every key"));
    } else {
        parts << tr("%1 layers").arg(survey.layers.size());
    }
    parts << tr("one layer's maps: %1")
                 .arg(formatBytes(survey.largestMapBytes * (survey.hasQuantized ? 2 : 1)));
    if (shown.isGrid() && !survey.layers.empty() &&
        std::max(survey.layers[0]->queries, survey.layers[0]->keys) > kThumbnailSide)
        parts << tr("small maps reduced: each dot is the largest entry under it");
    parts << (survey.hasQuantized
                  ? tr("quantized: layers as in the last complete run, probabilities in float")
                  : tr("float only: quantize (F5) to compare"));
    m_summary->setText(parts.join(QStringLiteral(" · ")));
    m_summary->setToolTip(m_summary->text());
}

void AttentionDock::selectionChanged() {
    if (!m_loader->survey())
        return;
    const Selection &selection = context().selection();
    const int block = m_loader->survey()->attention->blockOfLayer(selection.layer);
    if (block >= 0 && (block != m_block || (selection.head >= 0 && selection.head != m_head))) {
        m_block = block;
        m_head = static_cast<int>(selection.head);
        const AttentionShown shown = m_controls->shown();
        if (shown.block >= 0 &&
            (shown.block != block || (shown.head >= 0 && m_head >= 0 && shown.head != m_head)))
            show({block, shown.head >= 0 && m_head >= 0 ? m_head : shown.head, shown.variant});
        else if (shown.isGrid())
            updateShown();
    }
    if (m_loader->map() && !m_controls->shown().isGrid() && selection.token >= 0)
        m_details->setPosition(selection.token, m_key);
    updateMarks();
}

void AttentionDock::pickHead(int block, int head) {
    if (!m_loader->survey())
        return; // a click on what is being measured again
    m_block = block;
    m_head = head;
    Selection selection = context().selection();
    const auto &layers = m_loader->survey()->attention->blocks[static_cast<std::size_t>(block)].layers;
    if (!layers.empty() && std::find(layers.begin(), layers.end(), selection.layer) == layers.end())
        selection = Selection::ofLayer(layers.front());
    selection.head = head;
    context().select(selection);
    if (m_controls->shown().isGrid())
        m_details->setChoice({block, head}, m_controls->shown().variant);
    updateMarks();
}

void AttentionDock::pickPosition(std::int64_t query, std::int64_t key) {
    m_key = key;
    Selection selection = context().selection();
    selection.token = query;
    context().select(selection);
    m_details->setPosition(query, key);
    updateMarks();
}

} // namespace qs::views
