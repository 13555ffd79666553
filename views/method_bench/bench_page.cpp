#include "views/method_bench/bench_page.h"

#include <QComboBox>
#include <QLabel>
#include <QVBoxLayout>

namespace qs::views {

const Layer *BenchPage::selectedLayer() const {
    const auto model = m_context.model();
    const LayerId layer = m_context.selection().layer;
    if (!model || layer < 0 || static_cast<std::size_t>(layer) >= model->layers.size())
        return nullptr;
    return &model->layers[static_cast<std::size_t>(layer)];
}

bool BenchPage::takeNews() {
    std::vector<std::shared_ptr<const Run>> runs;
    for (const RunEntry &entry : m_context.runs().compared())
        runs.push_back(entry.run);
    const LayerId layer = selectedLayer() ? selectedLayer()->id : kNoLayer;
    if (m_seenModel == m_context.model() && m_seenLayer == layer && m_seenRuns == runs)
        return false;
    m_seenModel = m_context.model();
    m_seenLayer = layer;
    m_seenRuns = std::move(runs);
    return true;
}

QVBoxLayout *BenchPage::makeColumn() {
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    return layout;
}

void BenchPage::addChoice(QVBoxLayout &column, const QString &label, QComboBox &choice) {
    auto *row = new QHBoxLayout;
    row->setContentsMargins(6, 4, 6, 4);
    choice.setSizeAdjustPolicy(QComboBox::AdjustToContents);
    auto *text = new QLabel(label);
    text->setBuddy(&choice);
    choice.setAccessibleName(label);
    row->addWidget(text);
    row->addWidget(&choice);
    row->addStretch();
    column.addLayout(row);
}

} // namespace qs::views
