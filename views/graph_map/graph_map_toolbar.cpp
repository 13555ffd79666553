#include "views/graph_map/graph_map_toolbar.h"

#include "views/shared/flow_layout.h"
#include "views/shared/form_widgets.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QShortcut>

namespace qs::views {

namespace {

constexpr int kBitsRole = Qt::UserRole + 1;

/// What is shown until somebody chooses.
NodeMetric firstMetric(const NodeMetricSources &sources) {
    for (const NodeMetric metric : {NodeMetric::OutputSqnr, NodeMetric::WeightSqnr})
        if (whyNoValues(metric, sources).empty())
            return metric;
    return NodeMetric::None;
}

} // namespace

GraphMapToolbar::GraphMapToolbar(QWidget *parent)
    : QWidget(parent), m_metric(new QComboBox), m_threshold(new QDoubleSpinBox), m_samples(new QSpinBox),
      m_search(new QLineEdit), m_matches(new QLabel), m_sideways(new QCheckBox(tr("Sideways"))) {
    m_metric->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    m_metric->setToolTip(tr("What the colours of the boxes show; greyed entries say what is missing"));
    m_threshold->setRange(-20, 150);
    m_threshold->setValue(20);
    m_threshold->setDecimals(1);
    m_threshold->setSuffix(tr(" dB"));
    m_threshold->setKeyboardTracking(false);
    m_threshold->setAccessibleName(tr("Divergence threshold"));
    m_threshold->setToolTip(
        tr("A node has diverged when the SQNR of its output in the quantized network falls below"));
    m_samples->setRange(1, 1'000'000);
    m_samples->setValue(16);
    m_samples->setToolTip(tr("Samples of the evaluation set (else of the calibration set) to compare on"));
    m_samples->setAccessibleName(tr("Samples to compare on"));
    m_search->setPlaceholderText(tr("Search nodes (Ctrl+F)"));
    m_search->setClearButtonEnabled(true);
    m_search->setMinimumWidth(170);
    m_search->setAccessibleName(tr("Search nodes"));
    m_search->setToolTip(
        tr("Regular expression in names and operators of nodes\n"
           "Enter goes to the next one, Shift+Enter to the previous one; blocks open on the way"));
    auto *flow = new FlowLayout(this);
    flow->addPair(tr("Colour by"), m_metric);
    flow->addWidget(m_search);
    flow->addWidget(m_matches);
    m_compare =
        addButton(tr("First divergence"),
                  tr("Compare every node's output in the quantized network with that in the float network,\n"
                     "and go to the first one that is below the threshold"));
    flow->addPair(tr("below"), m_threshold);
    flow->addPair(tr("samples"), m_samples);
    m_time = addButton(tr("Measure time"), tr("Run time of every node in float on this machine"));
    m_openAll = addButton(tr("Open all"), tr("Open every block"));
    m_closeAll = addButton(tr("Close all"), tr("Close every block"));
    m_sideways->setToolTip(tr("Edges lead to the right instead of down: for wide windows"));
    flow->addWidget(m_sideways);
    m_fit =
        addButton(tr("Fit"), tr("Show the whole graph (F)\nWheel zooms, drag pans, arrows walk along edges,\n"
                                "double click or Enter opens and closes blocks"));
    connectControls();
}

QPushButton *GraphMapToolbar::addButton(const QString &text, const QString &tip) {
    auto *button = new QPushButton(text);
    button->setMaximumWidth(button->fontMetrics().horizontalAdvance(text) + 24);
    button->setToolTip(tip);
    layout()->addWidget(button);
    return button;
}

void GraphMapToolbar::connectControls() {
    connect(m_metric, &QComboBox::currentIndexChanged, this, [this] {
        m_sensitivityBits = m_metric->currentData(kBitsRole).toInt();
        m_chosen = true;
        emit metricChanged();
    });
    connect(m_compare, &QPushButton::clicked, this, &GraphMapToolbar::compareWanted);
    connect(m_time, &QPushButton::clicked, this, &GraphMapToolbar::timeWanted);
    connect(m_openAll, &QPushButton::clicked, this, [this] { emit allBlocksWanted(true); });
    connect(m_closeAll, &QPushButton::clicked, this, [this] { emit allBlocksWanted(false); });
    connect(m_sideways, &QCheckBox::toggled, this, &GraphMapToolbar::directionChanged);
    connect(m_fit, &QPushButton::clicked, this, &GraphMapToolbar::fitWanted);
    connect(m_threshold, &QDoubleSpinBox::valueChanged, this, &GraphMapToolbar::thresholdChanged);
    connect(m_search, &QLineEdit::textChanged, this, &GraphMapToolbar::patternChanged);
    connect(m_search, &QLineEdit::returnPressed, this, [this] {
        emit stepWanted(QGuiApplication::keyboardModifiers().testFlag(Qt::ShiftModifier) ? -1 : 1);
    });
}

void GraphMapToolbar::fillMetrics(const NodeMetricSources &sources) {
    const QSignalBlocker blocker(m_metric);
    const NodeMetric wanted = m_chosen ? metric() : firstMetric(sources);
    m_metric->clear();
    for (const NodeMetricInfo &info : allNodeMetrics()) {
        std::vector<int> columns = info.metric == NodeMetric::Sensitivity ? m_columns : std::vector<int>{0};
        for (const int bits : columns) {
            const QString name = QString::fromUtf8(info.name);
            m_metric->addItem(bits > 0 ? tr("%1 at %2 bit").arg(name).arg(bits) : name,
                              static_cast<int>(info.metric));
            const int entry = m_metric->count() - 1;
            m_metric->setItemData(entry, bits, kBitsRole);
            setEntryEnabled(m_metric, entry, QString::fromStdString(whyNoValues(info.metric, sources)),
                            QString::fromUtf8(info.meaning));
            if (info.metric == wanted && (bits == 0 || bits == m_sensitivityBits))
                m_metric->setCurrentIndex(entry);
        }
    }
}

NodeMetric GraphMapToolbar::metric() const {
    return m_metric->count() > 0 ? static_cast<NodeMetric>(m_metric->currentData().toInt())
                                 : NodeMetric::None;
}

void GraphMapToolbar::setMetric(NodeMetric metric) {
    m_metric->setCurrentIndex(m_metric->findData(static_cast<int>(metric)));
}

void GraphMapToolbar::showSources(const NodeMetricSources &sources) {
    m_columns = sources.sensitivity ? sources.sensitivity->bits : std::vector<int>{0};
    fillMetrics(sources);
}

void GraphMapToolbar::setReasons(const QString &whyNotCompare, const QString &whyNotTime) {
    const auto apply = [](QPushButton *button, const QString &why) {
        button->setEnabled(why.isEmpty());
        button->setStatusTip(why);
        if (!button->property("tip").isValid())
            button->setProperty("tip", button->toolTip());
        button->setToolTip(why.isEmpty() ? button->property("tip").toString() : why);
    };
    apply(m_compare, whyNotCompare);
    apply(m_time, whyNotTime);
}

double GraphMapToolbar::thresholdDb() const {
    return m_threshold->value();
}
std::int64_t GraphMapToolbar::samples() const {
    return m_samples->value();
}
MapDirection GraphMapToolbar::direction() const {
    return m_sideways->isChecked() ? MapDirection::Right : MapDirection::Down;
}
void GraphMapToolbar::setDirection(MapDirection direction) {
    const QSignalBlocker blocker(m_sideways);
    m_sideways->setChecked(direction == MapDirection::Right);
}
QString GraphMapToolbar::pattern() const {
    return m_search->text();
}

void GraphMapToolbar::showMatches(const QString &text, const QString &toolTip) {
    m_matches->setText(text);
    m_matches->setToolTip(toolTip);
    m_matches->setVisible(!text.isEmpty());
}

void GraphMapToolbar::focusSearch() {
    m_search->setFocus(Qt::ShortcutFocusReason);
    m_search->selectAll();
}

} // namespace qs::views
