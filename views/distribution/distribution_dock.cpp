#include "views/distribution/distribution_dock.h"

#include "views/distribution/distribution_chart.h"
#include "views/distribution/statistics_panel.h"
#include "views/shared/flow_layout.h"
#include "views/shared/format_text.h"
#include "views/shared/latest_value.h"

#include <QCheckBox>
#include <QComboBox>
#include <QLabel>
#include <QPointer>
#include <QSpinBox>
#include <QStackedWidget>
#include <QVBoxLayout>

namespace qs::views {

namespace {

using Source = DistributionRequest::Source;
using Range = DistributionRequest::Range;

const QString kLoadTag = QStringLiteral("distribution");

} // namespace

DistributionDock::DistributionDock(WorkbenchContext &context)
    : ViewDock(QStringLiteral("distribution"), tr("Distribution"), context), m_source(new QComboBox),
      m_range(new QComboBox), m_channel(new QSpinBox), m_bins(new QSpinBox),
      m_log(new QCheckBox(tr("Log counts"))), m_grid(new QCheckBox(tr("Grid lines"))),
      m_pages(new QStackedWidget), m_message(new QLabel), m_title(new QLabel), m_notes(new QLabel),
      m_chart(new DistributionChart), m_statistics(new StatisticsPanel) {
    m_message->setWordWrap(true);
    m_message->setAlignment(Qt::AlignCenter);
    m_message->setMargin(24);
    m_title->setMargin(4);
    m_title->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_title->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_notes->setWordWrap(true);
    m_notes->setMargin(4);
    m_notes->setForegroundRole(QPalette::PlaceholderText);

    auto *page = new QWidget;
    auto *pageLayout = new QVBoxLayout(page);
    pageLayout->setContentsMargins(0, 0, 0, 0);
    pageLayout->setSpacing(0);
    pageLayout->addWidget(m_title);
    pageLayout->addWidget(m_chart, 1);
    pageLayout->addWidget(m_statistics);
    pageLayout->addWidget(m_notes);
    m_pages->addWidget(m_message);
    m_pages->addWidget(page);

    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(makeToolbar());
    layout->addWidget(m_pages, 1);
    setContent(content);

    connect(m_chart, &DistributionChart::gridNote, this, [this](const QString &note) {
        m_gridNote = note;
        updateNotes();
    });
}

QWidget *DistributionDock::makeToolbar() {
    m_source->addItem(tr("Weight"), static_cast<int>(Source::Weight));
    m_source->addItem(tr("Input activation"), static_cast<int>(Source::Activation));
    m_range->addItem(tr("full"), static_cast<int>(Range::Full));
    m_range->addItem(tr("middle 99.9 %"), static_cast<int>(Range::Central));
    m_range->setToolTip(
        tr("Which values are binned; the middle keeps its resolution beside huge outliers. It holds "
           "99.9 % of the values at least: its ends may lie 1/64 of it too far out"));
    m_channel->setSpecialValueText(tr("all"));
    m_channel->setKeyboardTracking(false);
    m_bins->setRange(16, 2048);
    m_bins->setValue(256);
    m_bins->setStepType(QAbstractSpinBox::AdaptiveDecimalStepType);
    m_bins->setKeyboardTracking(false);
    m_log->setChecked(true);
    m_log->setToolTip(
        tr("Logarithmic counts show the few values in the tails beside the many in the middle"));
    m_grid->setChecked(true);
    m_grid->setToolTip(
        tr("A line at each value that a code stands for, where one grid covers all that is shown"));

    auto *toolbar = new QWidget;
    auto *flow = new FlowLayout(toolbar);
    flow->addPair(tr("Values"), m_source);
    flow->addPair(tr("Channel"), m_channel);
    flow->addPair(tr("Range"), m_range);
    flow->addPair(tr("Bins"), m_bins);
    flow->addWidget(m_log);
    flow->addWidget(m_grid);
    updateChannelRange();

    connect(m_source, &QComboBox::currentIndexChanged, this, [this] {
        m_channelLayer = kNoLayer;
        load();
    });
    connect(m_range, &QComboBox::currentIndexChanged, this, &DistributionDock::load);
    connect(m_bins, &QSpinBox::valueChanged, this, &DistributionDock::load);
    connect(m_channel, &QSpinBox::valueChanged, this, &DistributionDock::channelEdited);
    connect(m_log, &QCheckBox::toggled, m_chart, &DistributionChart::setLogCounts);
    connect(m_grid, &QCheckBox::toggled, m_chart, &DistributionChart::setGridWanted);
    return toolbar;
}

DistributionRequest::Source DistributionDock::source() const {
    return static_cast<Source>(m_source->currentData().toInt());
}

void DistributionDock::setSource(Source source) {
    m_source->setCurrentIndex(m_source->findData(static_cast<int>(source)));
}

DistributionRequest DistributionDock::request() const {
    DistributionRequest wanted;
    wanted.model = context().model();
    wanted.layer = context().selection().layer;
    wanted.source = source();
    wanted.channel = m_channel->value();
    wanted.bins = m_bins->value();
    wanted.range = static_cast<Range>(m_range->currentData().toInt());
    const auto index = static_cast<std::size_t>(wanted.layer);
    if (!wanted.model || wanted.layer < 0 || index >= wanted.model->layers.size())
        return wanted;
    if (const auto capture = context().capture();
        capture && wanted.source == Source::Activation && index < capture->layers.size())
        wanted.capture = capture->layers[index];
    if (const auto run = context().run(); run && run->model == wanted.model && index < run->layers.size()) {
        wanted.result = run->layers[index];
        wanted.model = run->quantizedModel(); // codes stand for the weights after the transforms
        if (run->prepared && wanted.source == Source::Activation) // of the transformed model, or none
            wanted.capture = run->capture ? run->capture->layers[index] : nullptr;
    }
    if (!wanted.result)
        wanted.choice = context().recipe().choiceFor(wanted.layerInfo().name);
    return wanted;
}

void DistributionDock::updateChannelRange() {
    const QSignalBlocker blocker(m_channel);
    const auto model = context().model();
    const Selection &selection = context().selection();
    const bool isWeight = source() == Source::Weight;
    std::int64_t channels = 0;
    if (model && selection.layer >= 0 && static_cast<std::size_t>(selection.layer) < model->layers.size()) {
        const Layer &layer = model->layers[static_cast<std::size_t>(selection.layer)];
        channels = layer.outChannels;
        if (!isWeight) {
            const auto capture = context().capture();
            const auto seen = capture ? capture->layers[static_cast<std::size_t>(selection.layer)] : nullptr;
            channels = seen ? seen->channels : 0;
        }
    }
    m_channel->setRange(-1, static_cast<int>(channels) - 1);
    m_channel->setToolTip(
        isWeight
            ? tr("Output channel of the weight (row of the matrix); follows the selection of the tensor map")
            : tr("Input channel; follows the selection of the outlier map"));
    // Of an activation it is the channel of the shared selection, of a weight its output.
    if (!isWeight)
        m_channel->setValue(static_cast<int>(std::min(selection.channel, channels - 1)));
    else if (m_channelLayer != selection.layer || m_output != selection.output)
        m_channel->setValue(static_cast<int>(std::min(selection.output, channels - 1)));
    m_output = selection.output;
    m_channelLayer = selection.layer;
}

void DistributionDock::channelEdited(int channel) {
    Selection selection = context().selection();
    if (source() == Source::Weight) {
        selection.output = channel;
    } else {
        selection.channel = channel;
        selection.token = -1;
    }
    context().select(selection);
    load();
}

void DistributionDock::load() {
    updateChannelRange();
    DistributionRequest wanted = request();
    if (const std::string why = wanted.whyNothing(); !why.empty()) {
        m_wanted = {};
        context().jobs().cancelTag(kLoadTag);
        showNothing(QString::fromStdString(why));
        return;
    }
    if (wanted == m_wanted)
        return;
    m_wanted = wanted;
    if (!m_data)
        showNothing(tr("Reading %1…").arg(QString::fromStdString(wanted.layerInfo().name)));
    using Data = std::shared_ptr<const DistributionData>;
    auto data = std::make_shared<Data>();
    const auto early = std::make_shared<LatestValue<Data>>(
        context().jobs(), [self = QPointer(this), wanted](const Data &picture) {
            if (self && self->m_wanted == wanted)
                self->adopt(picture);
        });
    context().jobs().start(
        kLoadTag, tr("Binning %1").arg(QString::fromStdString(wanted.layerInfo().name)),
        [wanted, data, early](const RunContext &ctx) -> Status {
            QS_TRY(*data, prepareDistribution(
                              wanted, ctx, [&](Data picture) { early->put(std::move(picture), ctx.stop); }));
            return {};
        },
        [self = QPointer(this), data, early](const Status &status) {
            early->close();
            if (!self)
                return;
            if (status)
                self->adopt(*data);
            else if (status.error().code != ErrorCode::Cancelled)
                self->showNothing(QString::fromStdString(status.error().text()));
        });
}

void DistributionDock::showNothing(const QString &why) {
    m_data = nullptr;
    m_message->setText(why);
    m_pages->setCurrentIndex(0);
}

void DistributionDock::adopt(std::shared_ptr<const DistributionData> data) {
    m_data = std::move(data);
    const DistributionRequest &request = m_data->request;
    const QString layer = QString::fromStdString(request.layerInfo().name);
    QString title =
        request.source == Source::Weight ? tr("Weight of %1").arg(layer) : tr("Input of %1").arg(layer);
    if (request.channel >= 0)
        title += request.source == Source::Weight ? tr(", output channel %1").arg(request.channel)
                                                  : tr(", channel %1").arg(request.channel);
    title += QStringLiteral(" · ") + QString::fromStdString(m_data->badge());
    m_title->setText(title);
    m_title->setToolTip(title);
    m_pages->setCurrentIndex(1);
    m_chart->setData(m_data);
    m_statistics->setData(*m_data);
    updateNotes();
}

void DistributionDock::updateNotes() {
    QStringList notes;
    if (m_data)
        for (const std::string &note : m_data->notes)
            notes << QString::fromStdString(note);
    if (!m_gridNote.isEmpty())
        notes << m_gridNote;
    m_notes->setText(notes.join(' '));
    m_notes->setVisible(!notes.isEmpty());
}

} // namespace qs::views
