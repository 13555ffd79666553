#include "views/method_bench/scatter_page.h"

#include "views/method_bench/run_scatter.h"

#include <QComboBox>
#include <QVBoxLayout>

namespace qs::views {
namespace {

std::vector<ComparisonColumn> columnsOf(const std::vector<RunEntry> &runs) {
    std::vector<std::shared_ptr<const Run>> plain;
    for (const RunEntry &entry : runs)
        plain.push_back(entry.run);
    return compareRuns(plain);
}

} // namespace

ScatterPage::ScatterPage(WorkbenchContext &context)
    : BenchPage(context), m_metric(new QComboBox), m_scatter(new RunScatter) {
    QVBoxLayout *column = makeColumn();
    addChoice(*column, tr("Metric"), *m_metric);
    column->addWidget(m_scatter, 1);
    connect(m_metric, &QComboBox::activated, this, &ScatterPage::showMetric);
    connect(m_scatter, &BitsScatter::pointClicked, &context, &WorkbenchContext::showRun);
}

void ScatterPage::refresh() {
    fillMetrics();
    showMetric();
}

void ScatterPage::fillMetrics() {
    const QString before = m_metric->currentData().toString();
    m_metric->clear();
    for (const ComparisonColumn &column : columnsOf(context().runs().entries())) {
        if (column.id == "effective_bits")
            continue;
        m_metric->addItem(QString::fromStdString(column.name), QString::fromStdString(column.id));
        m_metric->setItemData(m_metric->count() - 1, QString::fromStdString(column.explanation),
                              Qt::ToolTipRole);
    }
    for (const QString &wanted :
         {before, QStringLiteral("perplexity"), QStringLiteral("top1"), QStringLiteral("kl"),
          QStringLiteral("sqnr"), QStringLiteral("agreement"), QStringLiteral("weight_sqnr_db")})
        if (const int index = wanted.isEmpty() ? -1 : m_metric->findData(wanted); index >= 0) {
            m_metric->setCurrentIndex(index);
            break;
        }
}

void ScatterPage::showMetric() {
    const std::vector<RunEntry> runs = context().runs().compared();
    const std::vector<ComparisonColumn> columns = columnsOf(runs);
    const auto column = [&](const std::string &id) {
        return std::find_if(columns.begin(), columns.end(),
                            [&](const auto &other) { return other.id == id; });
    };
    const auto bits = column("effective_bits"),
               figure = column(m_metric->currentData().toString().toStdString());
    if (bits == columns.end() || figure == columns.end())
        return m_scatter->clear();
    m_scatter->setRuns(runs, context().run().get(), *bits, *figure);
}

} // namespace qs::views
