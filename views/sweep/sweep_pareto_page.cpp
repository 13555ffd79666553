#include "views/sweep/sweep_pareto_page.h"

#include "views/shared/flow_layout.h"

#include <QComboBox>
#include <QSignalBlocker>
#include <QVBoxLayout>
#include <set>

namespace qs::views {
namespace {

/// Fills a choice anew and keeps what was chosen where it still exists.
void refill(QComboBox &box, const std::vector<std::pair<QString, QVariant>> &entries,
            const QVariant &fallback) {
    const QSignalBlocker blocker(box);
    const QVariant before = box.currentData();
    box.clear();
    for (const auto &[text, value] : entries)
        box.addItem(text, value);
    for (const QVariant &wanted : {before, fallback})
        if (const int index = wanted.isValid() ? box.findData(wanted) : -1; index >= 0) {
            box.setCurrentIndex(index);
            return;
        }
}

} // namespace

SweepParetoPage::SweepParetoPage()
    : m_model(new QComboBox), m_figure(new QComboBox), m_activations(new QComboBox),
      m_scatter(new SweepScatter) {
    auto *choices = new QWidget;
    auto *flow = new FlowLayout(choices);
    flow->setContentsMargins(6, 4, 6, 4);
    flow->addPair(tr("Model"), m_model);
    flow->addPair(tr("Metric"), m_figure);
    flow->addPair(tr("Activations"), m_activations);
    m_model->setToolTip(tr("The chart shows results of one model"));
    m_figure->setToolTip(
        tr("What is drawn against the effective bits; at first the metric of the model's task"));
    m_activations->setToolTip(
        tr("Width of quantized activations; results of different widths do not compete for the front"));
    for (QComboBox *box : {m_model, m_figure, m_activations})
        box->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(choices);
    layout->addWidget(m_scatter, 1);
    connect(m_model, &QComboBox::currentIndexChanged, this, &SweepParetoPage::modelChosen);
    for (QComboBox *box : {m_figure, m_activations})
        connect(box, &QComboBox::currentIndexChanged, this, &SweepParetoPage::showChart);
    connect(m_scatter, &BitsScatter::pointClicked, this, &SweepParetoPage::recordClicked);
}

void SweepParetoPage::setResults(std::shared_ptr<const SweepResults> results) {
    m_results = std::move(results);
    fillModels();
    fillActivations();
    fillFigures();
    showChart();
}

void SweepParetoPage::modelChosen() {
    {
        const QSignalBlocker blocker(m_figure);
        m_figure->setCurrentIndex(-1); // another model, another task
    }
    fillActivations();
    fillFigures();
    showChart();
}

void SweepParetoPage::fillModels() {
    std::vector<std::pair<QString, QVariant>> entries;
    if (m_results)
        for (const SweepModel &model : m_results->models) {
            const QString name = QString::fromStdString(model.name);
            entries.emplace_back(name, name);
        }
    refill(*m_model, entries, {});
}

void SweepParetoPage::fillActivations() {
    std::set<int> widths;
    if (m_results)
        for (const SweepRecord &record : m_results->records)
            if (QString::fromStdString(record.job.model) == m_model->currentData().toString())
                widths.insert(activationBits(record.job.recipe));
    std::vector<std::pair<QString, QVariant>> entries;
    for (const int width : widths)
        entries.emplace_back(width == 0 ? tr("float") : tr("%1 bit").arg(width), width);
    refill(*m_activations, entries, {});
}

void SweepParetoPage::fillFigures() {
    std::set<std::string> measured;
    if (m_results)
        for (const SweepRecord &record : m_results->records)
            if (QString::fromStdString(record.job.model) == m_model->currentData().toString())
                for (const auto &[id, value] : record.values)
                    measured.insert(id);
    std::vector<std::pair<QString, QVariant>> entries;
    for (const RunFigure &figure : runFigures())
        if (measured.contains(figure.id) && figure.id != "effective_bits" && figure.id != "weight_bytes")
            entries.emplace_back(QString::fromStdString(figure.name), QString::fromStdString(figure.id));
    const SweepModel *model =
        m_results ? m_results->findModel(m_model->currentData().toString().toStdString()) : nullptr;
    refill(*m_figure, entries, model ? QString::fromStdString(model->taskMetric) : QString());
    for (int i = 0; i < m_figure->count(); ++i)
        if (const RunFigure *figure = findRunFigure(m_figure->itemData(i).toString().toStdString()))
            m_figure->setItemData(i, QString::fromStdString(figure->explanation), Qt::ToolTipRole);
}

void SweepParetoPage::showChart() {
    m_scatter->show({m_results, m_model->currentData().toString().toStdString(),
                     m_activations->currentData().toInt(), m_figure->currentData().toString().toStdString()});
}

void SweepParetoPage::setCurrent(int record) {
    if (m_results && record >= 0 && record < static_cast<int>(m_results->records.size())) {
        const SweepJob &job = m_results->records[static_cast<std::size_t>(record)].job;
        m_model->setCurrentIndex(m_model->findData(QString::fromStdString(job.model)));
        m_activations->setCurrentIndex(m_activations->findData(activationBits(job.recipe)));
    }
    m_scatter->setCurrent(record);
}

} // namespace qs::views
