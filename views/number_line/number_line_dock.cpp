#include "views/number_line/number_line_dock.h"

#include "views/commands/recipe_commands.h"
#include "views/number_line/format_table_model.h"
#include "views/number_line/number_line_chart.h"
#include "views/number_line/number_line_controls.h"
#include "views/shared/format_text.h"
#include "views/shared/latest_value.h"
#include "views/shared/table_tools.h"

#include <QAction>
#include <QHeaderView>
#include <QLabel>
#include <QPointer>
#include <QScrollArea>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QVBoxLayout>

namespace qs::views {

namespace {

using Kind = ClipChoice::Kind;
using Of = ValueSource::Of;

const QString kLoadTag = QStringLiteral("number-line");
const QString kRangesTag = QStringLiteral("number-line-ranges");
constexpr const char *kFirstFormats[] = {"int4-s2", "fp4-e2m1", "nf4"};

/// The widest range, or one that is given: known without a search.
std::optional<ValueRange> quickRange(const ClipChoice &choice, const NumberLineValues &values) {
    if (choice.kind == Kind::Fixed)
        return choice.range;
    if (choice.kind == Kind::Rule && choice.rule.kind == RangeRule::Kind::MinMax)
        return values.extent;
    return {};
}

QLabel *label(bool weak) {
    auto *text = new QLabel;
    text->setMargin(4);
    text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    if (weak)
        text->setForegroundRole(QPalette::PlaceholderText);
    return text;
}

} // namespace

NumberLineDock::NumberLineDock(WorkbenchContext &context)
    : ViewDock(QStringLiteral("number_line"), tr("Number line"), context), m_controls(new NumberLineControls),
      m_pages(new QStackedWidget), m_splitter(new QSplitter(Qt::Vertical)), m_message(new QLabel),
      m_title(label(false)), m_notes(label(true)), m_chart(new NumberLineChart), m_view(new QTableView),
      m_model(new FormatTableModel(this)) {
    for (const char *id : kFirstFormats)
        m_formats.push_back({*findFormat(id), {}, true, {}, {}});
    m_message->setWordWrap(true);
    m_message->setAlignment(Qt::AlignCenter);
    m_message->setMargin(24);
    m_title->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_notes->setWordWrap(true);
    m_pages->addWidget(m_message);
    m_pages->addWidget(makeResults());
    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_controls);
    layout->addWidget(m_pages, 1);
    setContent(content);
    connectParts();
}

QWidget *NumberLineDock::makeResults() {
    auto *scroll = new QScrollArea;
    scroll->setWidget(m_chart);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    m_view->setModel(m_model);
    m_view->setAccessibleName(tr("Formats and their errors"));
    m_view->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_view->setSelectionMode(QAbstractItemView::SingleSelection);
    m_view->setAlternatingRowColors(true);
    m_view->setShowGrid(false);
    m_view->setWordWrap(false);
    m_view->setFrameShape(QFrame::NoFrame);
    m_view->setTabKeyNavigation(false);
    m_view->verticalHeader()->hide();
    m_view->verticalHeader()->setDefaultSectionSize(m_view->fontMetrics().height() + 6);
    m_view->horizontalHeader()->setHighlightSections(false);
    m_view->horizontalHeader()->setDefaultSectionSize(40);
    auto *remove = new QAction(tr("Remove the format"), m_view);
    remove->setShortcut(QKeySequence::Delete);
    remove->setShortcutContext(Qt::WidgetShortcut);
    connect(remove, &QAction::triggered, this, &NumberLineDock::removeCurrent);
    m_view->setContextMenuPolicy(Qt::ActionsContextMenu);
    m_view->addAction(remove);
    addCopyActions(*m_view, FormatTableModel::CopyRole);
    auto *bottom = new QWidget;
    auto *bottomLayout = new QVBoxLayout(bottom);
    bottomLayout->setContentsMargins(0, 0, 0, 0);
    bottomLayout->setSpacing(0);
    bottomLayout->addWidget(m_view, 1);
    bottomLayout->addWidget(m_notes);
    m_splitter->addWidget(scroll);
    m_splitter->addWidget(bottom);
    m_splitter->setStretchFactor(0, 3);
    m_splitter->setStretchFactor(1, 1);
    auto *page = new QWidget;
    auto *layout = new QVBoxLayout(page);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_title);
    layout->addWidget(m_splitter, 1);
    return page;
}

void NumberLineDock::resizeEvent(QResizeEvent *event) {
    ViewDock::resizeEvent(event);
    // A chart of several rows needs height: the table stands beside it where there is none to spare.
    constexpr int kHighEnough = 620;
    const QSize size = event->size();
    const bool above = size.height() >= kHighEnough || size.width() < size.height();
    const Qt::Orientation wanted = above ? Qt::Vertical : Qt::Horizontal;
    if (wanted == m_splitter->orientation() && event->oldSize().isValid())
        return;
    m_splitter->setOrientation(wanted);
    m_splitter->setSizes(above ? QList<int>{1000, 300} : QList<int>{1000, 650});
}

void NumberLineDock::connectParts() {
    using Controls = NumberLineControls;
    connect(m_controls, &Controls::sourceEdited, this, &NumberLineDock::load);
    connect(m_controls, &Controls::formatAdded, this, &NumberLineDock::addFormat);
    connect(m_controls, &Controls::removeWished, this, &NumberLineDock::removeCurrent);
    connect(m_controls, &Controls::choiceWished, this, &NumberLineDock::wishChoice);
    connect(m_controls, &Controls::clipEdited, this, [this](double lo, double hi) {
        if (m_table)
            wishClip(m_table->current, lo, hi);
    });
    connect(m_controls, &Controls::applyWished, this, &NumberLineDock::applyToRecipe);
    connect(m_controls, &Controls::logCountsToggled, m_chart, &NumberLineChart::setLogCounts);
    connect(m_controls, &Controls::logErrorsToggled, m_chart, &NumberLineChart::setLogErrors);
    connect(m_chart, &NumberLineChart::clipWished, this, &NumberLineDock::wishClip);
    connect(m_chart, &NumberLineChart::rowClicked, this, &NumberLineDock::setCurrent);
    connect(m_view->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this](const QModelIndex &current) {
                if (current.isValid())
                    setCurrent(current.row());
            });
}

NumberLineRequest NumberLineDock::request() const {
    NumberLineRequest wanted;
    wanted.model = context().model();
    wanted.layer = context().selection().layer;
    const auto index = static_cast<std::size_t>(wanted.layer);
    const bool valid = wanted.model && wanted.layer >= 0 && index < wanted.model->layers.size();
    m_controls->setLayer(valid ? &wanted.layerInfo() : nullptr);
    wanted.source = m_controls->source();
    if (const auto capture = context().capture();
        valid && capture && wanted.source.of == Of::Activation && index < capture->layers.size())
        wanted.capture = capture->layers[index];
    return wanted;
}

void NumberLineDock::load() {
    const NumberLineRequest wanted = request();
    if (const std::string why = wanted.whyNothing(); !why.empty()) {
        m_wanted = {};
        context().jobs().cancelTag(kLoadTag);
        context().jobs().cancelTag(kRangesTag);
        showNothing(QString::fromStdString(why));
        return;
    }
    if (wanted == m_wanted) {
        if (m_values)
            refreshTable(); // the run may have brought the layer a grid
        return;
    }
    m_wanted = wanted;
    context().jobs().cancelTag(kRangesTag);
    using Values = std::shared_ptr<const NumberLineValues>;
    auto result = std::make_shared<Values>();
    const auto early = std::make_shared<LatestValue<Values>>(
        context().jobs(), [self = QPointer(this), wanted](const Values &values) {
            if (self && self->m_wanted == wanted)
                self->adopt(values);
        });
    context().jobs().start(
        kLoadTag, tr("Number line of %1").arg(QString::fromStdString(wanted.layerInfo().name)),
        [wanted, result, early](const RunContext &ctx) -> Status {
            QS_TRY(*result,
                   prepareNumberLine(
                       wanted, [&](Values sample) { early->put(std::move(sample), ctx.stop); }, ctx));
            return {};
        },
        [self = QPointer(this), result, early](const Status &status) {
            early->close();
            if (!self)
                return;
            if (status)
                self->adopt(*result);
            else if (status.error().code != ErrorCode::Cancelled)
                self->showNothing(QString::fromStdString(status.error().text()));
        });
}

void NumberLineDock::showNothing(const QString &why) {
    m_values = nullptr;
    m_message->setText(why);
    m_pages->setCurrentIndex(0);
    m_controls->setApply(tr("there are no values"));
}

void NumberLineDock::adopt(std::shared_ptr<const NumberLineValues> values) {
    const bool same = m_values && m_values->request == values->request;
    m_values = std::move(values);
    for (ChosenFormat &chosen : m_formats) {
        if (!same) { // a fixed range was made for other values
            chosen.shown = {};
            chosen.clip = m_values->extent;
            if (chosen.wished.kind == Kind::Fixed)
                chosen.wished = {};
        }
        chosen.pending = true;
    }
    if (m_values->sorted.count() == 0) {
        showNothing(tr("%1 holds no finite value: %2 NaN, %3 Inf.")
                        .arg(QString::fromStdString(m_values->title),
                             formatCount(m_values->sorted.nanCount()),
                             formatCount(m_values->sorted.infCount())));
        return;
    }
    m_pages->setCurrentIndex(1);
    findRanges();
}

void NumberLineDock::findRanges() {
    if (!m_values)
        return;
    std::vector<ChosenFormat> searched;
    for (ChosenFormat &chosen : m_formats) {
        if (!chosen.pending)
            continue;
        if (const auto range = quickRange(chosen.wished, *m_values)) {
            chosen.shown = chosen.wished;
            chosen.clip = *range;
            chosen.pending = false;
        } else {
            searched.push_back(chosen);
        }
    }
    refreshTable();
    if (searched.empty()) {
        context().jobs().cancelTag(kRangesTag);
        return;
    }
    auto ranges = std::make_shared<std::vector<ValueRange>>();
    context().jobs().start(
        kRangesTag, tr("Clip ranges of %1").arg(QString::fromStdString(m_wanted.layerInfo().name)),
        [values = m_values, searched, ranges](const RunContext &ctx) -> Status {
            for (const ChosenFormat &chosen : searched) {
                ctx.step(static_cast<std::int64_t>(ranges->size()),
                         static_cast<std::int64_t>(searched.size()), chosen.format->title);
                QS_TRY(const ValueRange range, chooseClip(values->sorted, *chosen.format, chosen.wished,
                                                          values->request.capture.get(), ctx));
                ranges->push_back(range);
            }
            return {};
        },
        [self = QPointer(this), values = m_values, ranges](const Status &status) {
            if (self && status && self->m_values == values)
                self->adoptRanges(*ranges);
        });
}

void NumberLineDock::adoptRanges(const std::vector<ValueRange> &ranges) {
    // Every change of the formats starts the search anew, so these are the pending ones in order.
    std::size_t next = 0;
    for (ChosenFormat &chosen : m_formats)
        if (chosen.pending && next < ranges.size()) {
            chosen.shown = chosen.wished;
            chosen.clip = ranges[next++];
            chosen.pending = false;
        }
    refreshTable();
}

void NumberLineDock::addOwnGrid(std::vector<NumberLineRow> &rows) {
    m_ownGridNote.clear();
    const auto run = context().run();
    const auto index = static_cast<std::size_t>(m_values->request.layer);
    if (!run || run->model != m_values->request.model || index >= run->layers.size() || !run->layers[index])
        return;
    if (run->prepared) {
        m_ownGridNote = tr("The run transforms the model: its grids do not belong to these values.");
        return;
    }
    const QuantizedLayer &quantized = run->layers[index]->quantized;
    const Of of = m_values->request.source.of;
    Result<NumberLineRow> row = fail(ErrorCode::NotFound, {});
    if (of == Of::Weight && quantized.weight)
        row = ownGridRow(m_values->sorted, *quantized.weight, m_values->request.source);
    else if (of == Of::Activation && quantized.activation && quantized.activationScheme)
        row = gridRow(m_values->sorted, *quantized.activation, quantized.activationScheme->bits,
                      quantized.activationScheme->convention);
    if (row && of == Of::Weight && !run->layers[index]->hasOriginal) {
        row->error = {};
        m_ownGridNote =
            tr("The values are those of the codes: the error of their own grid is not available.");
    }
    if (row)
        rows.push_back(std::move(*row));
    else if (!row.error().message.empty())
        m_ownGridNote = tr("Not shown: %1.").arg(QString::fromStdString(row.error().message));
}

void NumberLineDock::refreshTable() {
    auto table = std::make_shared<NumberLineTable>();
    table->values = m_values;
    addOwnGrid(table->rows);
    m_hasOwnGrid = !table->rows.empty();
    for (const ChosenFormat &chosen : m_formats)
        table->rows.push_back(numberLineRow(m_values->sorted, *chosen.format, chosen.shown, chosen.clip));
    const int count = static_cast<int>(table->rows.size());
    table->current = count == 0 ? -1 : std::clamp(m_current + (m_hasOwnGrid ? 1 : 0), 0, count - 1);
    table->best = bestRow(table->rows);
    m_table = std::move(table);
    m_chart->setTable(m_table);
    m_model->setTable(m_table);
    if (m_table->current >= 0 && m_view->currentIndex().row() != m_table->current) {
        const QSignalBlocker blocker(m_view->selectionModel());
        m_view->selectRow(m_table->current);
    }
    for (int column = 0; column < m_model->columnCount(); ++column) // they grow, so that nothing jumps
        m_view->setColumnWidth(column,
                               std::max(m_view->columnWidth(column), compactColumnWidth(*m_view, column)));
    const NumberLineRow *current =
        m_table->current >= 0 ? &m_table->rows[static_cast<std::size_t>(m_table->current)] : nullptr;
    m_controls->setRow(current, current != nullptr && current->choice.kind != Kind::Own);
    m_controls->setApply(whyNotApply());
    updateNotes();
}

QString NumberLineDock::badge() const {
    if (!m_values)
        return {};
    const SortedValues &sorted = m_values->sorted;
    if (!m_values->note.empty())
        return tr("%1 values, partial").arg(formatCount(sorted.count()));
    if (sorted.isExact())
        return tr("%1 values, exact").arg(formatCount(sorted.count()));
    return (m_values->isEarly ? tr("≈ approximate: %1 of %2 values, more are being sorted")
                              : tr("≈ approximate: %1 of %2 values"))
        .arg(formatCount(sorted.count()), formatCount(sorted.sourceCount()));
}

void NumberLineDock::updateNotes() {
    m_title->setText(QString::fromStdString(m_values->title) + QStringLiteral(" · ") + badge());
    m_title->setToolTip(m_title->text());
    QStringList notes;
    if (!m_values->isEarly && !m_values->sorted.isExact())
        notes << QString::fromStdString(m_values->sorted.sampleNote());
    if (!m_values->note.empty())
        notes << QString::fromStdString(m_values->note) + tr(" Ranges by rules come from all tokens.");
    if (const auto lost = m_values->sorted.nanCount() + m_values->sorted.infCount(); lost > 0)
        notes << tr("%1 NaN or Inf are left out.").arg(formatCount(lost));
    for (const ChosenFormat &chosen : m_formats)
        if (chosen.pending)
            notes << tr("%1: searching its range.").arg(QString::fromStdString(chosen.format->title));
    if (!m_ownGridNote.isEmpty())
        notes << m_ownGridNote;
    m_notes->setText(notes.join(' '));
    m_notes->setVisible(!notes.isEmpty());
}

void NumberLineDock::addFormat(const NumberFormat *format) {
    ChosenFormat chosen{format, {}, true, {}, m_values ? m_values->extent : ValueRange{}};
    if (m_current >= 0 && m_current < static_cast<int>(m_formats.size())) {
        const ChosenFormat &like = m_formats[static_cast<std::size_t>(m_current)];
        if (like.wished.kind != Kind::Rule || whyNotRule(*format, like.wished.rule.kind).empty())
            chosen.wished = like.wished;
    }
    m_formats.push_back(chosen);
    m_current = static_cast<int>(m_formats.size()) - 1;
    findRanges();
}

void NumberLineDock::removeCurrent() {
    if (m_current < 0 || m_current >= static_cast<int>(m_formats.size()))
        return;
    m_formats.erase(m_formats.begin() + m_current);
    m_current = std::min(m_current, static_cast<int>(m_formats.size()) - 1);
    findRanges();
}

void NumberLineDock::setCurrent(int row) {
    if (!m_table || row == m_table->current)
        return;
    m_current = formatOf(row);
    refreshTable();
}

void NumberLineDock::wishChoice(const ClipChoice &choice) {
    for (std::size_t i = 0; i < m_formats.size(); ++i) {
        ChosenFormat &chosen = m_formats[i];
        if (!m_controls->allTogether() && static_cast<int>(i) != m_current)
            continue;
        // Rules that search on integer grids pass the others by.
        if (choice.kind == Kind::Rule && !whyNotRule(*chosen.format, choice.rule.kind).empty())
            continue;
        chosen.wished = choice;
        chosen.pending = true;
    }
    findRanges();
}

void NumberLineDock::wishClip(int row, double lo, double hi) {
    const int format = formatOf(row);
    if (format < 0 || format >= static_cast<int>(m_formats.size()) || !std::isfinite(lo) ||
        !std::isfinite(hi) || lo > hi)
        return;
    m_current = format;
    wishChoice({Kind::Fixed, {}, {lo, hi}});
}

QString NumberLineDock::whyNotApply() const {
    if (!m_table || m_table->current < 0)
        return tr("there is no format");
    const NumberLineRow &row = m_table->rows[static_cast<std::size_t>(m_table->current)];
    if (row.choice.kind == Kind::Own)
        return tr("this is the grid that the layer has already");
    if (!row.format->isInteger())
        return tr("recipes quantize to integer grids, and %1 is none")
            .arg(QString::fromStdString(row.format->title));
    if (row.choice.kind == Kind::Fixed)
        return tr("recipes choose every slice's range by a rule and cannot hold a fixed one; take min-max, "
                  "percentile, mse or kl");
    if (row.choice.kind == Kind::Best)
        return tr("recipes have no rule 'best MSE'; mse comes closest");
    return {};
}

void NumberLineDock::applyToRecipe() {
    if (!whyNotApply().isEmpty())
        return;
    const NumberLineRow &row = m_table->rows[static_cast<std::size_t>(m_table->current)];
    const ValueSource &source = m_values->request.source;
    const Layer &layer = m_values->request.layerInfo();
    LayerChoice choice = context().recipe().choiceFor(layer.name);
    if (source.of == Of::Weight && !choice.weight)
        choice.weight.emplace();
    if (source.of == Of::Activation && !choice.activation)
        choice.activation.emplace();
    GridScheme &grid = source.of == Of::Weight ? choice.weight->scheme.grid : choice.activation->grid;
    grid.bits = row.format->bits;
    grid.convention = *row.format->convention;
    grid.rule = row.choice.rule;
    if (source.of == Of::Activation)
        choice.activation->scale = ActivationScale::Static; // the rule chose one range for the tensor
    if (source.of == Of::Weight) {
        choice.weight->scheme.granularity = source.granularity;
        if (source.granularity == Granularity::PerGroup)
            choice.weight->scheme.groupSize = source.groupSize;
    }
    const Recipe after =
        withChoiceFor(context().selection().layers, *m_values->request.model, context().recipe(), choice);
    context().undoStack().push(new ChangeRecipeCommand(
        context(), after, tr("Use %1").arg(QString::fromStdString(row.format->title))));
}

} // namespace qs::views
