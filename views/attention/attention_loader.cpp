#include "views/attention/attention_loader.h"

#include "views/shared/latest_value.h"
#include "views/shared/workbench_context.h"

#include <QPointer>

namespace qs::views {

namespace {

const QString kSurveyTag = QStringLiteral("attention");
const QString kMapTag = QStringLiteral("attention-map");

} // namespace

AttentionLoader::AttentionLoader(WorkbenchContext &context, QObject *parent)
    : QObject(parent), m_context(context) {}

void AttentionLoader::clear() {
    m_context.jobs().cancelTag(kSurveyTag);
    m_context.jobs().cancelTag(kMapTag);
    m_request = {};
    m_prepared = nullptr;
    m_survey = nullptr;
    m_map = nullptr;
    m_wantedMap.reset();
}

void AttentionLoader::measure(const AttentionRequest &request) {
    if (request == m_request)
        return;
    struct Outcome {
        std::shared_ptr<const AttentionSurveyRequest> prepared;
        std::shared_ptr<const AttentionSurvey> survey;
        FindingList findings;
    };
    using Snapshot = std::shared_ptr<const AttentionSurvey>;
    // Another sample of the same model: the same head is wanted.
    const auto wantedMap = request.model == m_request.model ? m_wantedMap : std::nullopt;
    clear();
    m_wantedMap = wantedMap;
    m_request = request;
    auto outcome = std::make_shared<Outcome>();
    auto partial =
        std::make_shared<LatestValue<Snapshot>>(m_context.jobs(), [self = QPointer(this)](Snapshot survey) {
            if (!self)
                return;
            self->m_survey = std::move(survey);
            emit self->surveyChanged();
        });
    m_context.jobs().start(
        kSurveyTag, tr("Measuring attention of sample %1").arg(request.sample),
        [outcome, partial, request](const RunContext &ctx) -> Status {
            QS_TRY(outcome->prepared, prepareAttention(request));
            const auto publish = [&](Snapshot survey) { partial->put(std::move(survey), ctx.stop); };
            QS_TRY(outcome->survey, surveyAttention(*outcome->prepared, publish, outcome->findings, ctx));
            return {};
        },
        [self = QPointer(this), outcome, partial](const Status &status) {
            partial->close();
            if (!self)
                return;
            for (const auto &entry : outcome->findings.snapshot())
                self->m_context.addFinding(entry.finding);
            self->m_prepared = outcome->prepared;
            self->m_survey = outcome->survey;
            self->finish(status);
        });
}

void AttentionLoader::finish(const Status &status) {
    if (status) {
        emit surveyChanged();
        if (m_wantedMap && !m_map && !m_context.jobs().isRunning(kMapTag))
            startMap();
        return;
    }
    emit failed(status.error().code == ErrorCode::Cancelled
                    ? tr("Stopped. Change the sample to measure again.")
                    : QString::fromStdString(status.error().text()));
}

void AttentionLoader::loadMap(const AttentionMapChoice &choice) {
    if (m_map && m_map->choice == choice) {
        m_context.jobs().cancelTag(kMapTag);
        m_wantedMap = choice;
        emit mapChanged();
        return;
    }
    if (m_wantedMap == choice)
        return; // on its way
    m_wantedMap = choice;
    if (m_prepared && m_survey && m_survey->complete)
        startMap();
}

void AttentionLoader::dropMap() {
    m_context.jobs().cancelTag(kMapTag);
    m_map = nullptr;
    m_wantedMap.reset();
}

void AttentionLoader::startMap() {
    auto loaded = std::make_shared<std::shared_ptr<const AttentionMapContent>>();
    m_context.jobs().start(
        kMapTag, tr("Preparing an attention map"),
        [loaded, choice = *m_wantedMap, prepared = m_prepared](const RunContext &ctx) -> Status {
            QS_TRY(*loaded, loadAttentionMap(*prepared, choice, ctx));
            return {};
        },
        [self = QPointer(this), loaded](const Status &status) {
            if (!self)
                return;
            if (status) {
                self->m_map = *loaded;
                emit self->mapChanged();
                return;
            }
            self->m_wantedMap.reset();
            if (status.error().code != ErrorCode::Cancelled)
                emit self->failed(QString::fromStdString(status.error().text()));
        });
}

} // namespace qs::views
