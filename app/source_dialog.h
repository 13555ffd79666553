#pragma once

#include "app/project_session.h"

#include <QDialog>

class QComboBox;
class QLabel;

namespace qs::app {

/// Asks what to do about sources of a project that moved or changed: another file, the changed one, or none.
class SourceDialog : public QDialog {
    Q_OBJECT
public:
    SourceDialog(const ProjectSession::Doubt &doubt, QWidget *parent = nullptr);

    const ProjectSession::Doubt &doubt() const { return m_doubt; }
    /// The answer; sources that are as they were need none.
    ProjectSources sources() const;
    /// As if the user had located a file; `source` counts model, calibration, evaluation.
    void setFile(std::size_t source, const QString &file);

private:
    struct Row {
        QComboBox *choice = nullptr; ///< data: the file to use, empty to leave it out
        QLabel *effect = nullptr;
    };
    QWidget *makeRow(std::size_t source);
    void locate(std::size_t source);
    void showEffect(std::size_t source);

    ProjectSession::Doubt m_doubt;
    std::array<Row, 3> m_rows;
};

} // namespace qs::app
