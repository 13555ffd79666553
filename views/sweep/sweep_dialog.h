#pragma once

#include "core/session/sweep/sweep_plan.h"

#include <QDialog>

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;
class QListWidget;
class QPushButton;
class QSpinBox;

namespace qs::views {

class WorkbenchContext;

/// Asks what a sweep of the open model shall try, and for its file.
class SweepDialog final : public QDialog {
    Q_OBJECT
public:
    explicit SweepDialog(WorkbenchContext &context, QWidget *parent = nullptr);

    /// What is chosen; complete only when whyNot() is empty.
    SweepPlan plan() const;
    QString file() const;
    /// What is missing, as a sentence; empty when the sweep can start.
    QString whyNot() const;

private:
    QWidget *makeMethods();
    QWidget *makeBits(std::vector<QCheckBox *> &boxes, const std::vector<int> &widths,
                      const std::vector<int> &ticked);
    QWidget *makeSlices();
    QWidget *makeSamples();
    QWidget *makeFile();
    void browse();
    void check();

    WorkbenchContext &m_context;
    QListWidget *m_methods;
    QLineEdit *m_chains, *m_file;
    std::vector<QCheckBox *> m_bits, m_activationBits;
    QCheckBox *m_perTensor, *m_perChannel, *m_perGroup;
    QSpinBox *m_groupSize, *m_calibrationSamples, *m_evaluationSamples;
    QLabel *m_note;
    QPushButton *m_start;
};

/// Opens the dialog and starts the sweep that it asks for; returns at once.
void askForSweep(WorkbenchContext &context, QWidget *parent);

} // namespace qs::views
