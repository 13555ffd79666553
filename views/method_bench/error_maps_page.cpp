#include "views/method_bench/error_maps_page.h"

#include "views/canvas/heat_map_canvas.h"
#include "views/canvas/linked_zoom.h"

#include <QCheckBox>
#include <QGridLayout>
#include <QLabel>
#include <QPointer>
#include <QVBoxLayout>

namespace qs::views {
namespace {

const QString kMapsTag = QStringLiteral("error-maps");

} // namespace

ErrorMapsPage::ErrorMapsPage(WorkbenchContext &context)
    : BenchPage(context), m_difference(new QCheckBox(tr("Difference to the first run"))), m_note(new QLabel) {
    m_difference->setToolTip(tr("The first map stays dequantized − float; the others show how their weights "
                                "differ from those of the first run"));
    m_note->setWordWrap(true);
    auto *top = new QHBoxLayout;
    top->setContentsMargins(6, 4, 6, 4);
    top->addWidget(m_note, 1);
    top->addWidget(m_difference);
    auto *grid = new QGridLayout;
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setSpacing(2);
    grid->setRowStretch(1, 1);
    for (std::size_t i = 0; i < kMostErrorMaps; ++i) {
        m_titles.push_back(new QLabel);
        m_maps.push_back(new HeatMapCanvas);
        m_titles.back()->setAlignment(Qt::AlignCenter);
        m_titles.back()->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
        m_maps.back()->setFigureName(QStringLiteral("weight-error"));
        grid->addWidget(m_titles.back(), 0, static_cast<int>(i));
        grid->addWidget(m_maps.back(), 1, static_cast<int>(i));
        connect(m_maps.back(), &HeatMapCanvas::cellPicked, this, [this](qint64 row, qint64) {
            for (HeatMapCanvas *map : m_maps)
                map->setSelection(row, -1);
        });
    }
    linkZoom(m_maps);
    QVBoxLayout *column = makeColumn();
    column->addLayout(top);
    column->addLayout(grid, 1);
    column->addStretch(0);
    connect(m_difference, &QCheckBox::toggled, this, &ErrorMapsPage::load);
    showNothing(tr("Select a layer and tick at least one run."));
}

void ErrorMapsPage::refresh() {
    if (takeNews())
        load();
}

void ErrorMapsPage::load() {
    ErrorMapsRequest request{context().model(), kNoLayer, context().runs().compared(),
                             m_difference->isChecked()};
    const Layer *layer = selectedLayer();
    if (!layer || request.runs.empty()) {
        context().jobs().cancelTag(kMapsTag);
        return showNothing(tr("Select a layer and tick at least one run."));
    }
    request.layer = layer->id;
    auto data = std::make_shared<std::shared_ptr<const ErrorMapsData>>();
    context().jobs().start(
        kMapsTag, tr("Error maps of %1").arg(QString::fromStdString(layer->name)),
        [request, data](const RunContext &ctx) -> Status {
            QS_TRY(*data, prepareErrorMaps(request, ctx));
            return {};
        },
        [self = QPointer(this), data](const Status &status) {
            if (!self)
                return;
            if (status)
                self->show(**data);
            else if (status.error().code != ErrorCode::Cancelled)
                self->showNothing(QString::fromStdString(status.error().text()));
        });
}

void ErrorMapsPage::showNothing(const QString &why) {
    m_note->setText(why);
    for (std::size_t i = 0; i < m_maps.size(); ++i) {
        m_titles[i]->hide();
        m_maps[i]->hide();
        m_maps[i]->setScene({});
    }
}

void ErrorMapsPage::show(const ErrorMapsData &data) {
    if (data.scenes.empty())
        return showNothing(tr("No ticked run has quantized %1.").arg(QString::fromStdString(data.layer)));
    QStringList notes{QString::fromStdString(data.layer), tr("one colour scale, zoom and pan together")};
    if (!data.left.empty())
        notes << tr("without a map (float, failed or more than %1): %2")
                     .arg(kMostErrorMaps)
                     .arg(QStringList(data.left.begin(), data.left.end()).join(QStringLiteral(", ")));
    m_note->setText(notes.join(QStringLiteral(" · ")));
    for (std::size_t i = 0; i < m_maps.size(); ++i) {
        const bool shown = i < data.scenes.size();
        m_titles[i]->setVisible(shown);
        m_maps[i]->setVisible(shown);
        m_maps[i]->setScene(shown ? data.scenes[i] : HeatMapScene{});
        m_titles[i]->setText(shown ? data.titles[i] : QString());
        m_maps[i]->setAccessibleName(shown ? tr("Weight errors of %1").arg(data.titles[i]) : QString());
    }
}

} // namespace qs::views
