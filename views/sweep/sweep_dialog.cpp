#include "views/sweep/sweep_dialog.h"

#include "core/quant/method_chain.h"
#include "views/shared/format_text.h"
#include "views/shared/sweep_document.h"
#include "views/shared/workbench_context.h"

#include <QCheckBox>
#include <QDialogButtonBox>
#include <QDir>
#include <QFileDialog>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPushButton>
#include <QSpinBox>
#include <QToolButton>

namespace qs::views {
namespace {

const std::vector<int> kWeightBits{8, 7, 6, 5, 4, 3, 2};
const std::vector<int> kActivationBits{0, 8, 6, 4};
constexpr int kMethodRows = 9;

QSpinBox *sampleBox(std::int64_t limit, const QString &name, const QString &toolTip) {
    auto *box = new QSpinBox;
    box->setRange(0, static_cast<int>(std::min<std::int64_t>(limit, 1'000'000)));
    box->setSpecialValueText(QObject::tr("all"));
    box->setAccessibleName(name);
    box->setToolTip(toolTip);
    return box;
}

std::vector<int> ticked(const std::vector<QCheckBox *> &boxes) {
    std::vector<int> widths;
    for (const QCheckBox *box : boxes)
        if (box->isChecked())
            widths.push_back(box->property("bitWidth").toInt());
    return widths;
}

} // namespace

SweepDialog::SweepDialog(WorkbenchContext &context, QWidget *parent)
    : QDialog(parent), m_context(context), m_methods(new QListWidget), m_chains(new QLineEdit),
      m_file(new QLineEdit), m_perTensor(new QCheckBox(tr("tensor"))),
      m_perChannel(new QCheckBox(tr("channel"))), m_perGroup(new QCheckBox(tr("groups of"))),
      m_groupSize(new QSpinBox), m_note(new QLabel) {
    setWindowTitle(tr("Run a sweep"));
    auto *layout = new QFormLayout(this);
    const ModelFiles model = SweepDocument::of(context).openModel();
    const auto nameOf = [](const std::filesystem::path &file) {
        return file.empty() ? tr("none") : QString::fromStdU16String(file.filename().u16string());
    };
    auto *modelText =
        new QLabel(tr("%1\ncalibration: %2 · evaluation: %3")
                       .arg(nameOf(model.model), nameOf(model.calibration), nameOf(model.evaluation)));
    layout->addRow(tr("Model"), modelText);
    layout->addRow(tr("Methods"), makeMethods());
    layout->addRow(tr("Chains"), m_chains);
    layout->addRow(tr("Bits of weights"), makeBits(m_bits, kWeightBits, {8, 4, 3, 2}));
    layout->addRow(tr("Bits of activations"), makeBits(m_activationBits, kActivationBits, {0}));
    layout->addRow(tr("A scale per"), makeSlices());
    layout->addRow(tr("Samples"), makeSamples());
    if (const std::int64_t limit = context.memoryLimit(); limit > 0)
        layout->addRow(
            tr("Calibration"),
            new QLabel(tr("takes at most %1 (menu Run, Calibration memory…)").arg(formatBytes(limit))));
    layout->addRow(tr("Result file"), makeFile());
    layout->addRow(QString(), m_note);
    m_chains->setPlaceholderText(tr("one after the other: smoothquant+gptq, rtn+l2qer"));
    m_chains->setAccessibleName(tr("Chains of methods"));
    m_chains->setToolTip(tr("Ids joined by +; several chains are separated by commas"));
    m_note->setWordWrap(true);
    m_note->setMinimumHeight(2 * m_note->fontMetrics().lineSpacing());
    auto *buttons = new QDialogButtonBox(QDialogButtonBox::Cancel);
    m_start = buttons->addButton(tr("Start"), QDialogButtonBox::AcceptRole);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    layout->addRow(buttons);
    connect(m_chains, &QLineEdit::textChanged, this, &SweepDialog::check);
    connect(m_file, &QLineEdit::textChanged, this, &SweepDialog::check);
    check();
}

QWidget *SweepDialog::makeMethods() {
    m_methods->setAccessibleName(tr("Methods"));
    m_methods->setToolTip(
        tr("Each ticked method is tried alone (a transform or branch with round to nearest); "
           "combine them under Chains"));
    std::vector<const MethodInfo *> infos = m_context.methods().infos();
    std::stable_partition(infos.begin(), infos.end(),
                          [](const MethodInfo *info) { return info->kind == MethodKind::Quantizer; });
    for (const MethodInfo *info : infos) {
        auto *item =
            new QListWidgetItem(tr("%1   %2 (%3)")
                                    .arg(QString::fromStdString(info->id), QString::fromStdString(info->name),
                                         QString::fromUtf8(methodKindName(info->kind).data())),
                                m_methods);
        item->setData(Qt::UserRole, QString::fromStdString(info->id));
        item->setToolTip(QString::fromStdString(info->summary));
        item->setFlags(Qt::ItemIsUserCheckable | Qt::ItemIsEnabled | Qt::ItemIsSelectable);
        item->setCheckState(info->id == "rtn" || info->id == "gptq" ? Qt::Checked : Qt::Unchecked);
    }
    m_methods->setFixedHeight(kMethodRows * (m_methods->sizeHintForRow(0) + 1));
    m_methods->setMinimumWidth(460);
    connect(m_methods, &QListWidget::itemChanged, this, &SweepDialog::check);
    return m_methods;
}

QWidget *SweepDialog::makeBits(std::vector<QCheckBox *> &boxes, const std::vector<int> &widths,
                               const std::vector<int> &chosen) {
    auto *row = new QWidget;
    auto *layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    for (const int width : widths) {
        auto *box = new QCheckBox(width == 0 ? tr("float") : QString::number(width));
        box->setProperty("bitWidth", width);
        box->setAccessibleName(width == 0 ? tr("float") : tr("%1 bit").arg(width));
        box->setChecked(std::find(chosen.begin(), chosen.end(), width) != chosen.end());
        connect(box, &QCheckBox::toggled, this, &SweepDialog::check);
        layout->addWidget(box);
        boxes.push_back(box);
    }
    layout->addStretch();
    return row;
}

QWidget *SweepDialog::makeSlices() {
    auto *row = new QWidget;
    auto *layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    m_perChannel->setChecked(true);
    m_groupSize->setRange(2, 1 << 20);
    m_groupSize->setValue(64);
    m_groupSize->setAccessibleName(tr("Group size"));
    m_groupSize->setToolTip(tr("Consecutive inputs of an output channel that share one scale"));
    for (QCheckBox *box : {m_perTensor, m_perChannel, m_perGroup}) {
        layout->addWidget(box);
        connect(box, &QCheckBox::toggled, this, &SweepDialog::check);
    }
    connect(m_perGroup, &QCheckBox::toggled, m_groupSize, &QWidget::setEnabled);
    m_groupSize->setEnabled(false);
    layout->addWidget(m_groupSize);
    layout->addStretch();
    return row;
}

QWidget *SweepDialog::makeSamples() {
    const auto count = [](const auto &set) { return set ? set->samples() : 0; };
    m_calibrationSamples = sampleBox(count(m_context.calibration()), tr("Calibration samples"),
                                     tr("How many samples methods learn from"));
    m_evaluationSamples =
        sampleBox(count(m_context.evaluation() ? m_context.evaluation() : m_context.calibration()),
                  tr("Evaluation samples"), tr("On how many samples outputs are compared; fewer is faster"));
    auto *row = new QWidget;
    auto *layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(new QLabel(tr("calibration")));
    layout->addWidget(m_calibrationSamples);
    layout->addWidget(new QLabel(tr("evaluation")));
    layout->addWidget(m_evaluationSamples);
    layout->addStretch();
    return row;
}

QWidget *SweepDialog::makeFile() {
    const QString name = QString::fromStdString(SweepDocument::of(m_context).openModel().name);
    m_file->setText(
        QDir::current().filePath((name.isEmpty() ? tr("model") : name) + QStringLiteral("-sweep.json")));
    m_file->setAccessibleName(tr("Result file"));
    auto *browseButton = new QToolButton;
    browseButton->setText(tr("Browse…"));
    connect(browseButton, &QToolButton::clicked, this, &SweepDialog::browse);
    auto *row = new QWidget;
    auto *layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_file, 1);
    layout->addWidget(browseButton);
    return row;
}

void SweepDialog::browse() {
    auto *dialog = new QFileDialog(this, tr("Result file of the sweep"), QFileInfo(file()).path());
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setOption(QFileDialog::DontConfirmOverwrite);
    dialog->setNameFilters({tr("Results of sweeps (*.json)")});
    dialog->setDefaultSuffix(QStringLiteral("json"));
    dialog->selectFile(QFileInfo(file()).fileName());
    connect(dialog, &QFileDialog::fileSelected, m_file, &QLineEdit::setText);
    dialog->open();
}

SweepPlan SweepDialog::plan() const {
    SweepPlan plan;
    plan.models = {SweepDocument::of(m_context).openModel()};
    for (int i = 0; i < m_methods->count(); ++i)
        if (m_methods->item(i)->checkState() == Qt::Checked)
            plan.methods.push_back(m_methods->item(i)->data(Qt::UserRole).toString().toStdString());
    for (const QString &chain : m_chains->text().split(',', Qt::SkipEmptyParts))
        plan.methods.push_back(chain.simplified().remove(' ').toStdString());
    plan.bits = ticked(m_bits);
    plan.activationBits = ticked(m_activationBits);
    plan.slices.clear();
    if (m_perTensor->isChecked())
        plan.slices.push_back({Granularity::PerTensor, 0});
    if (m_perChannel->isChecked())
        plan.slices.push_back({Granularity::PerChannel, 0});
    if (m_perGroup->isChecked())
        plan.slices.push_back({Granularity::PerGroup, m_groupSize->value()});
    plan.memoryLimit = m_context.memoryLimit();
    plan.calibrationSamples = m_calibrationSamples->value();
    plan.evaluationSamples = m_evaluationSamples->value();
    return plan;
}

QString SweepDialog::file() const {
    return m_file->text();
}

QString SweepDialog::whyNot() const {
    if (const QString reason = SweepDocument::of(m_context).whyNotStart(); !reason.isEmpty())
        return reason;
    if (const auto jobs = sweepJobs(plan(), m_context.methods()); !jobs)
        return QString::fromStdString(jobs.error().text());
    const QFileInfo target(file());
    if (file().isEmpty() || target.isDir())
        return tr("Name a file for the results.");
    return target.dir().exists() ? QString() : tr("The folder of the result file does not exist.");
}

void SweepDialog::check() {
    const QString reason = whyNot();
    m_start->setEnabled(reason.isEmpty());
    if (!reason.isEmpty())
        return m_note->setText(QStringLiteral("⚠ ") + reason);
    const auto jobs = sweepJobs(plan(), m_context.methods());
    m_note->setText(tr("%1 jobs. ").arg(jobs->size()) +
                    (QFileInfo::exists(file()) ? tr("The file is continued: what it holds is not run again.")
                                               : tr("A stopped sweep can be continued with the same file.")));
}

void askForSweep(WorkbenchContext &context, QWidget *parent) {
    auto *dialog = new SweepDialog(context, parent);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    QObject::connect(dialog, &QDialog::accepted, &context, [dialog, &context] {
        SweepDocument::of(context).start(dialog->plan(), dialog->file());
        context.reveal(QStringLiteral("sweep"));
    });
    dialog->open();
}

} // namespace qs::views
