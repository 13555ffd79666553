#include "views/jobs/jobs_dock.h"

#include "views/shared/find_bar.h"
#include "views/shared/table_tools.h"

#include <QApplication>
#include <QHeaderView>
#include <QStyledItemDelegate>
#include <QTableView>
#include <QToolButton>

namespace qs::views {
namespace {

/// Draws the share done as a bar with its text; jobs that tell no share get the text alone.
class ProgressDelegate final : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter *painter, const QStyleOptionViewItem &option,
               const QModelIndex &index) const override {
        const double share = index.data(JobModel::ShareRole).toDouble();
        if (!index.data(JobModel::RunningRole).toBool() || share < 0)
            return QStyledItemDelegate::paint(painter, option, index);
        QStyleOptionProgressBar bar;
        bar.palette = option.palette;
        bar.fontMetrics = option.fontMetrics;
        bar.rect = option.rect.adjusted(4, 3, -4, -3);
        bar.state = option.state | QStyle::State_Horizontal;
        bar.maximum = 1000;
        bar.progress = static_cast<int>(1000 * share);
        bar.text = index.data().toString();
        bar.textVisible = true;
        bar.textAlignment = Qt::AlignCenter;
        QApplication::style()->drawControl(QStyle::CE_ProgressBar, &bar, painter, option.widget);
    }
};

} // namespace

JobsDock::JobsDock(WorkbenchContext &context, QWidget *parent)
    : ViewDock(QStringLiteral("jobs"), tr("Jobs"), context, parent), m_model(new JobModel(this)),
      m_table(new QTableView) {
    m_table->setModel(m_model);
    m_table->setItemDelegateForColumn(JobModel::ProgressColumn, new ProgressDelegate(m_table));
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setShowGrid(false);
    m_table->setFrameShape(QFrame::NoFrame);
    m_table->setTabKeyNavigation(false);
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setDefaultSectionSize(m_table->fontMetrics().height() + 10);
    QHeaderView *header = m_table->horizontalHeader();
    header->setHighlightSections(false);
    header->setSectionResizeMode(QHeaderView::Interactive);
    header->setSectionResizeMode(JobModel::StageColumn, QHeaderView::Stretch);
    header->resizeSection(JobModel::TitleColumn, 300);
    header->resizeSection(JobModel::ProgressColumn, 160);
    header->resizeSection(JobModel::ElapsedColumn, 90);
    header->resizeSection(JobModel::RemainingColumn, 90);
    header->resizeSection(JobModel::CancelColumn, 80);
    m_table->setContextMenuPolicy(Qt::ActionsContextMenu);
    addCopyActions(*m_table, Qt::DisplayRole);
    setContent(withFindBar(*m_table));
    connect(&context.jobs(), &JobList::changed, this, &JobsDock::refresh);
}

void JobsDock::setActive(bool active) {
    m_active = active;
    if (active)
        refresh();
}

void JobsDock::refresh() {
    const auto jobs = context().jobs().jobs();
    const auto running = std::count_if(
        jobs.begin(), jobs.end(), [](const JobState &job) { return job.phase == JobState::Phase::Running; });
    setWindowTitle(running == 0 ? tr("Jobs") : tr("Jobs (%1 running)").arg(running));
    if (!m_active)
        return;
    m_model->setJobs(jobs);
    placeCancelButtons();
    showEmptyState(jobs.empty() ? tr("No job was started yet.") : QString());
}

void JobsDock::placeCancelButtons() {
    for (int row = 0; row < m_model->rowCount(); ++row) {
        const QModelIndex index = m_model->index(row, JobModel::CancelColumn);
        const bool running = index.data(JobModel::RunningRole).toBool();
        if (running == (m_table->indexWidget(index) != nullptr))
            continue;
        QToolButton *button = nullptr;
        if (running) {
            button = new QToolButton;
            button->setText(tr("Cancel"));
            button->setToolTip(tr("Stops this job; what it has found so far stays"));
            connect(button, &QToolButton::clicked, this,
                    [this, id = index.data(JobModel::JobIdRole).toInt()] { context().jobs().cancel(id); });
        }
        m_table->setIndexWidget(index, button);
    }
}

} // namespace qs::views
