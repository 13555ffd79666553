#include "views/models/finding_model.h"
#include "views/models/job_model.h"
#include "views/shared/format_text.h"

#include <QAbstractItemModelTester>

namespace qs::views {
namespace {

constexpr auto kFatal = QAbstractItemModelTester::FailureReportingMode::Fatal;

TEST(FindingModel, ShowsSeverityAsIconAndWordCountPlaceAndAction) {
    FindingModel model;
    const QAbstractItemModelTester tester(&model, kFatal);
    model.setEntries({{{Severity::Warning, "weight has NaN", "layers.0", "export it again"}, 3},
                      {{Severity::Error, "broken", "", ""}, 1}});
    EXPECT_TRUE(model.index(0, FindingModel::SeverityColumn).data(Qt::DecorationRole).isValid());
    EXPECT_EQ(model.index(0, FindingModel::SeverityColumn).data().toString(), "warning");
    EXPECT_EQ(model.index(0, FindingModel::CountColumn).data().toString(), "3×");
    EXPECT_EQ(model.index(0, FindingModel::ActionColumn).data().toString(), "export it again");
    EXPECT_EQ(model.index(0, 0).data(FindingModel::WhereRole).toString(), "layers.0");
    EXPECT_GT(model.index(1, 0).data(FindingModel::SortRole).toInt(),
              model.index(0, 0).data(FindingModel::SortRole).toInt());
    model.setEntries({});
}

TEST(JobModel, KeepsRowsWhileProgressIsShown) {
    JobModel model;
    const QAbstractItemModelTester tester(&model, kFatal);
    int resets = 0;
    QObject::connect(&model, &JobModel::modelReset, [&] { ++resets; });
    JobState job;
    job.id = 7;
    job.title = "Quantizing";
    job.stage = "GPTQ layers.0";
    job.done = 1;
    job.total = 4;
    job.remainingSeconds = 3;
    model.setJobs({job});
    EXPECT_EQ(resets, 1);
    EXPECT_EQ(model.index(0, JobModel::ProgressColumn).data().toString(), "25 %");
    EXPECT_EQ(model.index(0, JobModel::RemainingColumn).data().toString(), "3.0 s");
    job.done = 2;
    model.setJobs({job});
    EXPECT_EQ(resets, 1);
    EXPECT_DOUBLE_EQ(model.index(0, 0).data(JobModel::ShareRole).toDouble(), 0.5);
    JobState newer = job;
    newer.id = 8;
    model.setJobs({job, newer});
    EXPECT_EQ(model.index(0, 0).data(JobModel::JobIdRole).toInt(), 8);
}

TEST(JobModel, SaysHowAJobEnded) {
    JobState job;
    job.phase = JobState::Phase::Failed;
    job.error = "disk full";
    EXPECT_EQ(jobStateText(job), "failed: disk full");
    job.phase = JobState::Phase::Cancelled;
    EXPECT_EQ(jobStateText(job), "cancelled");
    job.phase = JobState::Phase::Running;
    job.cancelling = true;
    EXPECT_EQ(jobStateText(job), "cancelling…");
}

} // namespace
} // namespace qs::views
