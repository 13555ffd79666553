// The part of WorkbenchContext that opens files.
#include "core/graph/weights_only.h"
#include "core/io/activation_file.h"
#include "core/io/importer.h"
#include "views/shared/file_kind.h"
#include "views/shared/file_path.h"
#include "views/shared/workbench_context.h"

#include <fmt/format.h>
#include <span>

namespace qs::views {
namespace {

/// The first `limit` names, then how many more there are.
std::string joinSome(const std::vector<std::string> &names, std::size_t limit) {
    const std::span<const std::string> shown(names.data(), std::min(limit, names.size()));
    std::string text = fmt::format("{}", fmt::join(shown, ", "));
    return names.size() > limit ? fmt::format("{} and {} more", text, names.size() - limit) : text;
}

} // namespace

void WorkbenchContext::openFile(const QString &file) {
    switch (fileKind(toPath(file))) {
    case FileKind::Project:
        emit projectRequested(file);
        break;
    case FileKind::Hdf5:
        openSet(file, SetRole::ByName);
        break;
    case FileKind::Recipe:
        loadRecipe(file);
        break;
    case FileKind::NetworkConfig:
        openNetworkConfig(file);
        break;
    case FileKind::Other:
        openModel(file);
        break;
    }
}

void WorkbenchContext::openModel(const QString &file) {
    struct Opened {
        std::shared_ptr<const Model> model;
        std::shared_ptr<FindingList> findings = std::make_shared<FindingList>();
    };
    auto opened = std::make_shared<Opened>();
    startJob(
        kOpenModelTag, tr("Opening %1").arg(nameOf(toPath(file))),
        [opened, path = toPath(file)](const RunContext &ctx) -> Status {
            QS_TRY(opened->model, qs::openModel(path, *opened->findings, ctx));
            return {};
        },
        [this, opened, file] {
            adoptModel(opened->model, opened->findings);
            emit fileOpened(file);
        });
}

void WorkbenchContext::prepareExecutor() {
    auto executor = std::make_shared<std::shared_ptr<const Executor>>();
    m_jobs->start(
        kPrepareTag, tr("Preparing %1").arg(nameOf(m_model->file)),
        [executor, model = m_model](const RunContext &) -> Status {
            QS_TRY(*executor, Executor::create(model));
            return {};
        },
        [this, executor](const Status &status) {
            if (status)
                m_executor = *executor;
            else if (status.error().code != ErrorCode::Cancelled)
                reportMissingOperators(status.error());
            emit executorChanged();
        });
}

void WorkbenchContext::reportMissingOperators(const Error &error) {
    if (isWeightsOnly(m_model->graph)) // which was said when it was opened
        return;
    const std::vector<MissingOperator> missing = Executor::missingOperators(m_model->graph);
    if (missing.empty())
        m_findings->add(toFinding(error));
    for (const MissingOperator &op : missing) {
        std::string nodes = joinSome(op.nodes, 5);
        m_findings->add(Severity::Error,
                        fmt::format("Operator {}{} (opset {}) cannot be run: {}",
                                    op.domain.empty() ? "" : op.domain + ".", op.opType, op.opset, op.reason),
                        std::move(nodes),
                        "Weights can still be explored and quantized; what needs running the model is off.");
    }
    emit findingsChanged();
}

void WorkbenchContext::openNetworkConfig(const QString &file) {
    auto network = std::make_shared<NetworkDescription>();
    startJob(
        QStringLiteral("open-config"), tr("Opening %1").arg(nameOf(toPath(file))),
        [network, path = toPath(file)](const RunContext &) -> Status {
            QS_TRY(*network, readNetworkConfig(path));
            return {};
        },
        [this, network, file] {
            m_networkConfig = network;
            emit networkConfigChanged();
            emit fileOpened(file);
            reveal(QStringLiteral("roofline"));
        });
}

void WorkbenchContext::openCalibration(const QString &file) {
    openSet(file, SetRole::Calibration);
}
void WorkbenchContext::openEvaluation(const QString &file) {
    openSet(file, SetRole::Evaluation);
}

void WorkbenchContext::openSet(const QString &file, SetRole role) {
    struct Opened {
        std::shared_ptr<const CalibrationSet> set;
        std::shared_ptr<const ActivationFile> activations;
    };
    auto opened = std::make_shared<Opened>();
    // One tag per file, so that a calibration and an evaluation set dropped together both open.
    startJob(
        QStringLiteral("open-set ") + file, tr("Opening %1").arg(nameOf(toPath(file))),
        [opened, role, path = toPath(file)](const RunContext &ctx) -> Status {
            if (role != SetRole::Evaluation) {
                QS_TRY(opened->activations, openIfCaptured(path, ctx));
            }
            auto set = CalibrationSet::open(path, ctx);
            // Without inputs it may be a file of weights; nobody said that it is a set.
            if (!set && set.error().code == ErrorCode::NotFound &&
                (opened->activations || role == SetRole::ByName))
                return {};
            QS_TRY(opened->set, std::move(set));
            return {};
        },
        [this, opened, role, file] {
            if (!opened->set && !opened->activations)
                return m_model ? emit modelRequested(file) : openModel(file);
            if (opened->set)
                adoptSet(opened->set, role);
            if (opened->activations) {
                m_activations = opened->activations;
                readActivations();
            }
            emit fileOpened(file);
        });
}

void WorkbenchContext::adoptSet(std::shared_ptr<const CalibrationSet> set, SetRole role) {
    if (role == SetRole::ByName) {
        const bool forEvaluation = looksLikeEvaluation(set->file());
        // A calibration set that arrives late takes the place that an evaluation set held for want of
        // another.
        if (m_calibration && !m_evaluation && !forEvaluation && looksLikeEvaluation(m_calibration->file()))
            m_evaluation = m_calibration;
        role = forEvaluation && m_calibration ? SetRole::Evaluation : SetRole::Calibration;
    }
    const char *roleName = role == SetRole::Evaluation ? "evaluation" : "calibration";
    if (m_model && !fits(*set, roleName))
        return;
    (role == SetRole::Evaluation ? m_evaluation : m_calibration) = std::move(set);
    forgetStaleCapture();
    emit calibrationChanged();
}

bool WorkbenchContext::fits(const CalibrationSet &set, const char *role) {
    const Status status = checkFits(set, m_model->graph);
    if (status) {
        tellUnused(set, m_model->graph, *m_findings);
        emit findingsChanged();
        return true;
    }
    Finding finding = toFinding(status.error());
    finding.action = fmt::format(
        "It is not used as {} set. Give it the names, shapes and types of the model's inputs.", role);
    addFinding(finding);
    return false;
}

} // namespace qs::views
