#pragma once

#include "views/attention/attention_source.h"

#include <QObject>

namespace qs::views {

class WorkbenchContext;

/// Runs what the attention view needs in the background and keeps the results: the survey of one sample and
/// one map in full. GUI thread only.
class AttentionLoader : public QObject {
    Q_OBJECT
public:
    explicit AttentionLoader(WorkbenchContext &context, QObject *parent = nullptr);

    const AttentionRequest &request() const { return m_request; } ///< what is or becomes known
    const std::shared_ptr<const AttentionSurvey> &survey() const { return m_survey; } ///< null: not there yet
    const std::shared_ptr<const AttentionMapContent> &map() const {
        return m_map;
    } ///< null: none is wanted yet

    /// Starts the survey unless it is about this already. A failed or stopped one is not tried again by
    /// itself.
    void measure(const AttentionRequest &request);
    /// Makes this map the one that is kept; at once when it is there, else when the survey is complete.
    void loadMap(const AttentionMapChoice &choice);
    /// Keeps no map any more: it may be large.
    void dropMap();
    /// Stops everything and forgets all results.
    void clear();

signals:
    void surveyChanged(); ///< also for partial ones, at most 20 times a second
    void mapChanged();
    void failed(const QString &why);

private:
    void finish(const Status &status);
    void startMap();

    WorkbenchContext &m_context;
    AttentionRequest m_request;
    std::shared_ptr<const AttentionSurveyRequest> m_prepared;
    std::shared_ptr<const AttentionSurvey> m_survey;
    std::shared_ptr<const AttentionMapContent> m_map;
    std::optional<AttentionMapChoice> m_wantedMap;
};

} // namespace qs::views
