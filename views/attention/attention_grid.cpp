#include "views/attention/attention_grid.h"

#include "views/attention/head_table_model.h"

namespace qs::views {

namespace {

QString tr(const char *text) {
    return QCoreApplication::translate("Attention", text);
}

class GridBuilder {
public:
    GridBuilder(const AttentionSurvey &survey, AttentionGrid &grid) : m_survey(survey), m_grid(grid) {
        for (const auto &layer : survey.layers)
            grid.columns = std::max(grid.columns, static_cast<int>(layer->heads.size()));
    }

    void addRow(std::size_t layer, AttentionVariant variant, const QString &name) {
        m_grid.rowNames.push_back(name);
        const AttentionLayer &measured = *m_survey.layers[layer];
        for (std::size_t head = 0; head < static_cast<std::size_t>(m_grid.columns); ++head) {
            AttentionPanel panel;
            panel.isDifference = variant == AttentionVariant::Difference;
            if (head < measured.heads.size()) {
                panel.block = static_cast<int>(measured.block);
                panel.head = static_cast<int>(head);
                panel.map = mapOf(measured.heads[head], variant);
                panel.toolTip = headToolTip(m_survey, layer, head);
            }
            m_grid.panels.push_back(std::move(panel));
        }
    }

private:
    static const Tensor &mapOf(const AttentionHead &head, AttentionVariant variant) {
        return variant == AttentionVariant::Float       ? head.thumbnail
               : variant == AttentionVariant::Quantized ? head.quantizedThumbnail
                                                        : head.differenceThumbnail;
    }
    const AttentionSurvey &m_survey;
    AttentionGrid &m_grid;
};

} // namespace

AttentionGrid makeAttentionGrid(const AttentionSurvey &survey, const AttentionShown &shown,
                                bool logarithmic) {
    AttentionGrid grid;
    grid.valueTitle = tr("probability");
    grid.differenceTitle = tr("quantized − float");
    GridBuilder builder(survey, grid);
    for (std::size_t layer = 0; layer < survey.layers.size(); ++layer) {
        const QString name =
            QString::fromStdString(survey.attention->blocks[survey.layers[layer]->block].name);
        if (shown.block < 0)
            builder.addRow(layer, survey.hasQuantized ? shown.variant : AttentionVariant::Float, name);
        else if (survey.layers[layer]->block == static_cast<std::size_t>(shown.block)) {
            builder.addRow(layer, AttentionVariant::Float, tr("float"));
            if (survey.hasQuantized) {
                builder.addRow(layer, AttentionVariant::Quantized, tr("quantized"));
                builder.addRow(layer, AttentionVariant::Difference, tr("difference"));
            }
        }
    }
    // Float and quantized share their scale also when only one of them is shown.
    double highest = 0, largestError = 0;
    for (const auto &layer : survey.layers)
        if (shown.block < 0 || layer->block == static_cast<std::size_t>(shown.block))
            for (const AttentionHead &head : layer->heads) {
                highest =
                    std::max({highest, head.reference.highest, head.quantized ? head.quantized->highest : 0});
                largestError = std::max(largestError, head.agreement ? head.agreement->maxAbsError : 0);
            }
    grid.scale = probabilityScale(highest, logarithmic);
    grid.differenceScale = differenceScale(largestError);
    return grid;
}

} // namespace qs::views
