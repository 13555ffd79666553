#include "views/shared/figure_export.h"

#include "core/base/atomic_file.h"
#include "core/exec/capture.h"
#include "core/io/activation_file.h"
#include "core/io/calibration_origin.h"
#include "core/session/provenance_caption.h"
#include "views/shared/figure_export_dialog.h"
#include "views/shared/workbench_context.h"

#include <QAction>
#include <QClipboard>
#include <QGuiApplication>
#include <QMenu>
#include <QMimeData>

namespace qs::views {
namespace {

const QString kFigureTag = QStringLiteral("export-figure"), kCopyTag = QStringLiteral("copy-figure");

const FigureSource *sourceOf(const QWidget *widget) {
    return dynamic_cast<const FigureSource *>(widget);
}
FigureSource *sourceOf(QWidget *widget) {
    return dynamic_cast<FigureSource *>(widget);
}

std::vector<QWidget *> figuresIn(const QWidget &widget) {
    std::vector<QWidget *> figures;
    for (QWidget *child : widget.findChildren<QWidget *>())
        if (sourceOf(child))
            figures.push_back(child);
    return figures;
}

/// What is open and shown, as far as no run says it.
Provenance provenanceOf(const WorkbenchContext &context) {
    if (const auto run = context.run())
        return run->provenance;
    Provenance provenance;
    provenance.program = programVersion();
    if (const auto model = context.model()) {
        provenance.modelFile = model->file.filename().string();
        provenance.modelSha256 = model->sha256;
    }
    if (const auto capture = context.capture(); capture && !capture->origin.empty()) {
        provenance.calibrationFile =
            context.activations()->file().filename().string() + ", captured elsewhere";
        provenance.calibrationSha256 = capture->calibrationSha256;
        provenance.calibrationSamples = capture->samples;
    } else if (const auto set = context.calibration()) {
        provenance.calibrationFile = sourceName(*set);
        provenance.calibrationSha256 = set->sha256();
        provenance.calibrationSamples = context.capture() ? context.capture()->samples : set->samples();
    }
    return provenance;
}

QAction *makeAction(QDockWidget &dock, const char *name, const QString &text, const QKeySequence &keys) {
    auto *action = new QAction(text, &dock);
    action->setObjectName(QLatin1String(name));
    action->setShortcut(keys);
    action->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    dock.addAction(action);
    return action;
}

} // namespace

FigureExporter::FigureExporter(QDockWidget &dock, WorkbenchContext &context)
    : QObject(&dock), m_dock(dock), m_context(context),
      m_export(makeAction(dock, "export_figure", tr("Export figure…"), QKeySequence("Ctrl+Shift+S"))),
      m_copy(makeAction(dock, "copy_figure", tr("Copy figure"), QKeySequence("Ctrl+Shift+C"))) {
    m_export->setToolTip(tr("Write the figure as SVG, PDF or PNG, or its data as CSV"));
    m_copy->setToolTip(tr("To the clipboard, as PNG and SVG"));
    connect(m_export, &QAction::triggered, this, [this] { ask(current()); });
    connect(m_copy, &QAction::triggered, this, [this] {
        QWidget *figure = current();
        if (!figure)
            return tellNothing();
        FigureRequest request = rememberedFigureRequest();
        request.caption = caption(*figure);
        copy(*figure, request);
    });
}

bool FigureExporter::hasFigures(const QWidget &widget) {
    return sourceOf(&widget) || !figuresIn(widget).empty();
}

void FigureExporter::addTo(QMenu &menu, QWidget &figure) {
    for (QWidget *parent = &figure; parent; parent = parent->parentWidget())
        if (auto *exporter = parent->findChild<FigureExporter *>(QString(), Qt::FindDirectChildrenOnly)) {
            menu.addAction(exporter->m_export);
            menu.addAction(exporter->m_copy);
            return;
        }
}

QWidget *FigureExporter::current() const {
    const auto drawable = [](QWidget *widget) {
        return sourceOf(widget) && widget->isVisible() && sourceOf(widget)->hasFigure();
    };
    for (QWidget *widget = m_dock.focusWidget(); widget && widget != &m_dock; widget = widget->parentWidget())
        if (drawable(widget))
            return widget;
    QWidget *largest = nullptr;
    for (QWidget *figure : figuresIn(m_dock))
        if (drawable(figure) &&
            (!largest || figure->width() * figure->height() > largest->width() * largest->height()))
            largest = figure;
    return largest;
}

QString FigureExporter::caption(const QWidget &figure) const {
    QStringList lines;
    if (const QString title = sourceOf(&figure)->figureTitle(); !title.isEmpty())
        lines << title + '.';
    lines << QString::fromStdString(provenanceCaption(provenanceOf(m_context)));
    if (const auto run = m_context.run())
        lines << tr("run %1%2")
                     .arg(QString::fromStdString(run->name), run->complete ? QString() : tr(" (partial)"));
    return lines.join('\n');
}

void FigureExporter::tellNothing() {
    m_context.addFinding({Severity::Info, "There is no figure to export yet.",
                          m_dock.windowTitle().toStdString(), "Export when the view shows data."});
}

void FigureExporter::ask(QWidget *figure) {
    if (!figure)
        return tellNothing();
    auto *dialog = new FigureExportDialog(sourceOf(figure)->figureName(), sourceOf(figure)->figureSize(),
                                          caption(*figure), &m_dock);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    if (sourceOf(figure)->needsItsSize())
        dialog->suggestNaturalSize();
    const QPointer<QWidget> guarded(figure);
    connect(dialog, &FigureExportDialog::exportWanted, this, [this, dialog, guarded] {
        if (guarded)
            write(*guarded, dialog->request(), dialog->file());
    });
    connect(dialog, &FigureExportDialog::copyWanted, this, [this, dialog, guarded] {
        if (guarded)
            copy(*guarded, dialog->request());
    });
    dialog->open();
}

void FigureExporter::write(QWidget &figure, const FigureRequest &request, const QString &file) {
    if (!sourceOf(&figure)->hasFigure())
        return tellNothing();
    m_context.jobs().start(
        kFigureTag, tr("Writing %1").arg(file),
        [work = sourceOf(&figure)->prepareFigure(request), file](const RunContext &ctx) -> Status {
            QS_TRY(const std::string bytes, work(ctx));
            return writeFileAtomically(file.toStdString(), bytes);
        },
        [context = QPointer(&m_context), file](const Status &status) {
            if (!context || (!status && status.error().code == ErrorCode::Cancelled))
                return;
            context->addFinding(
                status
                    ? Finding{Severity::Info, "The figure was written.", file.toStdString(), ""}
                    : Finding{Severity::Error, "The figure could not be written: " + status.error().message,
                              file.toStdString(), "Choose another file or another size."});
        });
}

void FigureExporter::copy(QWidget &figure, FigureRequest request) {
    if (!sourceOf(&figure)->hasFigure())
        return tellNothing();
    request.format = FigureRequest::Format::Png;
    const FigureWork png = sourceOf(&figure)->prepareFigure(request);
    request.format = FigureRequest::Format::Svg;
    const FigureWork svg = sourceOf(&figure)->prepareFigure(request);
    auto bytes = std::make_shared<std::pair<std::string, std::string>>();
    m_context.jobs().start(
        kCopyTag, tr("Copying the figure"),
        [png, svg, bytes](const RunContext &ctx) -> Status {
            QS_TRY(bytes->first, png(ctx));
            QS_TRY(bytes->second, svg(ctx));
            return {};
        },
        [context = QPointer(&m_context), bytes](const Status &status) {
            if (!context || (!status && status.error().code == ErrorCode::Cancelled))
                return;
            if (!status)
                return context->addFinding({Severity::Error,
                                            "The figure could not be copied: " + status.error().message, "",
                                            "Choose another size."});
            auto *data = new QMimeData;

            data->setImageData(QImage::fromData(QByteArray::fromStdString(bytes->first), "PNG"));
            data->setData("image/svg+xml", QByteArray::fromStdString(bytes->second));
            QGuiApplication::clipboard()->setMimeData(data);
        });
}

} // namespace qs::views
