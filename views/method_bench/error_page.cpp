#include "views/method_bench/error_page.h"

#include "views/method_bench/error_overlay.h"

#include <QLabel>
#include <QPointer>
#include <QVBoxLayout>

namespace qs::views {
namespace {

const QString kErrorTag = QStringLiteral("weight-errors");

} // namespace

ErrorPage::ErrorPage(WorkbenchContext &context)
    : BenchPage(context), m_note(new QLabel), m_errors(new ErrorOverlay) {
    m_note->setMargin(4);
    m_note->setWordWrap(true);
    QVBoxLayout *column = makeColumn();
    column->addWidget(m_note);
    column->addWidget(m_errors, 1);
}

void ErrorPage::refresh() {
    if (!takeNews())
        return;
    const Layer *layer = selectedLayer();
    const std::vector<RunEntry> runs = context().runs().compared();
    if (!layer || runs.empty()) {
        context().jobs().cancelTag(kErrorTag);
        m_errors->setData(nullptr);
        m_note->setText(tr("Select a layer and tick at least one run."));
        return;
    }
    auto data = std::make_shared<std::shared_ptr<const ErrorOverlayData>>();
    context().jobs().start(
        kErrorTag, tr("Weight errors of %1").arg(QString::fromStdString(layer->name)),
        [model = context().model(), id = layer->id, runs, data](const RunContext &ctx) -> Status {
            QS_TRY(*data, prepareErrorOverlay(*model, id, runs, ctx));
            return {};
        },
        [self = QPointer(this), data](const Status &status) {
            if (!self)
                return;
            self->m_errors->setData(status ? *data : nullptr);
            QString note = status ? QString::fromStdString((*data)->layer)
                                  : QString::fromStdString(status.error().text());
            if (status && !(*data)->left.empty())
                note += tr(" · in float or failed: %1").arg(static_cast<int>((*data)->left.size()));
            self->m_note->setText(note);
        });
}

} // namespace qs::views
