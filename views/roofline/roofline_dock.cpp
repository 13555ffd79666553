#include "views/roofline/roofline_dock.h"

#include "core/analysis/graph_cost.h"
#include "core/base/number_text.h"
#include "core/figure/roofline_figure.h"
#include "core/hardware/hardware_library.h"
#include "core/hardware/transformer_cost.h"
#include "core/session/run_precision.h"
#include "views/roofline/breakdown_tabs.h"
#include "views/roofline/operator_model.h"
#include "views/roofline/roofline_chart.h"
#include "views/roofline/roofline_controls.h"
#include "views/shared/find_bar.h"
#include "views/shared/format_text.h"
#include "views/shared/table_tools.h"
#include "views/shared/turning_splitter.h"

#include <QComboBox>
#include <QFileDialog>
#include <QHeaderView>
#include <QLabel>
#include <QPointer>
#include <QSortFilterProxyModel>
#include <QStackedWidget>
#include <QTabWidget>
#include <QTableView>
#include <QVBoxLayout>

namespace qs::views {

namespace {

const QString kStudyTag = QStringLiteral("roofline");
constexpr int kDelayMs = 40; ///< a dragged slider starts one job, not a hundred
constexpr double kFloatBits = 16;
const QList<int> kShares = {1100, 800};

QString metric(double value, const char *unit) {
    return QString::fromStdString(metricText(value, unit));
}

QString rateText(double perSecond) {
    return perSecond >= 1000 ? formatCountShort(std::llround(perSecond)) : formatNumber(perSecond, 3);
}

QString summaryOf(const RooflineStudy &study, const PrecisionStudy &precision) {
    const auto tr = [](const char *text) {
        return QCoreApplication::translate("qs::views::RooflineDock", text);
    };
    const Roofline &line = precision.line;
    QString text = QStringLiteral("<b>%1</b>: ").arg(QString::fromStdString(line.name).toHtmlEscaped());
    if (precision.failure)
        return text + QString::fromStdString(precision.failure->message).toHtmlEscaped();
    text += tr("%1, %2 %3, %4 compute-bound")
                .arg(metric(line.seconds, "s"), rateText(precision.throughput),
                     QString::fromStdString(study.throughputUnit),
                     formatShare(line.seconds > 0 ? line.computeBoundSeconds / line.seconds : 0));
    if (const std::string fits = fitText(precision); !fits.empty())
        text += QStringLiteral("; ") + QString::fromStdString(fits);
    return text;
}

} // namespace

RooflineDock::RooflineDock(WorkbenchContext &context)
    : ViewDock(QStringLiteral("roofline"), tr("Roofline"), context), m_controls(new RooflineControls),
      m_pages(new QStackedWidget), m_message(new QLabel), m_summary(new QLabel), m_notes(new QLabel),
      m_tabs(new BreakdownTabs), m_chart(new RooflineChart), m_precision(new QComboBox),
      m_table(new QTableView), m_model(new OperatorModel(this)), m_sorted(new QSortFilterProxyModel(this)) {
    m_message->setWordWrap(true);
    m_message->setAlignment(Qt::AlignCenter);
    m_message->setMargin(24);
    m_pages->addWidget(m_message);
    m_pages->addWidget(makeResults());
    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_controls);
    layout->addWidget(m_pages, 1);
    setContent(content);

    m_delay.setSingleShot(true);
    m_delay.setInterval(kDelayMs);
    connect(&m_delay, &QTimer::timeout, this, &RooflineDock::start);
    connect(m_controls, &RooflineControls::changed, this, [this] { m_delay.start(); });
    connect(m_controls, &RooflineControls::sourceChosen, this, &RooflineDock::chooseSource);
    connect(m_controls, &RooflineControls::openWanted, this, &RooflineDock::openConfig);
    connect(m_chart, &RooflineChart::operatorClicked, this, [this](int precision, int index) {
        selectOperator(m_study->precisions[static_cast<std::size_t>(precision)]
                           .line.operators[static_cast<std::size_t>(index)]);
    });
}

QWidget *RooflineDock::makeResults() {
    for (QLabel *label : {m_summary, m_notes}) {
        label->setWordWrap(true);
        label->setContentsMargins(6, 2, 6, 2);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    }
    m_notes->setForegroundRole(QPalette::PlaceholderText);
    m_tabs->addTab(makeOperatorPage(), tr("Operators"));
    auto *splitter = new TurningSplitter(1.2, kShares);
    splitter->addWidget(m_chart);
    splitter->addWidget(m_tabs);
    auto *page = new QWidget;
    auto *layout = new QVBoxLayout(page);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_summary);
    layout->addWidget(splitter, 1);
    layout->addWidget(m_notes);
    return page;
}

QWidget *RooflineDock::makeOperatorPage() {
    m_sorted->setSourceModel(m_model);
    m_sorted->setSortRole(OperatorModel::SortRole);
    m_table->setModel(m_sorted);
    m_table->setSortingEnabled(true);
    m_table->sortByColumn(OperatorModel::Time, Qt::DescendingOrder);
    setUpTable(*m_table, tr("Operators of one precision"), Qt::DisplayRole);
    m_precision->setToolTip(tr("Precision whose operators the table lists"));
    m_precision->setAccessibleName(tr("Precision of the table"));
    connect(m_precision, &QComboBox::currentIndexChanged, this, &RooflineDock::updateTable);
    connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this](const QModelIndex &current) {
                if (current.isValid() && !m_following)
                    selectOperator(m_model->cost(m_sorted->mapToSource(current).row()));
            });
    auto *page = new QWidget;
    auto *layout = new QVBoxLayout(page);
    layout->setContentsMargins(0, 2, 0, 0);
    layout->addWidget(m_precision);
    layout->addWidget(withFindBar(*m_table), 1);
    return page;
}

/// Users add files while the program runs: they appear when the view is shown again.
void RooflineDock::setActive(bool active) {
    if (active)
        readDevices();
}

void RooflineDock::readDevices() {
    FindingList findings;
    m_controls->setDevices(readHardware(hardwareSearchPath(), findings));
    for (const FindingList::Entry &entry : findings.snapshot())
        if (m_toldFindings.insert(entry.finding.where + entry.finding.what).second)
            context().addFinding(entry.finding);
}

void RooflineDock::modelChanged() {
    const auto model = context().model();
    m_modelSource = model ? std::make_shared<GraphCost>(model) : nullptr;
    m_source = m_modelSource;
    updateSources();
}

void RooflineDock::updateSources() {
    if (context().networkConfig() != m_config) {
        m_config = context().networkConfig();
        m_configSource = std::make_shared<TransformerCost>(*m_config);
        m_source = m_configSource; // what was opened last is shown
    }
    if (!m_source)
        m_source = m_modelSource ? m_modelSource : m_configSource;
    QStringList names;
    int current = -1;
    for (const auto &source : {m_modelSource, m_configSource})
        if (source) {
            if (source == m_source)
                current = static_cast<int>(names.size());
            names << QString::fromStdString(source->name());
        }
    m_controls->setSources(names, current);
    if (m_source)
        m_controls->setSource(*m_source);
}

void RooflineDock::chooseSource() {
    m_source = m_controls->sourceIndex() == 0 && m_modelSource ? m_modelSource : m_configSource;
    m_controls->setSource(*m_source);
    start();
}

void RooflineDock::openConfig() {
    auto *dialog = new QFileDialog(this, tr("Open the config.json of a Hugging Face transformer"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    dialog->setNameFilters({tr("Model configs (*.json)"), tr("All files (*)")});
    connect(dialog, &QFileDialog::fileSelected, this,
            [this](const QString &file) { context().openNetworkConfig(file); });
    dialog->open();
}

void RooflineDock::runChanged() {
    if (!m_controls->device())
        readDevices();
    if (context().networkConfig() != m_config)
        updateSources();
    // A run reports its progress many times a second: only what the study is made of counts.
    if (m_source != m_started.source || completeRun() != m_started.run ||
        context().recipe() != m_started.recipe)
        start();
}

/// The run of the opened model, when it is there and what is shown is that model.
std::shared_ptr<const Run> RooflineDock::completeRun() const {
    const auto run = context().run();
    const bool fits = m_source == m_modelSource && run && run->complete && run->model == context().model();
    return fits ? run : nullptr;
}

std::vector<PrecisionPlan> RooflineDock::plans() const {
    std::vector<PrecisionPlan> plans{uniformPlan("FP16", {})};
    if (!m_controls->isCompatible()) {
        const auto run = completeRun();
        PrecisionPlan plan = run ? runPlan(run, kFloatBits) : recipePlan(context().recipe(), kFloatBits);
        plan.name = (run ? "run " : "recipe ") + plan.name;
        plans.push_back(std::move(plan));
    }
    plans.push_back(m_controls->whatIfPlan(*m_source));
    return plans;
}

void RooflineDock::start() {
    m_started = {m_source, completeRun(), context().recipe()};
    if (!m_source)
        return showNothing(tr("Open a model, or the config.json of a Hugging Face transformer: no weights "
                              "are needed for that."));
    if (!m_controls->device())
        return showNothing(tr("No hardware file was found. Put one into %1; resources/hardware/README.md "
                              "says what it holds.")
                               .arg(QString::fromStdString(hardwareSearchPath().front().string())));
    StudyRequest request = m_controls->request();
    request.plans = plans();
    auto result = std::make_shared<std::shared_ptr<const RooflineStudy>>();
    context().jobs().start(
        kStudyTag, tr("Modelling %1").arg(QString::fromStdString(m_source->name())),
        [source = m_source, device = *m_controls->device(), request,
         result](const RunContext &ctx) -> Status {
            QS_TRY(RooflineStudy study, studyRoofline(*source, device, request, ctx));
            *result = std::make_shared<const RooflineStudy>(std::move(study));
            return {};
        },
        [self = QPointer(this), result](const Status &status) {
            if (!self)
                return;
            if (status)
                self->adopt(*result);
            else if (status.error().code != ErrorCode::Cancelled)
                self->showNothing(QString::fromStdString(status.error().text()));
        });
}

void RooflineDock::showNothing(const QString &why) {
    m_study = nullptr;
    m_message->setText(why);
    m_pages->setCurrentIndex(0);
}

void RooflineDock::adopt(std::shared_ptr<const RooflineStudy> study) {
    const auto &precisions = study->precisions;
    if (std::all_of(precisions.begin(), precisions.end(),
                    [](const auto &precision) { return precision.failure.has_value(); }))
        return showNothing(QString::fromStdString(precisions.front().failure->text()));
    m_study = std::move(study);
    const std::string view =
        m_study->source + '\n' + m_study->hardware.id + '\n' + stageName(m_study->request.base.stage);
    m_chart->setStudy(m_study, view == m_shownView);
    m_shownView = view;
    m_tabs->setStudy(m_study);
    {
        const QSignalBlocker blocker(m_precision);
        const int before = m_precision->currentIndex();
        m_precision->clear();
        for (const PrecisionStudy &precision : m_study->precisions)
            m_precision->addItem(QString::fromStdString(precision.line.name));
        m_precision->setCurrentIndex(before >= 0 && before < m_precision->count() ? before
                                                                                  : m_precision->count() - 1);
    }
    updateTexts();
    m_pages->setCurrentIndex(1);
    selectionChanged();
    updateTable();
}

void RooflineDock::updateTexts() {
    QStringList lines, notes;
    for (const PrecisionStudy &precision : m_study->precisions) {
        lines << summaryOf(*m_study, precision);
        for (const std::string &note : precision.line.notes)
            if (!notes.contains(QString::fromStdString(note)))
                notes << QString::fromStdString(note);
    }
    m_summary->setText(lines.join(QStringLiteral("<br>")));
    const std::string unverified = unverifiedText(m_study->hardware);
    notes.prepend(tr("An estimate from peak rates: nothing was measured on the device."));
    if (!unverified.empty())
        notes.prepend(QString::fromStdString(unverified));
    if (const std::string counting = countingText(*m_study); !counting.empty())
        notes << QString::fromStdString(counting) + tr(" (Options)");
    m_notes->setText(notes.join(' '));
}

void RooflineDock::updateTable() {
    m_following = true;
    m_model->setStudy(m_study, std::max(0, m_precision->currentIndex()));
    m_table->horizontalHeader()->setMaximumSectionSize(220);
    m_table->resizeColumnsToContents();
    m_following = false;
    mark(m_marked);
}

void RooflineDock::selectOperator(const OperatorCost &cost) {
    mark(cost.work.name);
    if (cost.work.layer != kNoLayer && m_source == m_modelSource)
        context().select(Selection::ofLayer(cost.work.layer));
}

void RooflineDock::selectionChanged() {
    const auto model = context().model();
    const LayerId layer = context().selection().layer;
    if (!m_study || m_source != m_modelSource || !model || layer < 0 ||
        static_cast<std::size_t>(layer) >= model->layers.size())
        return mark(m_marked);
    mark(model->layers[static_cast<std::size_t>(layer)].name);
}

void RooflineDock::mark(const std::string &name) {
    m_marked = name;
    m_chart->setSelected(name);
    const int row = m_model->rowOf(name);
    m_following = true;
    const QModelIndex index = row < 0 ? QModelIndex() : m_sorted->mapFromSource(m_model->index(row, 0));
    m_table->setCurrentIndex(index);
    if (index.isValid())
        m_table->scrollTo(index);
    m_following = false;
}

} // namespace qs::views
